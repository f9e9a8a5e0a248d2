import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { crc32, deflateSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeImage, makeVideo } from "../../cli/sample-media/media.ts";
import { verdictOf } from "../../src/shapes/failure.ts";
import { type RunningServer, type ServerOptions, startServer } from "../../workers/compute/server/main.ts";
import { HEADERS, post, SIGNATURE, type Source, startSource } from "./source.ts";

let quiet: ServerOptions;
let folder: string;
let source: Source;
let compute: RunningServer;
let film: Buffer;
let faststart: Buffer;
let sound: Buffer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "weir-test-"));
  source = await startSource();
  quiet = { port: 0, log: () => {}, allowOrigins: [source.origin, "http://127.0.0.1:9"] };
  compute = await startServer(quiet);
  const made = async (name: string, options: object) => {
    await makeVideo(join(folder, name), { seconds: 4, width: 320, height: 180, ...options });
    return readFile(join(folder, name));
  };
  film = await made("film.mp4", {});
  faststart = await made("faststart.mp4", { muxer: { movflags: "+faststart" } });
  sound = await made("sound.mp4", { video: false, audio: true });
});
afterAll(async () => {
  await compute.close();
  await source.close();
  await rm(folder, { recursive: true });
});

/** A PNG that says it is larger than it is. */
function hugePng(side: number): Buffer {
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    sum.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, sum]);
  };
  const header = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 8, 2, 0, 0, 0]);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  const signature = Buffer.from("89504e470d0a1a0a", "hex");
  const rows = chunk("IDAT", deflateSync(Buffer.alloc(1000)));
  return Buffer.concat([signature, chunk("IHDR", header), rows, chunk("IEND", Buffer.alloc(0))]);
}

describe("what is no film is refused as bad media that is named, and not tried again", () => {
  test.each<[string, () => Buffer, RegExp]>([
    ["text.mp4", () => Buffer.from("this is only text\n".repeat(100)), /no video, picture or sound/],
    ["empty.mp4", () => Buffer.alloc(0), /empty/],
    ["zeros.mp4", () => Buffer.alloc(100_000), /no video, picture or sound/],
    ["bomb.mp4", () => gzipSync(Buffer.alloc(10_000_000)), /is a gzip archive, a format that is not read/],
    ["flash.mp4", () => Buffer.from("FLV\x01\x05\0\0\0\x09".padEnd(400, "\0"), "latin1"), /is a Flash film/],
    ["stream.mp4", () => Buffer.from("#EXTM3U\n#EXT-X-VERSION:3\n".padEnd(400)), /is a playlist/],
    [
      "photo.mp4",
      () => Buffer.from("\0\0\0\x0cJXL \r\n\x87\n".padEnd(400), "latin1"),
      /is a JPEG XL picture/,
    ],
    ["download.mp4", () => film.subarray(0, film.length / 2), /cut short/],
    ["faststart.mp4", () => faststart.subarray(0, faststart.length / 2), /cut short/],
    ["tiny.mp4", () => film.subarray(0, 40), /cut short/],
    ["song.mp4", () => sound, /no video track/],
    ["header.mkv", () => Buffer.from("1a45dfa3", "hex"), /cannot be opened|no video track/],
    ["scrambled.mp4", () => scramble(faststart), /./],
  ])("%s", async (name, bytes, detail) => {
    const url = source.put(`/uploads/2026/${name}`, bytes());
    const { status, headers, lines, text } = await post(compute.url, "/v1/split", { url });
    expect(status).toBe(422);
    expect(headers.get("content-type")).toBe("application/problem+json");
    expect(lines[0].failure).toMatchObject({ kind: "bad_media", where: `uploads/2026/${name}` });
    expect(lines[0].detail).toMatch(detail);
    expect(lines[0].detail).toContain(name);
    expect(text).not.toContain(SIGNATURE);
    const embedded = await post(compute.url, "/v1/embed", {
      items: [{ url }],
      kind: "video",
      model: "weir/hog-512",
    });
    expect(embedded.lines).toMatchObject([{ index: 0, error: { kind: "bad_media" } }]);
  });

  /** Every box but the first holds nonsense, at its right length. */
  function scramble(bytes: Buffer): Buffer {
    const copy = Buffer.from(bytes);
    for (let i = copy.indexOf("moov") + 4; i < copy.indexOf("mdat") - 4; i++) copy[i] = (i * 7919) & 255;
    return copy;
  }

  test("nor a picture of 60,000 by 60,000, whose memory is never taken", async () => {
    const url = source.put("/uploads/huge.png", hugePng(60_000));
    const { status, lines } = await post(compute.url, "/v1/image", { url });
    expect([status, lines[0].failure.kind]).toEqual([422, "bad_media"]);
  });

  test("nor a picture where a film was asked for, and the other way round", async () => {
    const picture = source.put("/uploads/a.jpg", await makeImage());
    const video = source.put("/uploads/a.mp4", film);
    expect((await post(compute.url, "/v1/split", { url: picture })).lines[0].detail).toMatch(
      /JPEG picture, not a video/,
    );
    expect((await post(compute.url, "/v1/image", { url: video })).lines[0].detail).toMatch(
      /a video, not a picture/,
    );
  });
});

