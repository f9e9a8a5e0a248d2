// How a text becomes a model's input, out of its tokenizer.json, the configurations beside it and its file: `text` of an
// entry in models.json.
import { Tokenizer } from "@huggingface/tokenizers";
import { z } from "zod";
import { CliError } from "../io/output.ts";
import type { Hints } from "./catalogue.ts";
import type { Configs } from "./configs.ts";
import type { KeptFile } from "./kept-file.ts";
import type { GraphInfo, TensorInfo } from "./onnx-graph.ts";
import { outputOf } from "./output-of.ts";

const tokenizerSchema = z.object({
  normalizer: z.unknown(),
  truncation: z.object({ max_length: z.int().positive() }).nullish(),
  padding: z
    .object({
      strategy: z.union([z.string(), z.object({ Fixed: z.int().positive() })]),
      direction: z.enum(["Left", "Right"]),
      pad_id: z.int().nonnegative(),
    })
    .nullish(),
});
type TokenizerFile = z.infer<typeof tokenizerSchema>;

/** Of a model whose pictures and texts share a space. */
const SHARED_OUTPUTS = ["text_embeds", "text_features", "pooler_output", "embedding", "last_hidden_state"];
/** Of a model of texts; what BERT calls its pooler is no embedding of a sentence. */
const SENTENCE_OUTPUTS = ["sentence_embedding", "last_hidden_state", "token_embeddings", "embedding"];
/** Kinds whose positions begin behind the padding token's. */
const OFFSET_POSITIONS = new Set(["roberta", "xlm-roberta", "camembert", "mpnet"]);
const MAX_TOKENS = 8192;
const ENGLISH_QUERY = ["query", "search_query", "retrieval.query"];
const ENGLISH_DOCUMENT = ["document", "passage", "search_document", "corpus", "retrieval.passage"];

export interface TextParts {
  kept: KeptFile;
  tokenizer: KeptFile;
  /** Content of tokenizer.json. */
  tokenizerJson: unknown;
  graph: GraphInfo;
  configs: Configs;
  hints: Hints;
  /** Whether pictures share its space. */
  shared: boolean;
}

/** @throws CliError */
export function textRecipe(parts: TextParts): Record<string, unknown> {
  const { kept, tokenizer, tokenizerJson, graph, configs, hints, shared } = parts;
  const parsed = tokenizerSchema.safeParse(tokenizerJson);
  if (!parsed.success)
    throw new CliError("tokenizer.json is none that is understood. Its repository is incomplete.");
  const ids = graph.inputs.find(({ name }) => name === "input_ids");
  if (!ids)
    throw new CliError(
      `${kept.file} has no input input_ids: it has ${graph.inputs.map(({ name }) => name).join(", ")}.`,
    );
  const output = outputOf(graph, shared ? SHARED_OUTPUTS : SENTENCE_OUTPUTS, kept.file);
  const siglip = configs["config.json"]?.model_type?.startsWith("siglip") ?? false;
  const length = lengthOf(ids, parsed.data, configs);
  // SigLIP reads its last position, which is filling as a rule: it must be there.
  const pad = typeof ids.shape[1] === "number" || typeof parsed.data.padding?.strategy === "object" || siglip;
  const library = new Tokenizer(tokenizerJson as object, {});
  const padId = padIdOf(library, parsed.data, configs);
  const side =
    parsed.data.padding?.direction ?? (configs["tokenizer_config.json"]?.padding_side === "left" && "Left");
  const eos = missingEos(library, configs, siglip);
  return {
    ...kept,
    ...(graph.outputs.length > 1 && { output: output.name }),
    tokenizer,
    max_length: length,
    ...(pad && { pad }),
    ...(padId !== 0 && { pad_id: padId }),
    ...(side === "Left" && { pad_side: "left" }),
    ...(lowersMissing(parsed.data, configs, hints, siglip) && { lowercase: true }),
    ...(eos !== undefined && { append_eos: eos }),
    ...prefixesOf(configs, hints),
    ...(ids.type === "int32" && { dtype: "int32" }),
    ...(output.shape.length === 3 && { pooling: poolingOf(configs, hints, output) }),
  };
}

