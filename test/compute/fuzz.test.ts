// Real films and pictures cut off, with bytes and words changed, or with something glued behind: each is understood
// or refused for a reason that is named, and with nothing worse. WEIR_FUZZ says how many are tried, WEIR_SEED which.
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeImage, makeVideo, type VideoOptions } from "../../cli/sample-media/media.ts";
import { modelsSchema } from "../../src/shapes/model.ts";
import { wav } from "../../workers/compute/server/decoder/film/recording.ts";
import { type RunningServer, startServer } from "../../workers/compute/server/main.ts";
import { moonshineEntry, tinyMoonshine } from "../support/tiny-moonshine.ts";
import { tinyWhisper, whisperEntry } from "../support/tiny-whisper.ts";
import { HEADERS, post, type Source, startSource } from "./source.ts";
import { type Call, calls } from "./table.ts";

const RUNS = Number(process.env.WEIR_FUZZ ?? 150);
const SEED = Number(process.env.WEIR_SEED ?? 20_261_126);
/** Calls at one time. */
const LANES = 6;
const MODEL = "weir/hog-512";
const fixtures = new URL("../fixtures/media/", import.meta.url);
let folder: string;
let source: Source;
let compute: RunningServer;
/** What is damaged, by name. */
const originals: { name: string; bytes: Buffer }[] = [];

const films: [string, VideoOptions][] = [
  ["faststart.mp4", { seconds: 4, audio: true, muxer: { movflags: "+faststart" } }],
  ["fragmented.mp4", { seconds: 4, muxer: { movflags: "frag_keyframe+empty_moov" } }],
  ["film.mkv", { seconds: 4, audio: true }],
  ["film.ts", { seconds: 4, audio: true }],
  ["film.avi", { seconds: 4, codec: "mpeg4" }],
];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "weir-test-"));
  source = await startSource();
  const [whisper, moonshine] = [tinyWhisper(), tinyMoonshine()];
  for (const [family, files] of Object.entries({ whisper, moonshine })) {
    await mkdir(join(folder, "models", family), { recursive: true });
    for (const [name, bytes] of Object.entries(files))
      await writeFile(join(folder, "models", family, name.split("/").at(-1) ?? ""), bytes);
  }
  const below = (family: string, entry: object) =>
    JSON.parse(JSON.stringify(entry).replaceAll("models/", `models/${family}/`));
  const models = {
    models: modelsSchema.parse({
      [MODEL]: { kind: "builtin", builtin: MODEL },
      whisper: below("whisper", whisperEntry(whisper)),
      moonshine: below("moonshine", moonshineEntry(moonshine)),
    }),
    root: folder,
  };
  compute = await startServer({ port: 0, log: () => {}, allowOrigins: [source.origin], size: 2, models });
  for (const [name, options] of films) {
    const path = join(folder, name);
    await makeVideo(path, { width: 160, height: 90, fps: 10, gopSeconds: 1, ...options });
    originals.push({ name, bytes: await readFile(path) });
  }
  for (const format of ["jpeg", "png", "webp", "gif", "tiff"] as const)
    originals.push({ name: `drawn.${format}`, bytes: await makeImage({ format, width: 120, height: 80 }) });
  for (const name of (await readdir(fixtures)).sort())
    if (name !== "README.md") originals.push({ name, bytes: await readFile(new URL(name, fixtures)) });
});
afterAll(async () => {
  await compute.close();
  await source.close();
  await rm(folder, { recursive: true });
});

/** From 0 up to, not including, 1; each as likely as the others. */
const share = fc.noBias(fc.nat(999_999)).map((n) => n / 1e6);
const word = fc.constantFrom(0, 1, 0x10000, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff);
const tail = fc.constantFrom("text", "id3", "zeros", "itself", "half of itself", "a picture");
/** What is done to a file. Places are shares of the part that is changed: all of it, or its header or index. */
const damage = fc.record({
  file: share,
  call: fc.constantFrom(...calls),
  cut: fc.option(share, { freq: 3 }),
  tail: fc.option(tail, { freq: 3 }),
  bytes: fc.array(fc.record({ at: share, byte: fc.nat(255) }), { maxLength: 6 }),
  words: fc.array(fc.record({ at: share, word }), { maxLength: 3 }),
  anywhere: fc.boolean(),
});
type Damage = typeof damage extends fc.Arbitrary<infer T> ? T : never;

function damaged(original: Buffer, { cut, tail: behind, bytes, words, anywhere }: Damage): Buffer {
  const copy = Buffer.from(original);
  const moov = copy.indexOf("moov") - 4;
  const [from, to] = anywhere
    ? [0, copy.length]
    : moov > 0
      ? [moov, Math.min(moov + copy.readUInt32BE(moov), copy.length)]
      : [0, Math.min(4096, copy.length)];
  const place = (at: number) => Math.floor(from + at * (to - from));
  for (const { at, byte } of bytes) copy[place(at)] = byte;
  for (const one of words) if (place(one.at) + 4 <= copy.length) copy.writeUInt32BE(one.word, place(one.at));
  const kept = cut === null ? copy : copy.subarray(0, Math.max(1, Math.floor(cut * copy.length)));
  const glued: Record<string, () => Buffer> = {
    text: () => Buffer.from("According to the records of that year, ".repeat(20)),
    id3: () => Buffer.from("TAGA song".padEnd(128, "\0")),
    zeros: () => Buffer.alloc(5000),
    itself: () => original,
    "half of itself": () => original.subarray(0, original.length / 2),
    "a picture": () => originals.find(({ name }) => name === "drawn.jpeg")?.bytes ?? Buffer.alloc(0),
  };
  return behind === null ? kept : Buffer.concat([kept, glued[behind]?.() ?? Buffer.alloc(0)]);
}

