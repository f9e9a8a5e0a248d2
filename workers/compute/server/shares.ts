// How an instance's memory is shared out among decoders, models and Python handlers, so that all of them at once hold
// less than the instance has: what holds more is ended by its own watch, and not by the system, which ends anybody.
import { availableParallelism } from "node:os";
import { memoryHere } from "./memory.ts";

export interface Shares {
  /** Decoder children, and the bytes that each may hold. */
  decoders: number;
  decoderBytes: number;
  /** Bytes of all models together. */
  modelBytes: number;
  /** Python handlers at once, and the bytes that each may hold with the processes it starts. */
  pythons: number;
  pythonBytes: number;
  /** Bytes that are left for the server itself and the system. */
  serverBytes: number;
}

const DECODERS = 0.375;
const MODELS = 0.3;
const PYTHON = 0.2;
/** What a decoder of the largest films needs: beyond it a file counts as hostile. */
const DECODER_BYTES = 1.5 * 1024 ** 3;
/** Less than that is no use to a handler that imports numpy. */
const PYTHON_BYTES = 512 * 1024 ** 2;
const PYTHONS_PER_CORE = 4;

/** Shares of so much memory; by default those of this instance. */
export function sharesOf(bytes = memoryHere(), cores = availableParallelism()): Shares {
  const decoders = within(1, Math.floor((bytes * DECODERS) / DECODER_BYTES), cores);
  const pythons = within(1, Math.floor((bytes * PYTHON) / PYTHON_BYTES), cores * PYTHONS_PER_CORE);
  return {
    decoders,
    decoderBytes: Math.floor(Math.min(DECODER_BYTES, (bytes * DECODERS) / decoders)),
    modelBytes: Math.floor(bytes * MODELS),
    pythons,
    pythonBytes: Math.floor((bytes * PYTHON) / pythons),
    serverBytes: Math.floor(bytes * (1 - DECODERS - MODELS - PYTHON)),
  };
}

const within = (least: number, value: number, most: number) => Math.max(least, Math.min(value, most));
