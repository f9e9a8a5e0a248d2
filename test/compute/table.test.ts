// Every fixture by every call: its right value, or a refusal that names the cause. What is right, table.ts says.
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { PlannedChunk } from "../../workers/compute/server/decoder/tasks/split.ts";
import { type RunningServer, startServer } from "../../workers/compute/server/main.ts";
import { pixelsOf } from "./png.ts";
import { HEADERS, post, type Source, startSource } from "./source.ts";
import { type Call, calls, type Film, type Refused, type Still, table } from "./table.ts";

let source: Source;
let compute: RunningServer;
beforeAll(async () => {
  source = await startSource();
  compute = await startServer({ port: 0, log: () => {}, allowOrigins: [source.origin], size: 2 });
});
afterAll(async () => {
  await compute.close();
  await source.close();
});

const put = async (file: string) =>
  source.put(`/media/${file}`, await readFile(new URL(`../fixtures/media/${file}`, import.meta.url)));
const model = "weir/hog-512";

/** The first line of an answer that must be one. */
async function ask(call: Call, body: object) {
  const { status, lines, text } = await post(compute.url, `/v1/${call}`, body);
  expect(status, text.slice(0, 300)).toBe(200);
  return lines;
}
/** The bytes of a clip or of sound. */
async function bytesOf(call: "clip" | "audio", body: object): Promise<Buffer> {
  const request = { method: "POST", headers: HEADERS, body: JSON.stringify(body) };
  const answer = await fetch(`${compute.url}/v1/${call}`, request);
  const bytes = Buffer.from(await answer.arrayBuffer());
  expect(answer.status, bytes.toString("latin1", 0, 300)).toBe(200);
  return bytes;
}

const CARD: [number, number, [number, number, number]][] = [
  [0.1, 0.1, [220, 20, 20]],
  [0.9, 0.1, [20, 200, 20]],
  [0.1, 0.9, [20, 20, 220]],
  [0.9, 0.9, [240, 240, 240]],
  [0.5, 0.5, [255, 200, 0]],
];
function expectCard(png: Buffer, within: number, { upsideDown, converted }: Partial<Film> = {}): void {
  const pixels = pixelsOf(png);
  for (const [i, [x, y, drawn]] of CARD.entries()) {
    const colour = converted?.[i] ?? drawn;
    const seen = upsideDown ? pixels.at(1 - x, 1 - y) : pixels.at(x, y);
    const off = Math.max(...seen.map((value, channel) => Math.abs(value - (colour[channel] ?? 0))));
    expect(off, `${seen} at ${x}, ${y} where ${colour} is drawn`).toBeLessThanOrEqual(within);
  }
}

const expectTimes = (seen: number[], right: number[], within = 1.5e-3) => {
  expect(seen.length, `${seen}`).toBe(right.length);
  for (const [i, time] of right.entries())
    expect(Math.abs((seen[i] ?? -1) - time), `${seen}`).toBeLessThanOrEqual(within);
};

/** Milliseconds at which a WAV of 16 kHz begins to sound after a tenth of a second of silence. */
function beepsOf(wav: Buffer): number[] {
  const samples = new Int16Array(Uint8Array.from(wav.subarray(44)).buffer);
  const loud = samples.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / 10;
  const found: number[] = [];
  let last = -1e9;
  for (const [i, value] of samples.entries()) {
    if (Math.abs(value) <= loud) continue;
    if (i - last > 1600) found.push(i / 16);
    last = i;
  }
  return found;
}

async function expectBeeps(url: string, { at, within }: NonNullable<Film["beeps"]>, length = 4) {
  expectTimes(beepsOf(await bytesOf("audio", { url, span: { start: 0, end: length } })), at, within);
}

/** Windows of speech, one behind another, each with the sound that is cut out of the same seconds. */
async function expectVoices(url: string, seconds: number) {
  const lines = await ask("speech", { url });
  const windows = lines.slice(0, -2);
  expect(lines.at(-2)).toMatchObject({ next: null });
  expect(windows.length).toBeGreaterThan(0);
  let before = 0;
  for (const { start, end, data } of windows) {
    expect(start).toBeGreaterThanOrEqual(before);
    // Sound may go on for a second behind the pictures.
    expect(end).toBeLessThanOrEqual(seconds + 1.1);
    const cut = await bytesOf("audio", { url, span: { start, end } });
    expect(Buffer.from(data, "base64").equals(cut), `${start} to ${end}`).toBe(true);
    before = end;
  }
}

