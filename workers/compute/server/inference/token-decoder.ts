// A decoder's session fed token by token. Where the file takes `past_key_values`, as exporters' decoder_model_merged.onnx
// does, only what is new goes in (any number of tokens at first, then one: their exports take no more); else all that
// there is. Inference process only.
import { type InferenceSession, Tensor } from "onnxruntime-node";
import { badModel } from "./bad-model.ts";
import { reasonOf } from "./load.ts";
import { onesOf } from "./sound.ts";

const PAST = "past_key_values.";
const PRESENT = "present.";
const KNOWN = [
  "input_ids",
  "encoder_hidden_states",
  "encoder_attention_mask",
  "use_cache_branch",
  "cache_position",
];

export class TokenDecoder {
  readonly #session: InferenceSession;
  readonly #file: string;
  /** What the encoder gave. */
  readonly #states: Tensor;
  #ids: number[] = [];
  #past: Record<string, Tensor> | undefined;

  /** Throws FailureError `bad_model` for a file that takes something else. */
  constructor(session: InferenceSession, file: string, states: Tensor) {
    const { inputNames, outputNames } = session;
    const other = inputNames.find((name) => !KNOWN.includes(name) && !name.startsWith(PAST));
    const missing = ["input_ids", "encoder_hidden_states"].find((name) => !inputNames.includes(name));
    const next = "Take decoder_model_merged.onnx or decoder_model.onnx of an export of Whisper or Moonshine.";
    if (other !== undefined) throw badModel(`${file} asks for an input ${other}`, next);
    if (missing !== undefined) throw badModel(`${file} has no input ${missing}`, next);
    if (!outputNames.includes("logits"))
      throw badModel(`${file} has no output logits: it has ${outputNames.slice(0, 5).join(", ")}`, next);
    this.#session = session;
    this.#file = file;
    this.#states = states;
    this.#past = inputNames.some((name) => name.startsWith(PAST)) ? {} : undefined;
  }

  /** The model's numbers for what comes behind all tokens so far. */
  async after(ids: readonly number[]): Promise<Float32Array> {
    const isFirst = this.#ids.length === 0;
    this.#ids.push(...ids);
    const fed = this.#past ? ids : this.#ids;
    const { inputNames, outputNames } = this.#session;
    const present = this.#past ? outputNames.filter((name) => name.startsWith(PRESENT)) : [];
    const feeds = Object.fromEntries(inputNames.map((name) => [name, this.#input(name, fed, isFirst)]));
    const results = await this.#session.run(feeds, ["logits", ...present]).catch((error: unknown) => {
      throw badModel(`${this.#file} does not take what a decoder of speech does: ${reasonOf(error)}`);
    });
    for (const name of present) {
      // What follows from the sound is the same at every step, and given at the first alone.
      if (!isFirst && name.includes(".encoder.")) continue;
      if (this.#past) this.#past[PAST + name.slice(PRESENT.length)] = results[name] as Tensor;
    }
    const { data, dims } = results.logits as Tensor;
    const count = dims.at(-1) ?? 0;
    if (!(data instanceof Float32Array) || data.length < count || count === 0)
      throw badModel(`${this.#file} gives no float32 numbers as logits`);
    return data.subarray(data.length - count);
  }

  #input(name: string, ids: readonly number[], isFirst: boolean): Tensor {
    if (name === "encoder_hidden_states") return this.#states;
    if (name === "encoder_attention_mask") return onesOf(this.#states.dims[1] ?? 0);
    if (name === "use_cache_branch") return new Tensor("bool", [!isFirst], [1]);
    if (name === "input_ids") return new Tensor("int64", BigInt64Array.from(ids, BigInt), [1, ids.length]);
    if (name === "cache_position") {
      const before = this.#ids.length - ids.length;
      return new Tensor(
        "int64",
        BigInt64Array.from(ids, (_, i) => BigInt(before + i)),
        [ids.length],
      );
    }
    const kept = this.#past?.[name];
    if (kept) return kept;
    const metadata = this.#session.inputMetadata.find((input) => input.name === name);
    const [, heads, , size] = metadata?.isTensor ? metadata.shape : [];
    if (!metadata?.isTensor || typeof heads !== "number" || typeof size !== "number")
      throw badModel(`${this.#file} does not say the size of ${name}`);
    if (metadata.type !== "float32")
      throw badModel(`${this.#file} keeps ${name} as ${metadata.type}, not float32`);
    return new Tensor("float32", new Float32Array(), [1, heads, 0, size]);
  }
}
