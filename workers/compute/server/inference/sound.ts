// What models of speech have in common: the sound that they are given, what they answer, and an encoder's step.
// Inference process only.
import type { Tokenizer } from "@huggingface/tokenizers";
import { Tensor } from "onnxruntime-node";
import { FailureError, fail } from "../../../../src/shapes/failure.ts";
import { badModel } from "./bad-model.ts";
import { reasonOf, type Sessions } from "./load.ts";
import type { Utterance } from "./spoken.ts";

/** Sound to be written down. */
export interface HeardSound {
  /** 16 kHz, one channel, 16 bits. */
  samples: Int16Array;
  /** Code of the language that is spoken; the model finds out, when absent. */
  language?: string | undefined;
}

/** What is said in it, in its own seconds. */
export interface WrittenSound {
  language: string | null;
  segments: Utterance[];
  words: Utterance[];
}

const MAX_SHORT = 32_768;

/** Samples from −1 to 1. */
export const floatsOf = (samples: Int16Array): Float32Array =>
  Float32Array.from(samples, (sample) => sample / MAX_SHORT);

/** The code by which a model knows a language. Throws FailureError `invalid` for one that it does not know. */
export function requireLanguage(known: readonly string[], given: string): string {
  const [code = ""] = given.toLowerCase().split("-");
  if (known.includes(code)) return code;
  throw new FailureError(
    fail("invalid", `the model knows no language ${given}`, {
      where: "language",
      expected: [...known].sort().join(", "),
      next: "Name one of these, or none: the model finds out.",
    }).failure,
  );
}

/** What an encoder gives for its one input, whatever that is called. `takes`: what it should be. Throws FailureError. */
export async function encoded(
  sessions: Sessions,
  encoder: { file: string; sha256: string },
  input: Tensor,
  takes: string,
): Promise<Tensor> {
  const session = await sessions.of(encoder);
  const { inputNames, outputNames } = session;
  const [name = "", ...others] = inputNames.filter((each) => each !== MASK);
  const output = outputNames.find((each) => each === "last_hidden_state") ?? outputNames[0];
  if (others.length > 0 || output === undefined)
    throw badModel(`${encoder.file} takes ${inputNames.join(", ")}; ${takes}`);
  const mask = inputNames.includes(MASK) ? { [MASK]: onesOf(input.dims.at(-1) ?? 0) } : {};
  const results = await session.run({ [name]: input, ...mask }, [output]).catch((error: unknown) => {
    throw badModel(`${encoder.file} does not take what models.json says it does: ${reasonOf(error)}`);
  });
  return results[output] as Tensor;
}

const MASK = "attention_mask";

/** A mask of one row that leaves nothing out. */
export const onesOf = (count: number): Tensor =>
  new Tensor("int64", new BigInt64Array(count).fill(1n), [1, count]);

export const textOf = (tokenizer: Tokenizer, ids: number[]): string =>
  tokenizer.decode(ids, { skip_special_tokens: true, clean_up_tokenization_spaces: false }).trim();