const films: Record<Call, (url: string, right: Film) => Promise<void>> = {
  async probe(url, { size: [width, height], fps, seconds, beeps }) {
    const [{ kind, duration, streams }] = await ask("probe", { url });
    const video = streams.filter(({ type }: { type: string }) => type === "video");
    expect(kind).toBe("video");
    expect(video[0]).toMatchObject({ width, height, fps });
    expect(Math.abs(duration - seconds)).toBeLessThan(0.05);
    expect(streams.some(({ type }: { type: string }) => type === "audio")).toBe(beeps !== undefined);
  },
  async split(url, { size: [width, height], fps, seconds, frames, keyframes }) {
    const [whole] = await ask("split", { url, keyframes: true });
    expect(whole).toMatchObject({ width, height, fps, frames });
    expect(Math.abs(whole.duration - seconds)).toBeLessThan(0.05);
    expectTimes(
      whole.chunks.flatMap((chunk: PlannedChunk) => chunk.keyframes),
      keyframes,
    );
  },
  async frames(url, right) {
    const {
      shots,
      size: [width, height],
      card,
    } = right;
    const lines = await ask("frames", { url, at: shots.map(([at]) => at), size: 4096, format: "png" });
    expectTimes(
      lines.slice(0, -1).map(({ time }) => time),
      shots.map(([, time]) => time),
    );
    for (const { data } of lines.slice(0, -1)) {
      const png = Buffer.from(data, "base64");
      expect(pixelsOf(png)).toMatchObject({ width, height });
      if (card) expectCard(png, card, right);
    }
  },
  async embed(url, { spans, seconds }) {
    const each = Array.from({ length: Math.floor(seconds) }, (_, i): [number, number, undefined] => [
      i,
      i + 1,
      undefined,
    ]);
    const asked = spans ?? each;
    const items = asked.map(([start, end]) => ({ url, span: { start, end } }));
    const lines = await ask("embed", { items, kind: "video", model });
    expect(lines.length).toBe(asked.length);
    for (const { index, dims, sampled, error } of lines) {
      const [start, end, right] = asked[index] ?? [0, 0, []];
      expect(dims, JSON.stringify(error)).toBe(512);
      if (right) expectTimes(sampled, right);
      else
        for (const time of sampled)
          expect(time >= start - 1.5e-3 && time < end, `${time} in ${start} to ${end}`).toBe(true);
      expect(sampled.length).toBeGreaterThan(0);
    }
  },
  async clip(url, right) {
    const {
      clip: { start, end, frames, tag },
      size: [width, height],
      card,
      beeps,
    } = right;
    const bytes = await bytesOf("clip", { url, span: { start, end } });
    if (tag) expect(bytes.includes(tag)).toBe(true);
    const cut = source.put(`${new URL(url).pathname}.mp4`, bytes);
    const [whole] = await ask("split", { url: cut });
    expect(whole).toMatchObject({ width, height, frames });
    if (card) {
      const [{ data }] = await ask("frames", { url: cut, at: [0], size: 4096, format: "png" });
      expectCard(Buffer.from(data, "base64"), card, right);
    }
    const [{ streams }] = await ask("probe", { url: cut });
    expect(streams.some(({ type }: { type: string }) => type === "audio")).toBe(beeps !== undefined);
  },
  async audio(url, { beeps, seconds }) {
    if (beeps) await expectBeeps(url, beeps, seconds);
    else await refuses("audio", url, /has no audio track/);
  },
  async speech(url, { beeps, seconds }) {
    if (beeps) await expectVoices(url, seconds);
    else await refuses("speech", url, /has no audio track/);
  },
  image: (url) => refuses("image", url, /is a video, not a picture/),
};

const stills: Record<Call, (url: string, right: Still) => Promise<void>> = {
  async probe(url, { size: [width, height] }) {
    expect((await ask("probe", { url }))[0]).toMatchObject({ kind: "image", width, height });
  },
  split: (url) => refuses("split", url, /is an? \w+ picture, not a video/),
  async frames(url, { size: [width, height], card }) {
    const lines = await ask("frames", { url, at: [0], size: 4096, format: "png" });
    expect(lines.at(-1)).toEqual({ done: 1 });
    const png = Buffer.from(lines[0].data, "base64");
    expect(pixelsOf(png)).toMatchObject({ width, height });
    if (card) expectCard(png, card);
  },
  async embed(url) {
    expect((await ask("embed", { items: [{ url }], kind: "image", model }))[0]).toMatchObject({ dims: 512 });
  },
  clip: (url) => refuses("clip", url, /is an? \w+ picture, not a video/),
  audio: (url) => refuses("audio", url, /is an? \w+ picture, not a video/),
  speech: (url) => refuses("speech", url, /is an? \w+ picture, not a video/),
  async image(url, { size: [width, height], format, card, colours }) {
    const [seen] = await ask("image", { url });
    expect(seen).toMatchObject({ width, height, format });
    if (card) expect(seen.colors.length).toBe(CARD.length);
    if (colours) expect(seen.colors.slice(0, 2).map(({ hex }: { hex: string }) => hex)).toEqual(colours);
  },
};

const bodies: Record<Call, (url: string) => object> = {
  probe: (url) => ({ url }),
  image: (url) => ({ url }),
  split: (url) => ({ url }),
  frames: (url) => ({ url, at: [0] }),
  embed: (url) => ({ items: [{ url }], kind: "video", model }),
  clip: (url) => ({ url, span: { start: 0, end: 1 } }),
  audio: (url) => ({ url, span: { start: 0, end: 1 } }),
  speech: (url) => ({ url }),
};
/** A refusal of the file itself, for the reason; where a call answers by lines, in its first one. */
async function refuses(call: Call, url: string, why: RegExp): Promise<void> {
  const { text, status } = await post(compute.url, `/v1/${call}`, bodies[call](url));
  const [first] = text.split("\n");
  const { failure, error } = JSON.parse(first ?? "{}");
  expect([422, 200].includes(status), text).toBe(true);
  expect((failure ?? error)?.kind, text.slice(0, 300)).toBe("bad_media");
  expect((failure ?? error).detail).toMatch(why);
}

async function expectRefused(call: Call, url: string, { why, only = calls, beeps }: Refused): Promise<void> {
  if (only.includes(call)) return refuses(call, url, why);
  if (call === "audio" && beeps) return expectBeeps(url, beeps);
  if (call === "speech") return expectVoices(url, 4);
  const [{ streams }] = await ask("probe", { url });
  expect(streams.map(({ type }: { type: string }) => type)).toEqual(["audio"]);
}

describe.each(Object.keys(table))("%s", (file) => {
  const right = table[file] as (typeof table)[string];
  for (const call of calls) {
    test(call, async () => {
      const url = await put(file);
      if (right.kind === "film") await films[call](url, right);
      else if (right.kind === "picture") await stills[call](url, right);
      else await expectRefused(call, url, right);
    });
  }
});
