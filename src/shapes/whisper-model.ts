// Whisper as ONNX files, as models.json declares it: an encoder of sound, a decoder of tokens, and what its decoder is told
// by tokens that are no text. It runs in compute; models that embed are in model.ts.
import { z } from "zod";
import { keptFile, originSchema } from "./model-file.ts";

const token = z.int().nonnegative();
const file = z.strictObject(keptFile);

export const whisperSchema = z.strictObject({
  kind: z.literal("onnx"),
  task: z.literal("transcribe"),
  /** Absent rather than filled in, as there was no other at first. */
  architecture: z.literal("whisper").optional(),
  /** Takes `input_features`, the spectrogram of 30 seconds. */
  encoder: file,
  /** Takes `input_ids` and `encoder_hidden_states`; one that also takes `past_key_values` is many times quicker. */
  decoder: file,
  /** A tokenizer.json. */
  tokenizer: file,
  /** Bands of the spectrogram: 80, or 128 for large-v3 and what was made of it. */
  mels: z.int().min(1).max(256).default(80),
  tokens: z.strictObject({
    /** `<|startoftranscript|>` */
    start: token,
    /** `<|endoftext|>` */
    end: token,
    /** `<|transcribe|>`; none for a model of English alone. */
    transcribe: token.optional(),
    /** `<|notimestamps|>`, after which come the tokens of times, 0.02 s apart. */
    no_timestamps: token,
    /** `<|en|>` and so on, by their codes; none for a model of English alone. */
    languages: z.record(z.string().regex(/^[a-z]{2,4}$/, "a code like en"), token).default({}),
    /** Never written. */
    suppressed: z.array(token).default([]),
    /** Not written first. */
    suppressed_first: z.array(token).default([]),
  }),
  /** Tokens that the decoder takes, those that it is told among them. */
  max_length: z.int().min(8).max(8192).default(448),
  /** The latest time that a window may begin with, in steps of 0.02 s. */
  max_first_timestamp: z.int().nonnegative().default(50),
  origin: originSchema.optional(),
});
