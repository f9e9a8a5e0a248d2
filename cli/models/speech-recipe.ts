// How sound becomes a Whisper model's input, and which tokens it is told with, out of the configurations beside it: the
// entry of a speech model in models.json, but for its files.
import { CliError } from "../io/output.ts";
import type { Configs } from "./configs.ts";

/** What Weir's spectrogram is made with; a model that takes another is refused. */
const SPECTROGRAM = { sampling_rate: 16_000, n_fft: 400, hop_length: 160, chunk_length: 30 } as const;
const [USUAL_LENGTH, USUAL_FIRST] = [448, 50];

/** @throws CliError for a model that is no Whisper, or does not say enough of itself */
export function speechRecipe(id: string, configs: Configs): Record<string, unknown> {
  const config = configs["config.json"];
  const kind = config?.model_type;
  if (kind !== "whisper")
    throw new CliError(
      `${id} is a model that writes text (${kind ?? "of a kind that it does not say"}). Of those, weir models add takes Whisper alone; others by their endpoint: docs/models.md.`,
    );
  const preprocessor = configs["preprocessor_config.json"];
  for (const [name, value] of Object.entries(SPECTROGRAM) as [keyof typeof SPECTROGRAM, number][]) {
    const stated = preprocessor?.[name];
    if (stated !== undefined && stated !== value)
      throw new CliError(
        `preprocessor_config.json asks for ${name} ${stated}; Weir's spectrogram has ${value}. models.json is as it was.`,
      );
  }
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

function tokensOf(writing: Writing): Record<string, unknown> {
  const { decoder_start_token_id: start, no_timestamps_token_id: noTimes, eos_token_id: ends } = writing;
  const end = Array.isArray(ends) ? ends[0] : ends;
  const missing = Object.entries({
    decoder_start_token_id: start,
    eos_token_id: end,
    no_timestamps_token_id: noTimes,
  }).find(([, value]) => value === undefined);
  if (missing)
    throw new CliError(
      `generation_config.json does not say ${missing[0]}, without which Weir cannot ask for times. models.json is as it was. Take the generation_config.json of the model that this one was made of.`,
    );
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
