// What a model is sent of a question and of what is found: each with its own prefix, and kept apart.
import { expect, test } from "vitest";
import { modelsSchema } from "../../src/shapes/model.ts";
import { embedder, mapStore } from "../support/embedder.ts";

test("a question and a document with the same words are sent with their prefixes, and are two embeddings", async () => {
  const sent: string[] = [];
  const models = modelsSchema.parse({
    e5: {
      kind: "http",
      url: "http://localhost/embeddings",
      model: "e5",
      dimensions: 1,
      query_prefix: "query: ",
      document_prefix: "passage: ",
    },
  });
  const fetch = async (request: Request) => {
    const { input } = (await request.json()) as { input: string[] };
    sent.push(...input);
    return Response.json({ data: input.map((text, index) => ({ index, embedding: [text.length] })) });
  };
  const results = mapStore();
  const { embeddings } = embedder({
    fetch: () => Promise.reject(new Error("no compute here")),
    models,
    results,
    endpoint: { fetch },
  });
  await embeddings.embed("text", { text: "a dog" }, "e5", "query");
  await embeddings.embed("text", { text: "a dog" }, "e5");
  expect(sent).toEqual(["query: a dog", "passage: a dog"]);
  await embeddings.settled();
  expect(results.size()).toBe(2);
});
