// One instance reads an object once for all its calls: the index, the ranges that several want, and the whole
// of what cannot be read in ranges. A new version is another object.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { makeVideo } from "../../cli/sample-media/media.ts";
import { type RunningServer, startServer } from "../../workers/compute/server/main.ts";
import { ObjectCache } from "../../workers/compute/server/objects/objects.ts";
import { ReadSession } from "../../workers/compute/server/objects/session.ts";
import { post, type Source, startSource } from "./source.ts";

let folder: string;
let source: Source;
let compute: RunningServer;
let film: Buffer;
let other: Buffer;
/** Where the index is: at the end, as FFmpeg writes it. */
let index: number;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "weir-test-"));
  source = await startSource();
  compute = await startServer({ port: 0, log: () => {}, allowOrigins: [source.origin], size: 2 });
  const made = async (name: string, seed: number) => {
    const options = { seconds: 60, width: 160, height: 90, fps: 10, gopSeconds: 2, bitrate: 400_000 };
    await makeVideo(join(folder, name), { ...options, seed });
    return readFile(join(folder, name));
  };
  film = await made("film.mp4", 1);
  other = await made("other.mp4", 2);
  index = film.length - film.indexOf("moov");
});
afterAll(async () => {
  await compute.close();
  await source.close();
  await rm(folder, { recursive: true });
});
beforeEach(() => source.reset());

const spans = Array.from({ length: 30 }, (_, i) => ({ start: i * 2, end: i * 2 + 2 }));
const embed = (url: string, span: object) =>
  post(compute.url, "/v1/embed", { items: [{ url, span }], kind: "video", model: "weir/hog-512" });

describe("many calls for one object", () => {
  test("read its index once, and no byte of it twice", async () => {
    const url = source.put("/shared/film.mp4", film);
    const calls = [
      post(compute.url, "/v1/split", { url, frame_interval: 2 }),
      ...spans.map((span) => embed(url, span)),
      post(compute.url, "/v1/probe", { url }),
    ];
    const answers = await Promise.all(calls);
    expect(answers.map(({ status }) => status)).toEqual(calls.map(() => 200));
    expect(answers.slice(1, -1).every(({ lines }) => lines[0].dims === 512)).toBe(true);
    const keyframes = answers[0]?.lines[0].chunks.flatMap(
      (chunk: { keyframes: number[] }) => chunk.keyframes,
    );
    expect(keyframes.length).toBeGreaterThanOrEqual(30);
    const counted = answers.flatMap(({ lines }) => lines).reduce((sum, { read }) => sum + read.bytes, 0);
    expect(counted).toBe(source.sent.bytes);
    // The frames, the first bytes (once for each child that asked before they were there), the index once.
    const [frames, head] = [film.length * 0.4, 2 * 32 * 1024];
    expect(source.sent.bytes).toBeLessThan(frames + head + 2 * index);
    // One request by each call, to know the version; one for each keyframe; the index in a few.
    expect(source.sent.requests).toBeLessThan(calls.length + keyframes.length + 10);

    source.reset();
    await post(compute.url, "/v1/probe", { url });
    await post(compute.url, "/v1/split", { url, frame_interval: 3 });
    // It was asked twice whether it is still the same, and twice answered that it is.
    expect(source.sent).toEqual({ bytes: 0, requests: 2 });
  });

  test("never see two versions as one", async () => {
    const url = source.put("/shared/moving.mp4", film);
    const span = { start: 4, end: 6 };
    const first = (await embed(url, span)).lines[0].embedding;
    source.put("/shared/moving.mp4", other);
    const second = (await embed(url, span)).lines[0].embedding;
    expect(second).not.toBe(first);
    const alone = source.put("/shared/alone.mp4", other);
    expect((await embed(alone, span)).lines[0].embedding).toBe(second);
  });

  test("of a store that answers 412 where 304 is meant are served all the same", async () => {
    const url = source.answer("/shared/odd.mp4", (request, response) => {
      if (request.headers["if-none-match"]) return void response.writeHead(412).end();
      const [start = 0, last = 0] = (request.headers.range ?? "")
        .slice("bytes=".length)
        .split("-")
        .map(Number);
      const part = film.subarray(start, last + 1);
      const of = `bytes ${start}-${start + part.length - 1}/${film.length}`;
      response.writeHead(206, { etag: '"odd"', "content-range": of }).end(part);
    });
    for (const _ of [1, 2]) expect((await post(compute.url, "/v1/split", { url })).status).toBe(200);
  });

  test("of which one may not read it get nothing from what the others have read", async () => {
    const url = source.put("/shared/secret.mp4", film);
    expect((await post(compute.url, "/v1/split", { url })).status).toBe(200);
    source.answer("/shared/secret.mp4", (_request, response) => response.writeHead(403).end());
    const refused = await post(compute.url, "/v1/split", { url });
    expect(refused.lines[0].failure.kind).toBe("source_refused");
  });
});