describe("what a source answers decides what is done next", () => {
  const statuses: [number, number, string][] = [
    [404, 404, "object_gone"],
    [410, 404, "object_gone"],
    [401, 503, "source_refused"],
    [403, 503, "source_refused"],
    [302, 503, "source_refused"],
    [412, 409, "conflict"],
    [429, 503, "unavailable"],
    [500, 503, "unavailable"],
    [503, 503, "unavailable"],
  ];
  test.each(statuses)("%d is answered with %d %s", async (said, status, kind) => {
    const headers = { location: "http://127.0.0.1:9/elsewhere" };
    const url = source.answer(`/status/${said}.mp4`, (_request, response) =>
      response.writeHead(said, headers).end(),
    );
    const got = await post(compute.url, "/v1/split", { url });
    expect([got.status, got.lines[0].failure.kind]).toEqual([status, kind]);
    expect(got.text).not.toContain(SIGNATURE);
  });

  test("a server that is not there is unavailable", async () => {
    const got = await post(compute.url, "/v1/split", { url: "http://127.0.0.1:9/film.mp4" });
    expect(got.lines[0].failure).toMatchObject({ kind: "unavailable", where: "film.mp4" });
  });

  test("one failed answer in the middle is asked again and costs nothing but that", async () => {
    let calls = 0;
    const url = source.answer("/flaky.mp4", (request, response) => {
      calls += 1;
      if (calls === 2) return void response.writeHead(500).end();
      range(film, request.headers.range, response);
    });
    expect((await post(compute.url, "/v1/split", { url })).status).toBe(200);
    expect(calls).toBeGreaterThan(2);
  });

  test("an object overwritten half-way is a conflict, so that the run is tried again", async () => {
    let calls = 0;
    const url = source.answer("/moving.mp4", (request, response) => {
      calls += 1;
      range(film, request.headers.range, response, `"version-${calls}"`);
    });
    const got = await post(compute.url, "/v1/split", { url });
    expect([got.status, got.lines[0].failure.kind]).toEqual([409, "conflict"]);
  });

  test("a source that knows no ranges is read once", async () => {
    let calls = 0;
    const url = source.answer("/whole.mp4", (_request, response) => {
      calls += 1;
      response.writeHead(200).end(film);
    });
    const { lines } = await post(compute.url, "/v1/split", { url });
    expect(lines[0]).toMatchObject({
      duration: 4,
      size: film.length,
      read: { bytes: film.length, requests: 1 },
    });
    expect(calls).toBe(1);
  });
});

function range(bytes: Buffer, header: string | undefined, response: ServerResponse, etag = '"v"') {
  const [start = 0, last = 0] = (header ?? "").slice("bytes=".length).split("-").map(Number);
  const end = Math.min(last + 1, bytes.length);
  const of = `bytes ${start}-${end - 1}/${bytes.length}`;
  response.writeHead(206, { etag, "content-range": of }).end(bytes.subarray(start, end));
}

