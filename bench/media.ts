// Cost of embedding a film by ten-second spans: bytes read of a 10-minute 1080p H.264 file with a keyframe every 2 s and
// every 10 s, time against decoding every frame with the same library, the peak memory of the server with its decoders
// for two hours against two minutes, and the time of one picture: of an HDR film against an SDR one, of 4K and 8K
// against ffmpeg's own. The last line is JSON.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { makeVideo, type VideoOptions } from "../cli/sample-media/media.ts";
import { repeatVideo } from "../test/compute/repeat.ts";
import { HEADERS, post, startSource } from "../test/compute/source.ts";
import { embedder } from "../test/support/embedder.ts";
import { byFfmpeg, decodeAll, sampleAll, secondPicture } from "./support/pictures.ts";

const MODEL = "weir/hog-512";
const PART = 20;
const folder = await mkdtemp(join(tmpdir(), "weir-bench-"));
const source = await startSource();
const fullHd = { width: 1920, height: 1080, bitrate: 8_000_000 };
const say = (text: string) => console.log(text);

/** A film of so many seconds, one part encoded and repeated, ready to be read. */
async function film(name: string, seconds: number, options: Omit<VideoOptions, "seconds">) {
  const [part, whole] = [join(folder, `${name}-part.mp4`), join(folder, `${name}.mp4`)];
  await makeVideo(part, { seconds: PART, ...options });
  await repeatVideo(part, seconds / PART, whole);
  const bytes = await readFile(whole);
  await Promise.all([rm(part), rm(whole)]);
  return { url: source.put(`/bench/${name}.mp4`, bytes), size: bytes.length };
}

/** Runs `work` against a compute server of its own, and measures what its processes held at most. */
async function served<T>(work: (url: string) => Promise<T>): Promise<{ result: T; peak: number }> {
  const main = new URL("../workers/compute/server/main.ts", import.meta.url).pathname;
  const env = { ...process.env, PORT: "0", COMPUTE_ALLOW_ORIGINS: source.origin };
  const server = spawn(process.execPath, [main], { env, stdio: ["ignore", "pipe", "ignore"] });
  const ended = once(server, "exit").then(([code]) => {
    throw new Error(`the compute server ended with ${code} before it listened`);
  });
  ended.catch(() => {});
  const [line] = await Promise.race([once(createInterface(server.stdout), "line"), ended]);
  try {
    const result = await work(`http://127.0.0.1:${JSON.parse(line).listening}`);
    return { result, peak: await peakOf(server) };
  } finally {
    server.kill();
    await once(server, "exit");
  }
}

/** Bytes: the most that a process and its children each held. 0 where the system does not say. */
async function peakOf({ pid }: ChildProcess): Promise<number> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
  const pids = [String(pid), ...children.split(" ").filter(Boolean)];
  const held = await Promise.all(
    pids.map(async (id) => {
      const status = await readFile(`/proc/${id}/status`, "utf8").catch(() => "");
      return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
    }),
  );
  return held.reduce((sum, bytes) => sum + bytes, 0);
}

/** Splits and embeds a film as a handler does. Resolves to milliseconds and the number of spans. */
async function embedAll(server: string, url: string): Promise<{ ms: number; spans: number }> {
  const { compute, embeddings } = embedder({
    fetch: (request) => fetch(server + new URL(request.url).pathname, withBody(request)),
    models: { [MODEL]: { kind: "builtin", builtin: MODEL } },
  });
  compute.vouch(url);
  const began = performance.now();
  const chunks = await compute.split(url, { frameInterval: 10 });
  await Promise.all(
    chunks.map(({ start, end }) => embeddings.embed("video", { url, span: { start, end } }, MODEL)),
  );
  return { ms: performance.now() - began, spans: chunks.length };
}
const withBody = ({ method, body }: Request) =>
  ({ method, headers: HEADERS, body, duplex: "half" }) as RequestInit;

/** The better of two tries, each by a server that knows nothing yet: other work of the machine comes and goes. */
async function better(once: () => Promise<{ result: { ms: number; spans: number } }>) {
  const [first, second] = [(await once()).result, (await once()).result];
  return first.ms < second.ms ? first : second;
}

/** Bytes read of a film, as a share of it, and the time it took; decoders are started and warm before. */
async function share(name: string, seconds: number, gopSeconds: number) {
  const { url, size } = await film(name, seconds, { ...fullHd, gopSeconds });
  const warm = source.put("/bench/warm.mp4", await warmUp);
  const once = () =>
    served(async (server) => {
      await embedAll(server, warm);
      source.reset();
      return embedAll(server, url);
    });
  const result = await better(once);
  const fraction = source.sent.bytes / size;
  say(
    `${name}: ${(size / 1e6).toFixed(0)} MB, ${result.spans} spans in ${Math.round(result.ms)} ms, ` +
      `${(source.sent.bytes / 1e6).toFixed(1)} MB in ${source.sent.requests} requests: ${(fraction * 100).toFixed(1)} %`,
  );
  return { url, fraction, ms: result.ms };
}

