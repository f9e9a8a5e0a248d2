// Token ids that a model is given, against those of @huggingface/tokenizers on the same tokenizer.json, and against ids
// that are written out here: for CLIP's byte pairs, BERT's word pieces and SigLIP 2's (which are Gemma's), with emoji, long text and other scripts; and
// what models.json adds to them.

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Tokenizer } from "@huggingface/tokenizers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  findModel,
  isOnnx,
  modelsSchema,
  prefixed,
  type TextInput,
  type TextRole,
} from "../../src/shapes/model.ts";
import { tokenizerOf, tokensOf } from "../../workers/compute/server/inference/tokens.ts";
import { GEMMA_IDS, gemmaTokenizer } from "../support/gemma-tokenizer.ts";
import { sha256 } from "../support/tiny-models.ts";
import { BERT_WORDS, bertTokenizer, CLIP_WORDS, clipTokenizer } from "../support/tokenizers.ts";

const TOKENIZERS = { clip: clipTokenizer(), bert: bertTokenizer(), gemma: gemmaTokenizer() };
type Kind = keyof typeof TOKENIZERS;
let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "weir-tokens-"));
  await mkdir(join(root, "models"));
  for (const [kind, json] of Object.entries(TOKENIZERS))
    await writeFile(join(root, `models/${kind}.json`), JSON.stringify(json));
});
afterAll(() => rm(root, { recursive: true }));

async function tokens(kind: Kind, texts: string[], changes: object = {}) {
  const bytes = Buffer.from(JSON.stringify(TOKENIZERS[kind]));
  const model = modelsSchema.parse({
    it: {
      kind: "onnx",
      dimensions: 1,
      text: {
        file: "models/none.onnx",
        sha256: "0".repeat(64),
        tokenizer: { file: `models/${kind}.json`, sha256: sha256(bytes) },
        max_length: 77,
        ...changes,
      },
    },
  }).it;
  if (!isOnnx(model) || !model.text) throw new Error("no model of text");
  const input: TextInput = model.text;
  return tokensOf(await tokenizerOf(root, input), texts, input);
}
const ids = async (kind: Kind, text: string, changes: object = {}) =>
  (await tokens(kind, [text], changes))[0]?.ids;

const TEXTS = [
  "a photo of a dog",
  "A Photo OF  a Dog!!",
  "dog-dog's 123",
  "café naïve ＡＢＣ",
  "собака на пляже",
  "浜辺の犬",
  "شاطئ",
  "a dog 🐕 and 👩‍👩‍👧 at the 🏖️",
  "zero\u200dwidth\u00a0and\ttabs\nand lines",
  "x",
];

describe.each(["clip", "bert"] as Kind[])("%s", (kind) => {
  test.each(TEXTS)("%j has the ids of the tokenizers library", async (text) => {
    const { ids: expected } = new Tokenizer(TOKENIZERS[kind], {}).encode(text);
    expect(await ids(kind, text)).toEqual(expected);
  });

  test("a long text loses its end, and keeps the token that marks it", async () => {
    const { ids: whole } = new Tokenizer(TOKENIZERS[kind], {}).encode("a dog ".repeat(200));
    const cut = await ids(kind, "a dog ".repeat(200), { max_length: 16 });
    expect(cut).toHaveLength(16);
    expect(cut?.slice(0, 15)).toEqual(whole.slice(0, 15));
    expect(cut?.at(-1)).toBe(whole.at(-1));
  });
});

const clipIds = (...words: string[]) => words.map((word) => CLIP_WORDS.indexOf(word));
const bertIds = (...words: string[]) => words.map((word) => BERT_WORDS.indexOf(word));
const [START, END] = ["<|startoftext|>", "<|endoftext|>"];

