// Ten minutes of sound with a few spoken sentences, listened to by a real recogniser: every planted word is found within
// half a second of its time, by search as well, and little but speech is sent.
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
import { canListen, listener, run, speakTo } from "../support/listener.ts";
import { startSpeechEndpoint } from "../support/speech-endpoint.ts";
import { HEADERS, type Source, startSource } from "./source.ts";

/** What is said, by when it begins, seconds, each part after the one before. The third is across the end of a part that
 * compute looks at at once. A word in capitals is a planted one. */
const TALK: [number, string[]][] = [
  [12, ["good morning everybody"]],
  [95, ["the committee will discuss the", "HARBOUR", "on wednesday"]],
  [298.6, ["we have nothing to say about the", "WEATHER"]],
  [431, ["please remember the", "ELEPHANT", "before the meeting"]],
  [571, ["thank you very much for coming"]],
];
const GRAMMAR = `
  <thing> = budget | weather | harbour | elephant | mountain | president | hospital | computer | september ;
  public <talk> = ( good morning everybody | the committee will discuss the <thing> on wednesday
    | we have nothing to say about the <thing> | please remember the <thing> before the meeting
    | thank you very much for coming ) ;`;
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

/** The parts of the talk as they are spoken, and when. */
async function spoken(): Promise<{ path: string; words: string; at: number }[]> {
  const parts: { path: string; words: string; at: number }[] = [];
  for (const [begin, phrases] of TALK) {
    let at = begin;
    for (const words of phrases) {
      const path = join(folder, `${parts.length}.wav`);
      await speakTo(path, words.toLowerCase());
      parts.push({ path, words, at });
      const wav = await readFile(path);
      at += (wav.length - 44) / (wav.readUInt32LE(24) * 2);
    }
  }
  return parts;
}

/** A film of ten minutes in a room with a fan, in which somebody says a few sentences. */
async function filmOf(parts: { path: string; at: number }[]): Promise<string> {
  const delayed = parts.map(({ at }, n) => `[${n + 2}:a]adelay=${Math.round(at * 1000)}[v${n}]`).join(";");
  const all = `[1:a]${parts.map((_, n) => `[v${n}]`).join("")}`;
  const film = join(folder, "talk.mp4");
  await run("ffmpeg", [
    ...["-v", "error", "-f", "lavfi", "-i", "color=gray:size=64x48:rate=2:duration=600"],
    ...["-f", "lavfi", "-i", "anoisesrc=d=600:a=0.005:c=pink:seed=1"],
    ...parts.flatMap(({ path }) => ["-i", path]),
    ...["-filter_complex", `${delayed};${all}amix=inputs=${parts.length + 1}:normalize=0:duration=first[m]`],
    ...["-map", "0:v", "-map", "[m]", "-c:v", "libx264", "-preset", "ultrafast"],
    ...["-c:a", "aac", "-ar", "16000", film],
  ]);
  return film;
}

describe.skipIf(!canListen)("ten minutes of talk", () => {
  test("have every planted word within half a second of its time", async () => {
    const parts = await spoken();
    const url = source.put("/talk.mp4", await readFile(await filmOf(parts)));
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
    const sentences = TALK.map(([, phrases]) => phrases.join(" ").toLowerCase());
    expect(transcript.segments.map(({ text }) => text)).toEqual(sentences);
    const planted = parts.filter(({ words }) => /^[A-Z]+$/.test(words));
    expect(planted).toHaveLength(3);
    for (const { words, at } of planted) {
      const found = transcript.words.filter(({ text }) => text === words.toLowerCase());
      expect(found).toHaveLength(1);
      expect(Math.abs((found[0]?.start ?? 0) - at), words).toBeLessThan(0.5);
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
      for (const { words, at } of planted) {
        const { hits } = await index.query({ text: words.toLowerCase(), limit: 1 });
        expect(Math.abs((hits[0]?.second ?? 0) - at), words).toBeLessThan(0.5);
      }
    } finally {
      await shards.close();
    }
    expect(transcript).toMatchObject({ language: "en" });
    expect(transcript.heardSeconds).toBeLessThan(30);
    expect(endpoint.requests).toHaveLength(TALK.length);
  }, 120_000);
});