const bodies: Record<Call, (url: string, isPicture: boolean) => object> = {
  probe: (url) => ({ url }),
  image: (url) => ({ url }),
  split: (url) => ({ url, scenes: {} }),
  frames: (url) => ({ url, every: 1, size: 64 }),
  embed: (url, isPicture) => ({ items: [{ url }], kind: isPicture ? "image" : "video", model: MODEL }),
  clip: (url) => ({ url, span: { start: 0.5, end: 1.5 } }),
  audio: (url) => ({ url, span: { start: 0, end: 1 } }),
  speech: (url) => ({ url, from: 0.5 }),
};

/** A refusal of the watch over the decoder: it says that a file is damaged, and not what of it is. */
const CIRCLES = /sends its decoder round in circles: it is damaged/;
/** Share of files that may be refused by that watch. */
const MAX_CIRCLES_SHARE = 0.005;

/** What is wrong with an answer, if anything is: neither a value nor a refusal that names the cause. */
async function faultOf(call: Call, answer: Response): Promise<string | undefined> {
  const bytes = Buffer.from(await answer.arrayBuffer());
  if (answer.status === 200 && call === "clip")
    return bytes.includes("moof") ? undefined : "a clip without frames";
  if (answer.status === 200 && call === "audio") return bytes.length > 1000 ? undefined : "no sound";
  const lines = bytes
    .toString()
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  const [first = {}] = lines;
  const failure = first.failure ?? first.error ?? lines.at(-1)?.error;
  if (failure) {
    // A decoder that died or was stopped for a file, twice, is none of the answers that a file may have.
    const isNamed =
      ["bad_media", "too_large"].includes(failure.kind) &&
      /^(\S+ (is|has|says|lasts|lists|cannot|does|holds|names|sends)|\d+ frames of \S+ are asked for)/.test(
        failure.detail,
      );
    if (isNamed && CIRCLES.test(failure.detail)) return CIRCLES.source;
    return isNamed && !/busy/.test(failure.detail) ? undefined : JSON.stringify(failure);
  }
  if (answer.status !== 200) return `status ${answer.status}: ${bytes.toString().slice(0, 200)}`;
  const holds: Record<string, boolean> = {
    probe: first.width > 0 || first.streams?.length > 0,
    image: first.width > 0 && first.colors?.length > 0,
    split: first.chunks?.length > 0 && first.duration > 0,
    frames: lines.length > 1 && first.data?.length > 0,
    speech: lines.at(-2)?.next !== undefined,
    embed: first.dims === 512 && first.sampled?.length > 0,
  };
  return holds[call] ? undefined : `nothing in it: ${bytes.toString().slice(0, 200)}`;
}

test(`${RUNS} damaged files are understood or refused, by seed ${SEED}`, { timeout: 3_600_000 }, async () => {
  const left = [...fc.sample(damage, { numRuns: RUNS, seed: SEED }).entries()];
  const faults: string[] = [];
  let circles = 0;
  const lane = async () => {
    for (let next = left.pop(); next; next = left.pop()) {
      const [index, how] = next;
      const original = originals[Math.floor(how.file * originals.length)];
      if (!original) continue;
      const { name, bytes } = original;
      const url = source.put(`/fuzz/${index}-${name}`, damaged(bytes, how));
      const isPicture = /heic|avif|webp|jpe?g|tiff?|png|gif$/.test(name);
      const body = JSON.stringify(bodies[how.call](url, isPicture));
      const answer = await fetch(`${compute.url}/v1/${how.call}`, { method: "POST", headers: HEADERS, body });
      const fault = await faultOf(how.call, answer);
      if (fault === CIRCLES.source) circles += 1;
      else if (fault) faults.push(`${index} ${name} ${how.call}: ${fault}; ${JSON.stringify(how)}`);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  expect(faults.sort()).toEqual([]);
  expect(circles).toBeLessThanOrEqual(Math.ceil(RUNS * MAX_CIRCLES_SHARE));
});

/** Mostly null. */
const seldom = <T>(arbitrary: fc.Arbitrary<T>) =>
  fc.oneof({ arbitrary: fc.constant(null), weight: 5 }, { arbitrary, weight: 1 });
/** What is done to a window of speech: bytes of its head, its length, or what comes instead of it. */
const windowDamage = fc.record({
  model: fc.constantFrom("whisper", "moonshine"),
  samples: fc.nat(40_000),
  bytes: fc.array(fc.record({ at: fc.nat(43), byte: fc.nat(255) }), { maxLength: 2 }),
  cut: seldom(fc.nat(100)),
  instead: seldom(fc.constantFrom("", "?", "not base64", "UklGRg==")),
});

test("damaged windows of speech are heard or refused", { timeout: 120_000 }, async () => {
  const faults: string[] = [];
  let heard = 0;
  for (const how of fc.sample(windowDamage, { numRuns: 100, seed: SEED })) {
    const sound = Buffer.from(
      Int16Array.from({ length: how.samples }, (_, i) => 9000 * Math.sin(i / 9)).buffer,
    );
    const window = Buffer.from(wav(sound));
    for (const { at, byte } of how.bytes) window[at] = byte;
    const sent = how.cut === null ? window : window.subarray(0, how.cut);
    const audio = how.instead ?? sent.toString("base64");
    const { status, lines, text } = await post(compute.url, "/v1/transcribe", { model: how.model, audio });
    const isHeard = status === 200 && Array.isArray(lines[0].segments);
    const isRefused = status === 400 && lines[0].failure.kind === "invalid";
    if (isHeard) heard += 1;
    if (!isHeard && !isRefused) faults.push(`${text.slice(0, 200)}; ${JSON.stringify(how)}`);
  }
  expect(faults).toEqual([]);
  expect(heard).toBeGreaterThan(10);
});