test.each<[Kind, string, number[]]>([
  ["clip", "a Dog", clipIds(START, "a</w>", "dog</w>", END)],
  ["clip", "photo of\tdogs", clipIds(START, "photo</w>", "of</w>", "do", "g", "s</w>", END)],
  ["clip", "о", clipIds(START, "Ð", "¾</w>", END)],
  ["clip", "🐕", clipIds(START, "ð", "Ł", "Ĳ", "ķ</w>", END)],
  ["bert", "Dogs of café", bertIds("[CLS]", "dog", "##s", "of", "cafe", "[SEP]")],
  ["bert", "浜の犬", bertIds("[CLS]", "浜", "の", "犬", "[SEP]")],
  ["bert", "собака, 🐕 👩", bertIds("[CLS]", "собака", ",", "🐕", "[UNK]", "[SEP]")],
])("%s reads %j as is written out here", async (kind, text, expected) => {
  expect(await ids(kind, text)).toEqual(expected);
});

describe("SigLIP 2", () => {
  const cased = { append_eos: 1, pad: true, max_length: 64 };
  const siglip2 = { ...cased, lowercase: true };

  test.each(GEMMA_IDS)(
    "reads %j as is published, marks its end, and is filled to 64",
    async (text, published) => {
      const expected = [...published, 1, ...Array<number>(63 - published.length).fill(0)];
      expect(await ids("gemma", text, cased)).toEqual(expected);
      if (text === text.toLowerCase())
        expect(await ids("gemma", text.toUpperCase(), siglip2)).toEqual(expected);
    },
  );

  test("keeps the end of a long text", async () => {
    const long = await ids("gemma", "hello world".repeat(60), siglip2);
    expect(long).toEqual([...Array.from({ length: 63 }, (_, n) => (n % 2 ? 2134 : 17534)), 1]);
  });
});

describe("what models.json adds", () => {
  test("lower case, for a tokenizer that leaves it to its caller", async () => {
    const cased = { ...clipTokenizer(), normalizer: null };
    await writeFile(join(root, "models/cased.json"), JSON.stringify(cased));
    const tokenizer = { file: "models/cased.json", sha256: sha256(Buffer.from(JSON.stringify(cased))) };
    const dog = clipIds(START, "dog</w>", END);
    expect(await ids("clip", "DOG", { tokenizer })).not.toEqual(dog);
    expect(await ids("clip", "DOG", { tokenizer, lowercase: true })).toEqual(dog);
  });

  test("an end, once, within the length", async () => {
    expect(await ids("bert", "dog", { append_eos: 5 })).toEqual([...bertIds("[CLS]", "dog", "[SEP]"), 5]);
    expect(await ids("bert", "dog", { append_eos: 3 })).toEqual(bertIds("[CLS]", "dog", "[SEP]"));
    const long = await ids("bert", "dog ".repeat(50), { append_eos: 5, max_length: 8 });
    expect([long?.length, long?.at(-1)]).toEqual([8, 5]);
  });

  test("filling by its token, on its side, and a mask that leaves it out", async () => {
    const texts = ["dog", "dog of dog"];
    const right = await tokens("bert", texts, { pad_id: 9 });
    expect(right[0]).toEqual({ ids: [...bertIds("[CLS]", "dog", "[SEP]"), 9, 9], mask: [1, 1, 1, 0, 0] });
    const left = await tokens("bert", texts, { pad_id: 9, pad_side: "left" });
    expect(left[0]).toEqual({ ids: [9, 9, ...bertIds("[CLS]", "dog", "[SEP]")], mask: [0, 0, 1, 1, 1] });
    const [full] = await tokens("bert", ["dog"], { pad: true, max_length: 6 });
    expect(full?.ids).toEqual([...bertIds("[CLS]", "dog", "[SEP]"), 0, 0, 0]);
  });

  test("a prefix for a question, and another for what is found", () => {
    const text = { query_prefix: "query: ", document_prefix: "passage: " };
    const fields = { kind: "http", url: "https://example.com/embeddings", model: "e5", dimensions: 4 };
    const models = modelsSchema.parse({ e5: { ...fields, ...text }, plain: fields });
    const read = (name: string, role: TextRole) => {
      const model = findModel(models, name, "text");
      return model.ok && prefixed(model.value, "dog", role);
    };
    expect([read("e5", "query"), read("e5", "document")]).toEqual(["query: dog", "passage: dog"]);
    expect(read("plain", "query")).toBe("dog");
  });
});
