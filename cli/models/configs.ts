// The configuration files beside a model, each as far as Weir reads it. Every one may be absent.
import { z } from "zod";

const side = z.number().positive();
const size = z.union([
  side.transform((edge) => ({ edge })),
  z.object({ shortest_edge: side }).transform(({ shortest_edge }) => ({ shortest: shortest_edge })),
  z.object({ height: side, width: side }),
]);
export type PixelSize = z.infer<typeof size>;
const triple = z.tuple([z.number(), z.number(), z.number()]);

const preprocessorSchema = z.object({
  do_resize: z.boolean().default(true),
  size: size.optional(),
  do_center_crop: z.boolean().default(false),
  crop_size: size.optional(),
  resample: z.int().optional(),
  do_rescale: z.boolean().default(true),
  rescale_factor: z.number().positive().optional(),
  do_normalize: z.boolean().default(true),
  image_mean: triple.optional(),
  image_std: triple.optional(),
  do_pad: z.boolean().nullish(),
  do_flip_channel_order: z.boolean().nullish(),
  image_processor_type: z.string().optional(),
  feature_extractor_type: z.string().optional(),
  /** Of a speech model: how its spectrogram is made. */
  feature_size: z.int().optional(),
  sampling_rate: z.int().optional(),
  n_fft: z.int().optional(),
  hop_length: z.int().optional(),
  chunk_length: z.number().optional(),
});
export type Preprocessor = z.infer<typeof preprocessorSchema>;

const count = z.int().positive();
const token = z.union([z.string(), z.object({ content: z.string() }).transform(({ content }) => content)]);
const tower = z
  .object({
    hidden_size: count,
    projection_dim: count,
    projection_size: count,
    max_position_embeddings: count,
    pad_token_id: z.int().nonnegative().nullable(),
  })
  .partial();

const id = z.int().nonnegative();
const ids = z.array(z.int()).nullish();
/** Of a model that writes: `config.json` has some of it, `generation_config.json` what counts. */
const writing = z.object({
  decoder_start_token_id: id.nullish(),
  eos_token_id: z.union([id, z.array(id)]).nullish(),
  no_timestamps_token_id: id.nullish(),
  lang_to_id: z.record(z.string(), id).nullish(),
  task_to_id: z.record(z.string(), id).nullish(),
  suppress_tokens: ids,
  begin_suppress_tokens: ids,
  max_length: count.nullish(),
  max_initial_timestamp_index: id.nullish(),
});

export const CONFIGS = {
  "config.json": tower.extend({
    model_type: z.string().optional(),
    text_config: tower.optional(),
    vision_config: tower.optional(),
    num_mel_bins: count.nullish(),
    max_target_positions: count.nullish(),
    eos_token_id: writing.shape.eos_token_id,
    decoder_start_token_id: writing.shape.decoder_start_token_id,
    suppress_tokens: writing.shape.suppress_tokens,
    begin_suppress_tokens: writing.shape.begin_suppress_tokens,
  }),
  "generation_config.json": writing,
  "preprocessor_config.json": preprocessorSchema,
  "processor_config.json": z.object({ image_processor: preprocessorSchema.optional() }),
  "tokenizer_config.json": z.object({
    model_max_length: z.number().optional(),
    do_lower_case: z.boolean().optional(),
    add_eos_token: z.boolean().optional(),
    eos_token: token.nullish(),
    pad_token: token.nullish(),
    padding_side: z.enum(["left", "right"]).optional(),
  }),
  "sentence_bert_config.json": z.object({ max_seq_length: count.optional() }),
  "config_sentence_transformers.json": z.object({
    prompts: z.record(z.string(), z.string()).optional(),
  }),
  "modules.json": z.array(z.object({ type: z.string() })),
  "1_Pooling/config.json": z
    .object({
      pooling_mode_cls_token: z.boolean(),
      pooling_mode_mean_tokens: z.boolean(),
      pooling_mode_lasttoken: z.boolean(),
    })
    .partial(),
} as const;
export type ConfigName = keyof typeof CONFIGS;
export type Configs = { [Name in ConfigName]?: z.infer<(typeof CONFIGS)[Name]> };
