// How sound becomes a speech model's input, and which tokens it is told with, out of the configurations beside it: the
// entry of a Whisper or a Moonshine in models.json, but for its files.
import { CliError } from "../io/output.ts";
import type { Configs } from "./configs.ts";

/** What Weir's spectrogram is made with; a model that takes another is refused. */
const SPECTROGRAM = { sampling_rate: 16_000, n_fft: 400, hop_length: 160, chunk_length: 30 } as const;
const [USUAL_LENGTH, USUAL_FIRST] = [448, 50];
/** Tokens that Moonshine takes, and that a second has at most in a language other than English. */
const [MOONSHINE_LENGTH, OTHER_TOKENS_PER_SECOND] = [194, 13];

/** @throws CliError for a model that is neither Whisper nor Moonshine, or does not say enough of itself */
export function speechRecipe(id: string, configs: Configs): Record<string, unknown> {
  const kind = configs["config.json"]?.model_type;
  if (kind === "whisper") return whisperRecipe(configs);
  if (kind === "moonshine") return moonshineRecipe(id, configs);
  throw new CliError(
    `${id} is a model that writes text (${kind ?? "of a kind that it does not say"}). Of those, weir models add takes Whisper and Moonshine; others by their endpoint: docs/models.md.`,
  );
}

function moonshineRecipe(id: string, configs: Configs): Record<string, unknown> {
  const config = configs["config.json"];
  requirePreparation(configs["preprocessor_config.json"], { sampling_rate: SPECTROGRAM.sampling_rate });
  const writing = { ...known(config ?? {}), ...known(configs["generation_config.json"] ?? {}) };
  const { start, end } = requireTokens(writing, {
    start: "decoder_start_token_id",
    end: "eos_token_id",
  });
  const length = Math.min(
    writing.max_length ?? MOONSHINE_LENGTH,
    config?.max_position_embeddings ?? MOONSHINE_LENGTH,
  );
  // As its authors call those for one other language: moonshine-tiny-ja.
  const language = /moonshine-(?:tiny|base)-([a-z]{2})(?![a-z])/i.exec(id)?.[1]?.toLowerCase() ?? "en";
  return {
    architecture: "moonshine",
    tokens: { start, end },
    ...(language !== "en" && { language, tokens_per_second: OTHER_TOKENS_PER_SECOND }),
    ...(length !== MOONSHINE_LENGTH && { max_length: length }),
  };
}

function whisperRecipe(configs: Configs): Record<string, unknown> {
  const config = configs["config.json"];
  const preprocessor = configs["preprocessor_config.json"];
  requirePreparation(preprocessor, SPECTROGRAM);
  const writing = { ...known(config ?? {}), ...known(configs["generation_config.json"] ?? {}) };
  const mels = preprocessor?.feature_size ?? config?.num_mel_bins;
  const first = writing.max_initial_timestamp_index ?? USUAL_FIRST;
  const length = Math.min(writing.max_length ?? USUAL_LENGTH, config?.max_target_positions ?? USUAL_LENGTH);
  return {
    ...(mels && { mels }),
    tokens: tokensOf(writing),
    ...(length !== USUAL_LENGTH && { max_length: length }),
    ...(first !== USUAL_FIRST && { max_first_timestamp: first }),
  };
}

type Writing = NonNullable<Configs["generation_config.json"]>;

/** @throws CliError where sound is to be prepared otherwise than Weir does */
function requirePreparation(
  preprocessor: Configs["preprocessor_config.json"],
  prepared: Partial<typeof SPECTROGRAM>,
): void {
  for (const [name, value] of Object.entries(prepared) as [keyof typeof SPECTROGRAM, number][]) {
    const stated = preprocessor?.[name];
    if (stated !== undefined && stated !== value)
      throw new CliError(
        `preprocessor_config.json asks for ${name} ${stated}; Weir prepares sound with ${value}. models.json is as it was.`,
      );
  }
}

type TokenField = "decoder_start_token_id" | "eos_token_id" | "no_timestamps_token_id";

/** Tokens by the fields that state them. @throws CliError where one is not stated */
function requireTokens<Name extends string>(
  writing: Writing,
  fields: Record<Name, TokenField>,
): Record<Name, number> {
  const stated = Object.entries<TokenField>(fields).map(([name, field]) => {
    const value = writing[field];
    const first = Array.isArray(value) ? value[0] : value;
    if (first !== undefined && first !== null) return [name, first];
    throw new CliError(
      `generation_config.json does not say ${field}, without which Weir cannot ask the model. models.json is as it was. Take the generation_config.json of the model that this one was made of.`,
    );
  });
  return Object.fromEntries(stated);
}

function tokensOf(writing: Writing): Record<string, unknown> {
  const { start, end, noTimes } = requireTokens(writing, {
    start: "decoder_start_token_id",
    end: "eos_token_id",
    noTimes: "no_timestamps_token_id",
  });
  const languages = Object.entries(writing.lang_to_id ?? {}).map(([name, id]) => [
    name.replace(/^<\|(.*)\|>$/, "$1"),
    id,
  ]);
  const transcribe = writing.task_to_id?.transcribe;
  const idsOf = (ids: number[] | null | undefined) => (ids ?? []).filter((id) => id >= 0);
  const [suppressed, suppressedFirst] = [
    idsOf(writing.suppress_tokens),
    idsOf(writing.begin_suppress_tokens),
  ];
  return {
    start,
    end,
    ...(transcribe !== undefined && { transcribe }),
    no_timestamps: noTimes,
    ...(languages.length > 0 && { languages: Object.fromEntries(languages) }),
    ...(suppressed.length > 0 && { suppressed }),
    ...(suppressedFirst.length > 0 && { suppressed_first: suppressedFirst }),
  };
}

/** Fields that are stated: a null states nothing. */
const known = (fields: Partial<Writing>): Writing =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null && value !== undefined));
