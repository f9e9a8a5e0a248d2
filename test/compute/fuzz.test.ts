// Real films with a few of their bytes changed, mostly in the index: each is understood or refused, soon, once,
// and with nothing worse. The seed is fixed; WEIR_FUZZ=1000 tries a thousand of each container.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeVideo, type VideoOptions } from "../../cli/sample-media/media.ts";
import { type RunningServer, startServer } from "../../workers/compute/server/main.ts";
import { post, type Source, startSource } from "./source.ts";

const RUNS = Number(process.env.WEIR_FUZZ ?? 12);
/** Three seconds of a processor going round in circles, on a machine with other work, and the next child's start. */
const SOON_MS = 12_000;
let folder: string;
let source: Source;
let compute: RunningServer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "weir-test-"));
  source = await startSource();
  compute = await startServer({ port: 0, log: () => {}, allowOrigins: [source.origin], size: 2 });
});
afterAll(async () => {
  await compute.close();
  await source.close();
  await rm(folder, { recursive: true });
});

/** Where a byte is changed (as a share of the part that is), and to what. */
const change = fc.oneof(
  fc.record({ at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), byte: fc.nat(255) }),
  fc.record({
    at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    word: fc.constantFrom(0, 1, 0x10000, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff),
  }),
);

type Change = { at: number } & ({ byte: number } | { word: number });

function changed(bytes: Buffer, [from, to]: [number, number], changes: Change[]): Buffer {
  const copy = Buffer.from(bytes);
  for (const one of changes) {
    const at = Math.floor(from + one.at * (to - from));
    if ("byte" in one) copy[at] = one.byte;
    else if (at + 4 <= copy.length) copy.writeUInt32BE(one.word, at);
  }
  return copy;
}

const films: [string, VideoOptions][] = [
  ["faststart.mp4", { seconds: 4, audio: true, muxer: { movflags: "+faststart" } }],
  ["fragmented.mp4", { seconds: 4, muxer: { movflags: "frag_keyframe+empty_moov" } }],
  ["film.mkv", { seconds: 4, audio: true }],
  ["film.ts", { seconds: 4, audio: true }],
  ["film.avi", { seconds: 4, codec: "mpeg4" }],
];

test.each(films)(
  "%s with a few bytes changed is understood or refused, soon",
  { timeout: 3_600_000 },
  async (name, options) => {
    const path = join(folder, name);
    await makeVideo(path, { width: 160, height: 90, fps: 10, gopSeconds: 1, ...options });
    const bytes = await readFile(path);
    const moov = bytes.indexOf("moov") - 4;
    const index: [number, number] =
      moov > 0 ? [moov, moov + bytes.readUInt32BE(moov)] : [0, Math.min(4096, bytes.length)];
    let count = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(change, { minLength: 1, maxLength: 8 }),
        fc.boolean(),
        async (changes, anywhere) => {
          const part: [number, number] = anywhere ? [0, bytes.length] : index;
          const url = source.put(`/fuzz/${count++}-${name}`, changed(bytes, part, changes));
          const items = [0, 2].map((start) => ({ url, span: { start, end: start + 1 } }));
          const calls: [string, object][] = [
            ["/v1/split", { url, frame_interval: 1 }],
            ["/v1/split", { url, scenes: {} }],
            ["/v1/embed", { items, kind: "video", model: "weir/hog-512" }],
            ["/v1/frames", { url, every: 1, size: 64 }],
            ["/v1/probe", { url }],
          ];
          await Promise.all(
            calls.map(async ([path, body]) => {
              const began = performance.now();
              const { status, text } = await post(compute.url, path, body);
              expect([200, 413, 422]).toContain(status);
              // A decoder that died or was stopped for this file would have been tried again.
              expect(text).not.toMatch(/kept its decoder busy|"kind":"(unavailable|timeout|internal)"/);
              expect(performance.now() - began).toBeLessThan(SOON_MS);
            }),
          );
        },
      ),
      { seed: 20_261_125, numRuns: RUNS, endOnFailure: true },
    );
  },
);
