// Moonshine as ONNX files, as models.json declares it: an encoder that takes sound as it is, and a decoder of tokens, none
// of which is a time. It runs in compute; whisper-model.ts is the other model of speech that does.
import { z } from "zod";
import { keptFile, originSchema } from "./model-file.ts";

const token = z.int().nonnegative();
const file = z.strictObject(keptFile);

export const moonshineSchema = z.strictObject({
  kind: z.literal("onnx"),
  task: z.literal("transcribe"),
  architecture: z.literal("moonshine"),
  /** Takes `input_values`: samples of 16 kHz from −1 to 1. */
  encoder: file,
  /** Takes `input_ids` and `encoder_hidden_states`; one that also takes `past_key_values` is many times quicker. */
  decoder: file,
  /** A tokenizer.json. */
  tokenizer: file,
  tokens: z.strictObject({
    /** `<s>` */
    start: token,
    /** `</s>` */
    end: token,
  }),
  /** The one language that it was trained for. */
  language: z
    .string()
    .regex(/^[a-z]{2,3}$/, "a code like en")
    .default("en"),
  /** Tokens that a second of speech has at most: what a model writes beyond is made up. */
  tokens_per_second: z.number().positive().max(100).default(6.5),
  /** Tokens that the decoder takes. */
  max_length: z.int().min(8).max(8192).default(194),
  origin: originSchema.optional(),
});