async function peakFor(name: string, seconds: number): Promise<number> {
  const { url, size } = await film(name, seconds, { width: 480, height: 270, gopSeconds: 2 });
  const { result, peak } = await served((server) => embedAll(server, url));
  say(
    `${name}: ${(size / 1e6).toFixed(0)} MB, ${result.spans} spans, peak ${(peak / 2 ** 20).toFixed(0)} MB`,
  );
  source.put(`/bench/${name}.mp4`, new Uint8Array());
  return peak;
}

/** Milliseconds that a picture takes of a film of large ones, and the most that its decoder holds. */
async function largePicture(name: string, width: number, height: number) {
  const path = join(folder, `${name}.mp4`);
  await makeVideo(path, { seconds: 2, fps: 2, width, height, gopSeconds: 1, scenes: 1 });
  const url = source.put(`/bench/${name}.mp4`, await readFile(path));
  const { result, peak } = await served(async (server) => {
    const times: number[] = [];
    for (let turn = 0; turn < 4; turn++) {
      const began = performance.now();
      await post(server, "/v1/frames", { url, at: [1], size: 512 });
      times.push(performance.now() - began);
    }
    return { ms: Math.min(...times.slice(1)) };
  });
  const own = byFfmpeg(path, 1);
  const theirs = own
    ? `ffmpeg: ${Math.round(own.ms)} ms, ${Math.round(own.peak / 2 ** 20)} MB`
    : "ffmpeg is not installed here: not compared";
  say(
    `a picture of ${name}: ${Math.round(result.ms)} ms, ${Math.round(peak / 2 ** 20)} MB (all processes); ${theirs}`,
  );
  await rm(path);
  return { ms: result.ms, peak, own };
}

const warmUp = makeVideo(join(folder, "warm.mp4"), { seconds: 40, width: 160, height: 90 }).then(() =>
  readFile(join(folder, "warm.mp4")),
);
try {
  const two = await share("gop2", 600, 2);
  const every = Math.min(await decodeAll(two.url, PART), await decodeAll(two.url, PART)) * (600 / PART);
  say(`every frame of gop2: ${Math.round(every)} ms, from ${PART} s of it, on one thread`);
  const [first, second] = [await sampleAll(two.url), await sampleAll(two.url)];
  const sampled = first.read < second.read ? first : second;
  say(
    `${sampled.frames} frames of gop2, on one thread: ${Math.round(sampled.read)} ms to read and decode, ` +
      `${Math.round(sampled.embed)} ms to embed`,
  );
  const ten = await share("gop10", 600, 10);
  const hevc = { width: 1920, height: 1080, codec: "hevc10", gopSeconds: 1 } as const;
  const [hdr, sdr] = [await film("hdr", PART, { ...hevc, hdr: true }), await film("sdr", PART, hevc)];
  const picture = await secondPicture(hdr.url, sdr.url);
  say(
    `a picture of 512 pixels of an HDR film: ${picture.ms.toFixed(1)} ms; of an SDR one: ${picture.of.toFixed(1)} ms`,
  );
  const fourK = await largePicture("4K", 3840, 2160);
  const eightK = await largePicture("8K", 7680, 4320);
  const short = await peakFor("two-minutes", 120);
  const long = await peakFor("two-hours", 7200);
  const round = (value: number, digits: number) => Number(value.toFixed(digits));
  const result = {
    bytes_fraction_gop2: round(two.fraction, 4),
    bytes_fraction_gop10: round(ten.fraction, 4),
    speedup_over_decode_all: round(every / sampled.read, 1),
    speedup_over_decode_all_embedded: round(every / (sampled.read + sampled.embed), 1),
    speedup_over_decode_all_served: round(every / two.ms, 1),
    hdr_over_sdr_picture: round(picture.ms / picture.of, 2),
    picture_4k_ms: round(fourK.ms, 0),
    picture_4k_ms_over_ffmpeg: fourK.own ? round(fourK.ms / fourK.own.ms, 2) : null,
    picture_4k_mb: round(fourK.peak / 2 ** 20, 0),
    picture_8k_ms: round(eightK.ms, 0),
    picture_8k_ms_over_ffmpeg: eightK.own ? round(eightK.ms / eightK.own.ms, 2) : null,
    picture_8k_mb: round(eightK.peak / 2 ** 20, 0),
    peak_rss_2h_over_2min: round(long / short, 3),
  };
  console.log(JSON.stringify(result));
} finally {
  await source.close();
  await rm(folder, { recursive: true });
}
// FFmpeg through callbacks keeps a process from ending by itself.
process.exit(0);