describe("a request is checked before anything is read", () => {
  test.each<[string, unknown, number, string]>([
    ["/v1/split", { url: "file:///etc/passwd" }, 400, "invalid"],
    ["/v1/split", { url: "https://user:word@example.com/a.mp4" }, 400, "invalid"],
    ["/v1/split", { url: "https://example.com/a.mp4", frame_interval: 0 }, 400, "invalid"],
    ["/v1/split", { url: "https://example.com/a.mp4", "": 1 }, 400, "invalid"],
    ["/v1/split", "no object", 400, "invalid"],
    ["/v1/embed", { items: [], kind: "video", model: "weir/hog-512" }, 400, "invalid"],
    ["/v1/embed", { items: [{ url: "https://example.com/a", span: { start: 2, end: 1 } }] }, 400, "invalid"],
    ["/v1/split", { url: `https://example.com/${"a".repeat(1_100_000)}` }, 413, "too_large"],
    ["/v1/nothing", {}, 404, "not_found"],
  ])("%s %#", async (path, body, status, kind) => {
    const got = await post(compute.url, path, body);
    expect([got.status, got.lines[0].failure.kind]).toEqual([status, kind]);
  });

  test("an unknown model is refused with the list of those there are", async () => {
    const items = [{ url: "https://example.com/a.mp4" }];
    const { status, lines } = await post(compute.url, "/v1/embed", {
      items,
      kind: "video",
      model: "acme/eyes",
    });
    expect(status).toBe(422);
    expect(lines[0].failure).toMatchObject({ kind: "unknown_model" });
    expect(lines[0].failure.expected).toContain("weir/hog-512");
  });
});

/** A source that answers only when told to. */
function held(path: string) {
  let free: () => void = () => {};
  let asked: () => void = () => {};
  const released = new Promise<void>((resolve) => {
    free = resolve;
  });
  const arrived = new Promise<void>((resolve) => {
    asked = resolve;
  });
  let count = 0;
  const url = source.answer(path, async (request, response) => {
    count += 1;
    asked();
    await released;
    range(film, request.headers.range, response);
  });
  return { url, arrived, free, asked: () => count };
}

describe("a decoder", () => {
  test("that takes too long is killed; the server lives on with another", async () => {
    const server = await startServer({ ...quiet, size: 1, timeoutMs: 1500 });
    const stuck = held("/stuck.mp4");
    const late = post(server.url, "/v1/split", { url: stuck.url });
    await stuck.arrived;
    const [pid] = server.decoders();
    const got = await late;
    expect([got.status, got.lines[0].failure.kind]).toEqual([504, "timeout"]);
    const next = await post(server.url, "/v1/split", { url: source.put("/fine.mp4", film) });
    expect(next.status).toBe(200);
    expect(server.decoders()).not.toContain(pid);
    stuck.free();
    await server.close();
  });

  test("that dies twice of a file costs that file; what waits behind it is served", async () => {
    const server = await startServer({ ...quiet, size: 1 });
    const deadly = held("/deadly.mp4");
    const first = post(server.url, "/v1/split", { url: deadly.url });
    await deadly.arrived;
    const second = post(server.url, "/v1/split", { url: source.put("/behind.mp4", film) });
    const [one] = server.decoders();
    if (one !== undefined) process.kill(one, "SIGSEGV");
    await expect.poll(() => deadly.asked(), { timeout: 5000 }).toBe(2);
    const [other] = server.decoders();
    if (other !== undefined) process.kill(other, "SIGSEGV");
    const got = await first;
    expect(got.lines[0].failure).toMatchObject({ kind: "bad_media", where: "deadly.mp4" });
    expect(got.lines[0].detail).toContain("SIGSEGV");
    expect((await second).status).toBe(200);
    deadly.free();
    await server.close();
  });

  test("that is killed from outside costs nothing but time", async () => {
    const server = await startServer({ ...quiet, size: 1 });
    const unlucky = held("/unlucky.mp4");
    const body = { items: [{ url: unlucky.url }], kind: "video", model: "weir/hog-512" };
    const answer = post(server.url, "/v1/embed", body);
    await unlucky.arrived;
    const [pid] = server.decoders();
    if (pid !== undefined) process.kill(pid, "SIGKILL");
    await expect.poll(() => unlucky.asked(), { timeout: 5000 }).toBe(2);
    unlucky.free();
    expect((await answer).lines).toMatchObject([{ index: 0, dims: 512 }]);
    await server.close();
  });

  test("that is killed from outside again and again is no fault of its file", async () => {
    const server = await startServer({ ...quiet, size: 1 });
    const unlucky = held("/killed.mp4");
    const items = [{ url: unlucky.url }];
    for (const [call, body] of [
      ["split", { url: unlucky.url }],
      ["embed", { items, kind: "video", model: "weir/hog-512" }],
    ] as const) {
      const before = unlucky.asked();
      const answer = post(server.url, `/v1/${call}`, body);
      for (const tried of [1, 2]) {
        await expect.poll(() => unlucky.asked(), { timeout: 5000 }).toBe(before + tried);
        const [pid] = server.decoders();
        if (pid !== undefined) process.kill(pid, "SIGKILL");
      }
      const [{ failure, error = failure }] = (await answer).lines;
      expect(error).toMatchObject({ kind: "unavailable", where: "killed.mp4" });
      expect(verdictOf(error.kind)).toBe("retry");
    }
    unlucky.free();
    await server.close();
  });

  test("that stands still is killed, and its file tried again later when another does too", async () => {
    const server = await startServer({ ...quiet, size: 1, busyMs: 5000, warm: true });
    const url = source.put("/still.mp4", film);
    const stop = () => {
      const [pid] = server.decoders();
      if (pid !== undefined) process.kill(pid, "SIGSTOP");
      return pid;
    };
    const first = stop();
    expect((await post(server.url, "/v1/split", { url })).status).toBe(200);
    const second = stop();
    const given = post(server.url, "/v1/split", { url });
    await expect.poll(() => server.decoders()[0], { interval: 5, timeout: 30_000 }).not.toBe(second);
    const third = stop();
    const { failure } = (await given).lines[0];
    expect(failure).toMatchObject({ kind: "timeout", where: "still.mp4" });
    expect(verdictOf(failure.kind)).toBe("retry");
    expect(new Set([first, second, third]).size).toBe(3);
    await server.close();
  });

  test("stops when nobody waits for it any more", async () => {
    const server = await startServer({ ...quiet, size: 1, capacity: 1 });
    const left = held("/left.mp4");
    const client = new AbortController();
    const init = {
      method: "POST",
      headers: HEADERS,
      body: JSON.stringify({ url: left.url }),
      signal: client.signal,
    };
    const asked = fetch(`${server.url}/v1/split`, init);
    await left.arrived;
    client.abort();
    await expect(asked).rejects.toThrow();
    // The only place in the line is free again although the source still holds its answer.
    const next = () => post(server.url, "/v1/split", { url: source.put("/next.mp4", film) });
    await expect.poll(async () => (await next()).status, { timeout: 5000 }).toBe(200);
    left.free();
    await server.close();
  });
});

