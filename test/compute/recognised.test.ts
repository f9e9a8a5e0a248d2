// Ten minutes of sound with a few spoken sentences, listened to by a real recogniser: every planted word is found within
// half a second of its time, by search as well, and little but speech is sent. test/dashboard/spoken.test.ts has the same
// on the whole of Weir.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import speechToText from "../../pipelines/speech-to-text/handler.ts";
import { modelsSchema } from "../../src/shapes/model.ts";
import { type RunningServer, startServer } from "../../workers/compute/server/main.ts";
import type { Event, HandlerContext } from "../../workers/pipeline/sdk.ts";
import { newItem, openShards } from "../search/support.ts";
import { embedder } from "../support/embedder.ts";
import { canListen, listener } from "../support/listener.ts";
import { startSpeechEndpoint } from "../support/speech-endpoint.ts";
import { GRAMMAR, SENTENCES, talkIn } from "../support/talk.ts";
import { HEADERS, type Source, startSource } from "./source.ts";

let folder: string;
let source: Source;
let server: RunningServer;
let endpoint: Awaited<ReturnType<typeof startSpeechEndpoint>>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "weir-test-"));
  source = await startSource();
  endpoint = await startSpeechEndpoint(listener(GRAMMAR));
  server = await startServer({ port: 0, log: () => {}, allowOrigins: [source.origin], size: 1 });
});
afterAll(async () => {
  await server.close();
  await source.close();
  endpoint.close();
  await rm(folder, { recursive: true });
});

describe.skipIf(!canListen)("ten minutes of talk", () => {
  test("have every planted word within half a second of its time", async () => {
    const { film, planted } = await talkIn(folder);
    const url = source.put("/talk.mp4", await readFile(film));
    const model = {
      kind: "http",
      task: "transcribe",
      url: endpoint.url,
      model: "pocketsphinx",
      timeout_seconds: 60,
    };
    const { transcriptions } = embedder({
      models: modelsSchema.parse({ speech: model }),
      fetch: async (request) =>
        fetch(server.url + new URL(request.url).pathname, {
          method: "POST",
          headers: HEADERS,
          body: await request.text(),
        }),
    });
    const transcript = await transcriptions.transcribe({ url });
    expect(transcript.segments.map(({ text }) => text)).toEqual(SENTENCES);
    expect(planted).toHaveLength(3);
    for (const { word, at } of planted) {
      const found = transcript.words.filter(({ text }) => text === word);
      expect(found).toHaveLength(1);
      expect(Math.abs((found[0]?.start ?? 0) - at), word).toBeLessThan(0.5);
    }
    const weir = { fileUrl: async () => url, transcribe: async () => transcript };
    const items = await speechToText.handler({} as Event, { weir } as unknown as HandlerContext);
    const shards = await openShards();
    try {
      const index = shards.index("speech");
      await index.replace(
        "talk.mp4",
        (items as object[]).map((item) => newItem(item)),
      );
      for (const { word, at } of planted) {
        const { hits } = await index.query({ text: word, limit: 1 });
        expect(Math.abs((hits[0]?.second ?? 0) - at), word).toBeLessThan(0.5);
      }
    } finally {
      await shards.close();
    }
    expect(transcript).toMatchObject({ language: "en" });
    expect(transcript.heardSeconds).toBeLessThan(30);
    expect(endpoint.requests).toHaveLength(SENTENCES.length);
  }, 120_000);
});