function lengthOf(ids: TensorInfo, tokenizer: TokenizerFile, configs: Configs): number {
  const config = configs["config.json"];
  const fixed = ids.shape[1];
  if (typeof fixed === "number") return fixed;
  const { padding, truncation } = tokenizer;
  const stated = configs["tokenizer_config.json"]?.model_max_length;
  const positions = config?.text_config?.max_position_embeddings ?? config?.max_position_embeddings;
  const offset = OFFSET_POSITIONS.has(config?.model_type ?? "") ? 2 : 0;
  const first = [
    typeof padding?.strategy === "object" ? padding.strategy.Fixed : undefined,
    configs["sentence_bert_config.json"]?.max_seq_length,
    // Tokenizers without a limit state 10^30.
    stated !== undefined && stated <= MAX_TOKENS ? stated : undefined,
    truncation?.max_length,
    positions && positions - offset,
  ].find((length) => length !== undefined);
  if (first === undefined)
    throw new CliError(
      "No configuration says how many tokens the model takes. Write the entry by hand: docs/models.md shows one.",
    );
  return Math.min(first, positions === undefined ? first : positions - offset, MAX_TOKENS);
}

function padIdOf(library: Tokenizer, { padding }: TokenizerFile, configs: Configs): number {
  const config = configs["config.json"];
  const name = configs["tokenizer_config.json"]?.pad_token;
  const named = typeof name === "string" ? library.token_to_id(name) : undefined;
  return padding?.pad_id ?? named ?? config?.text_config?.pad_token_id ?? config?.pad_token_id ?? 0;
}

/** The end that a text is to have and that the tokenizer does not give it. */
function missingEos(library: Tokenizer, configs: Configs, siglip: boolean): number | undefined {
  const config = configs["tokenizer_config.json"];
  if (!config?.add_eos_token && !siglip) return undefined;
  const id = typeof config?.eos_token === "string" ? library.token_to_id(config.eos_token) : undefined;
  return id === undefined || library.encode("a").ids.at(-1) === id ? undefined : id;
}

/** Whether texts are to be in lower case and the tokenizer leaves that to its caller. */
function lowersMissing(
  { normalizer }: TokenizerFile,
  configs: Configs,
  hints: Hints,
  siglip: boolean,
): boolean {
  const lowers = hints.lowercase ?? (siglip || configs["tokenizer_config.json"]?.do_lower_case === true);
  const text = JSON.stringify(normalizer ?? null);
  return lowers && !text.includes('"type":"Lowercase"') && !text.includes('"lowercase":true');
}

function prefixesOf(configs: Configs, hints: Hints): Record<string, unknown> {
  const prompts = configs["config_sentence_transformers.json"]?.prompts ?? {};
  const promptOf = (names: readonly string[]) => names.flatMap((name) => prompts[name] ?? [])[0] || undefined;
  const query = hints.query_prefix ?? promptOf(ENGLISH_QUERY);
  const document = hints.document_prefix ?? promptOf(ENGLISH_DOCUMENT);
  return {
    ...(query !== undefined && { query_prefix: query }),
    ...(document !== undefined && { document_prefix: document }),
  };
}

function poolingOf(configs: Configs, hints: Hints, output: TensorInfo): "mean" | "cls" | "last" {
  const modules = configs["modules.json"] ?? [];
  if (modules.some(({ type }) => type.endsWith(".Dense")))
    throw new CliError(
      `The model has a dense layer behind its pooling (modules.json), and the ONNX file ends before it, with ${output.name}. Export it whole: optimum-cli export onnx --task feature-extraction --library sentence_transformers`,
    );
  const pooling = configs["1_Pooling/config.json"];
  if (hints.pooling) return hints.pooling;
  if (pooling?.pooling_mode_cls_token) return "cls";
  if (pooling?.pooling_mode_lasttoken) return "last";
  return "mean";
}