test("a server with a full line says so and when to come back", async () => {
  const server = await startServer({ ...quiet, size: 1, capacity: 1 });
  const busy = held("/busy.mp4");
  const first = post(server.url, "/v1/split", { url: busy.url });
  await busy.arrived;
  const refused = await post(server.url, "/v1/split", { url: busy.url });
  expect([refused.status, refused.lines[0].failure.kind]).toEqual([503, "overloaded"]);
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
  busy.free();
  expect((await first).status).toBe(200);
  await server.close();
});

describe("the program", () => {
  const main = join(import.meta.dirname, "../../workers/compute/server/main.ts");
  let program: ChildProcess;

  test("says where it listens, and on SIGTERM finishes what it is at and exits", async () => {
    program = spawn(process.execPath, [main], {
      env: { PORT: "0", COMPUTE_TOKEN: process.env.COMPUTE_TOKEN, COMPUTE_ALLOW_ORIGINS: source.origin },
      stdio: ["ignore", "pipe", "ignore"],
    });
    if (!program.stdout) throw new Error("no output to read");
    const [line] = await once(createInterface(program.stdout), "line");
    const { listening } = JSON.parse(line);
    const base = `http://127.0.0.1:${listening}`;
    expect(await (await fetch(`${base}/health`)).json()).toMatchObject({ status: "ok" });
    const slow = held("/slow.mp4");
    const running = post(base, "/v1/split", { url: slow.url });
    await slow.arrived;
    program.kill("SIGTERM");
    await expect
      .poll(async () => (await fetch(`${base}/health`)).json())
      .toMatchObject({ status: "draining" });
    expect((await post(base, "/v1/split", { url: slow.url })).status).toBe(503);
    slow.free();
    expect((await running).status).toBe(200);
    expect(await once(program, "exit")).toEqual([0, null]);
  });

  afterAll(() => program?.kill("SIGKILL"));
});
