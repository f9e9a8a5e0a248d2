// Tokens and tensors of texts as a model takes them: by its own tokenizer.json, cut to its length, filled up to one
// another's. Inference process only.
import { Tokenizer } from "@huggingface/tokenizers";
import { Tensor } from "onnxruntime-node";
import type { TextInput } from "../../../../src/shapes/model.ts";
import { badModel } from "./bad-model.ts";
import { readChecked, reasonOf } from "./load.ts";

export interface Tokens {
  ids: number[];
  /** 1 for a token of the text, 0 for one that only fills. */
  mask: number[];
}

/** Tokenizers by the hash of their file. They are small beside their models, and stay. */
const tokenizers = new Map<string, Tokenizer>();

export async function tokenizerOf(
  root: string,
  { tokenizer }: Pick<TextInput, "tokenizer">,
): Promise<Tokenizer> {
  const cached = tokenizers.get(tokenizer.sha256);
  if (cached) return cached;
  const bytes = await readChecked(root, tokenizer.file, tokenizer.sha256);
  try {
    const prepared = new Tokenizer(JSON.parse(bytes.toString("utf8")), {});
    tokenizers.set(tokenizer.sha256, prepared);
    return prepared;
  } catch (error) {
    throw badModel(`${tokenizer.file} is no tokenizer.json that is understood: ${reasonOf(error)}`);
  }
}

/** The tokens of each text, all of one length. */
export function tokensOf(tokenizer: Tokenizer, texts: readonly string[], input: TextInput): Tokens[] {
  const all = texts.map((text) => idsOf(tokenizer, text, input));
  const length = input.pad ? input.max_length : Math.max(...all.map((ids) => ids.length));
  return all.map((ids) => {
    const filling = Array.from({ length: length - ids.length }, () => input.pad_id);
    const [own, none] = [ids.map(() => 1), filling.map(() => 0)];
    return input.pad_side === "left"
      ? { ids: [...filling, ...ids], mask: [...none, ...own] }
      : { ids: [...ids, ...filling], mask: [...own, ...none] };
  });
}

/** A text's ids, with the end that its model takes and within its length. */
function idsOf(
  tokenizer: Tokenizer,
  text: string,
  { lowercase, append_eos, max_length }: TextInput,
): number[] {
  const words = lowercase ? text.toLowerCase() : text;
  if (append_eos === undefined) return shortened(tokenizer, words, max_length);
  const ids = shortened(tokenizer, words, max_length - 1);
  return ids.at(-1) === append_eos ? ids : [...ids, append_eos];
}

/** A text's ids. One that is too long loses the end of its text, not the token that marks its end. */
function shortened(tokenizer: Tokenizer, text: string, most: number): number[] {
  const { ids } = tokenizer.encode(text);
  if (ids.length <= most) return ids;
  const bare = tokenizer.encode(text, { add_special_tokens: false }).ids;
  const marks = ids.length - bare.length;
  const before = Array.from({ length: marks + 1 }, (_, index) => index).find((index) =>
    bare.every((id, i) => ids[index + i] === id),
  );
  if (before === undefined) return ids.slice(0, most);
  const after = ids.slice(before + bare.length);
  return [...ids.slice(0, before), ...bare.slice(0, most - marks), ...after];
}

/** The inputs that a model names, of the three that there are. */
export function tokenTensors(
  tokens: readonly Tokens[],
  { file, dtype }: TextInput,
  names: readonly string[],
): Record<string, Tensor> {
  const dims = [tokens.length, tokens[0]?.ids.length ?? 0];
  const tensorOf = (values: number[]) =>
    dtype === "int64"
      ? new Tensor("int64", BigInt64Array.from(values, BigInt), dims)
      : new Tensor("int32", Int32Array.from(values), dims);
  const prepared: Record<string, () => Tensor> = {
    input_ids: () => tensorOf(tokens.flatMap(({ ids }) => ids)),
    attention_mask: () => tensorOf(tokens.flatMap(({ mask }) => mask)),
    token_type_ids: () => tensorOf(tokens.flatMap(({ ids }) => ids.map(() => 0))),
  };
  return Object.fromEntries(
    names.map((name) => {
      const make = prepared[name];
      if (!make)
        throw badModel(`${file} asks for an input ${name}; texts have ${Object.keys(prepared).join(", ")}`);
      return [name, make()];
    }),
  );
}
