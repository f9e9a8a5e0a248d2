// What compute answers, held to what was recorded for its contract's number. Where a change of compute changes one of
// these on purpose: raise COMPUTE_CONTRACT, and run this file once with WEIR_RECORD=1.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeImage, makeVideo } from "../../cli/sample-media/media.ts";
import { COMPUTE_CONTRACT } from "../../src/shapes/contract.ts";
import { type RunningServer, startServer } from "../../workers/compute/server/main.ts";
import { post, type Source, startSource } from "./source.ts";

const RECORD = new URL(`contracts/${COMPUTE_CONTRACT}.json`, import.meta.url);
/** Digits behind the point that must agree: processors round otherwise, and another way to compute is further off by far. */
const DIGITS = 2;

let source: Source;
let compute: RunningServer;
let folder: string;
let film: string;
let picture: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "weir-contract-"));
  source = await startSource();
  compute = await startServer({ port: 0, log: () => {}, allowOrigins: [source.origin] });
  const path = join(folder, "film.mp4");
  // MPEG-4 is encoded by one thread, so to the same bytes everywhere. Long groups: frames between keyframes count.
  const look = {
    width: 320,
    height: 180,
    fps: 10,
    codec: "mpeg4",
    gopSeconds: 9,
    scenes: 3,
    seed: 19,
  } as const;
  await makeVideo(path, { seconds: 9, ...look });
  film = source.put("/film.mp4", await readFile(path));
  picture = source.put("/picture.png", await makeImage({ format: "png", width: 120, height: 80, seed: 19 }));
});
afterAll(async () => {
  await compute.close();
  await source.close();
  await rm(folder, { recursive: true });
});

const asked = async (path: string, body: object) => {
  const { status, lines } = await post(compute.url, path, body);
  expect([path, status]).toEqual([path, 200]);
  return lines as Record<string, unknown>[];
};

/** A vector as eight numbers: its products with fixed rows of signs. What changes the vector changes them. */
function sketch(base64: string): number[] {
  const bytes = Buffer.from(base64, "base64");
  const values = Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(i * 4));
  let state = 19;
  const sign = () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state & 65_536 ? 1 : -1;
  };
  const products = Array.from({ length: 8 }, () => values.reduce((sum, value) => sum + sign() * value, 0));
  return products.map((value) => Number(value.toFixed(4)));
}

const vectors = async (kind: string, model: string, items: object[]) =>
  (await asked("/v1/embed", { kind, model, items })).map(({ index, embedding, model: ran }) => ({
    index: Number(index),
    model: ran,
    sketch: sketch(String(embedding)),
  }));

async function answers() {
  const split = async (how: object) => {
    const [answer] = await asked("/v1/split", { url: film, ...how });
    const { read: _, size: __, ...rest } = answer ?? {};
    return rest;
  };
  const spans = [
    { start: 0, end: 4 },
    { start: 4, end: 9 },
  ].map((span) => ({ url: film, span }));
  const [{ colors }] = (await asked("/v1/image", { url: picture })) as [{ colors: unknown }];
  return {
    seconds: await split({ frame_interval: 4 }),
    overlapping: await split({ frame_interval: 4, overlap: 1, max_duration: 7 }),
    scenes: await split({ scenes: {} }),
    hog: await vectors("video", "weir/hog-512", spans),
    pdq: await vectors("video", "weir/pdq-256", spans),
    picture: await vectors("image", "weir/hog-512", [{ url: picture }]),
    colors,
  };
}

test(`compute answers as contract ${COMPUTE_CONTRACT} says`, async () => {
  const now = await answers();
  if (process.env.WEIR_RECORD && !existsSync(RECORD))
    writeFileSync(RECORD, `${JSON.stringify(now, null, 2)}\n`);
  expect(now).toEqual(near(JSON.parse(readFileSync(RECORD, "utf8"))));
});

/** The same, asking of its numbers only that one be near. */
function near(value: unknown): unknown {
  if (typeof value === "number") return expect.closeTo(value, DIGITS);
  if (Array.isArray(value)) return value.map(near);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, near(inner)]));
}
