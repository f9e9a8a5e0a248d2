// The entries that docs/models.md tells people to write are ones that `weir validate` takes.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { modelsSchema, takenBy } from "../../src/shapes/model.ts";

const page = readFileSync(new URL("../../docs/models.md", import.meta.url), "utf8");
const blocks = [...page.matchAll(/^ *```json\n([\s\S]*?)^ *```/gm)].map((match) => match[1] ?? "");

test("every entry on the page is valid, and takes what the page says", () => {
  const entries = blocks.flatMap((text) => Object.entries(modelsSchema.parse(JSON.parse(text))));
  expect(entries.map(([name, model]) => [name, takenBy(model)])).toEqual([
    ["acme/clip", ["video", "image", "text"]],
    ["openai/small", ["text"]],
    ["cloudflare/bge-large", ["text"]],
    ["speech", []],
    ["cloudflare/whisper", []],
    ["cloudflare/whisper-turbo", []],
    ["whisper-base", []],
  ]);
});