test("the next keyframes are on their way while one is decoded, a few at a time", async () => {
  let out = 0;
  let most = 0;
  let bytes = 0;
  const url = source.answer("/slow/film.mp4", async (request, response) => {
    out += 1;
    most = Math.max(most, out);
    // As far away as a store is.
    await new Promise((resolve) => setTimeout(resolve, 20));
    const [start = 0, last = 0] = (request.headers.range ?? "").slice("bytes=".length).split("-").map(Number);
    const part = film.subarray(start, last + 1);
    bytes += part.length;
    out -= 1;
    const of = `bytes ${start}-${start + part.length - 1}/${film.length}`;
    response.writeHead(206, { etag: '"slow"', "content-range": of }).end(part);
  });
  const items = spans.map((span) => ({ url, span }));
  const { lines } = await post(compute.url, "/v1/embed", { items, kind: "video", model: "weir/hog-512" });
  expect(lines.every(({ dims }) => dims === 512)).toBe(true);
  expect(most).toBeGreaterThan(2);
  expect(most).toBeLessThanOrEqual(4);
  expect(lines.reduce((sum, { read }) => sum + read.bytes, 0)).toBe(bytes);
  // Nothing is asked for in vain: the keyframes, the head and the index.
  expect(bytes).toBeLessThan(film.length * 0.4 + 32 * 1024 + 2 * index);
});

describe("a source without ranges", () => {
  const whole = (path: string, tag?: string) => {
    let calls = 0;
    let sent = 0;
    const url = source.answer(path, (_request, response) => {
      calls += 1;
      response.writeHead(200, tag ? { etag: tag } : {});
      response.on("close", () => {
        sent += response.writableFinished ? film.length : 0;
      });
      response.end(film);
    });
    return { url, calls: () => calls, sent: () => sent };
  };

  test("is read once for all calls while its tag says that it is the same", async () => {
    const { url, calls } = whole("/whole/film.mp4", '"one"');
    const [split] = (await post(compute.url, "/v1/split", { url })).lines;
    expect(split.read.bytes).toBe(film.length);
    const lines = await Promise.all(spans.slice(0, 6).map((span) => embed(url, span)));
    for (const answer of lines) expect(answer.lines[0]).toMatchObject({ dims: 512, read: { bytes: 0 } });
    expect(calls()).toBe(7);
  });

  test("and without a tag is read by each call, for nothing tells that it is the same", async () => {
    const { url } = whole("/whole/untagged.mp4");
    for (const _ of [1, 2])
      expect((await post(compute.url, "/v1/split", { url })).lines[0].read.bytes).toBe(film.length);
  });

  test("that is larger than the room in the temporary folder can be tried again, and leaves nothing", async () => {
    const temporary = await mkdtemp(join(folder, "small-"));
    const main = join(import.meta.dirname, "../../workers/compute/server/main.ts");
    // No file of this process may have more than 64 KB, which is what a full disk comes to.
    const program = spawn("bash", ["-c", `ulimit -f 64; exec "${process.execPath}" "${main}"`], {
      env: {
        ...{ PATH: process.env.PATH, COMPUTE_TOKEN: process.env.COMPUTE_TOKEN },
        ...{ PORT: "0", TMPDIR: temporary, COMPUTE_ALLOW_ORIGINS: source.origin },
      },
      stdio: ["ignore", "pipe", "ignore"],
    });
    try {
      const [line] = await once(createInterface(program.stdout), "line");
      const base = `http://127.0.0.1:${JSON.parse(line).listening}`;
      const got = await post(base, "/v1/split", { url: whole("/whole/large.mp4", '"l"').url });
      expect(got.lines[0].failure).toMatchObject({ kind: "unavailable", where: "whole/large.mp4" });
      expect(got.lines[0].detail).toContain("no room left");
      expect(await readdir(temporary)).toEqual([]);
      const ranged = source.put("/whole/ranged.mp4", film);
      expect((await post(base, "/v1/split", { url: ranged })).status).toBe(200);
    } finally {
      program.kill();
      await once(program, "exit");
    }
  });
});

describe("what is kept", () => {
  test("is bounded, the least lately used first to go", async () => {
    const objects = new ObjectCache([source.origin], 200_000);
    const read = async (path: string, start: number, end: number) => {
      const session = new ReadSession(objects, source.put(path, film));
      await session.open();
      const got = await session.read(start, end, true);
      session.close();
      return got.ok ? got.value.read.bytes : -1;
    };
    expect(await read("/kept/a.mp4", 40_000, 100_000)).toBe(60_000);
    expect(await read("/kept/a.mp4", 40_000, 100_000)).toBe(0);
    expect(await read("/kept/b.mp4", 40_000, 120_000)).toBe(80_000);
    expect(await read("/kept/c.mp4", 40_000, 120_000)).toBe(80_000);
    expect(await read("/kept/c.mp4", 40_000, 120_000)).toBe(0);
    expect(await read("/kept/a.mp4", 40_000, 100_000)).toBe(60_000);
    await objects.close();
  });
});
