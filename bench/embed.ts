// Frames a second that compute embeds, over the whole path (read by ranges, decoded, scaled, through the model, answered),
// against those of the bare model: the same file in one ONNX session of this process, with nothing to do but to run, its
// threads spinning while they wait or sleeping, whichever is faster in the round. The model has the shape of CLIP ViT-B/32
// and random weights. Rounds take turns; the last line is JSON.
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { makeVideo } from "../cli/sample-media/media.ts";
import { modelsSchema } from "../src/shapes/model.ts";
import { post, startSource } from "../test/compute/source.ts";
import { startServer } from "../workers/compute/server/main.ts";
import { DIMENSIONS, SIDE, writeClipShaped } from "./support/clip-shaped.ts";

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    /** Of the film, which has a keyframe every two seconds. */
    seconds: { type: "string", default: "120" },
    /** Lines of its picture. */
    height: { type: "string", default: "720" },
  },
});
const [rounds, seconds, height] = [options.rounds, options.seconds, options.height].map(Number) as [
  number,
  number,
  number,
];
const SPAN_SECONDS = 10;
const MODEL = "bench/clip-shaped";
const FILE = "models/clip-shaped.onnx";
/** Rows of the bare session: each is tried, and the best one counts. */
const WIDTHS = [1, 8, 32];

const folder = await mkdtemp(join(tmpdir(), "weir-bench-"));
const source = await startSource();
await mkdir(join(folder, "models"));
const sha256 = await writeClipShaped(join(folder, FILE));
const models = modelsSchema.parse({
  [MODEL]: {
    kind: "onnx",
    dimensions: DIMENSIONS,
    image: {
      ...{ file: FILE, sha256, size: SIDE, resize: SIDE },
      mean: [0.48145466, 0.4578275, 0.40821073],
      std: [0.26862954, 0.26130258, 0.27577711],
    },
  },
});
const threads = availableParallelism();
const server = await startServer({
  ...{ models: { models, root: folder }, size: threads, warm: true },
  ...{
    port: 0,
    allowOrigins: [source.origin],
    token: process.env.COMPUTE_TOKEN ?? "test-compute-token",
    log: () => {},
  },
});

interface Line {
  error?: unknown;
  sampled: number[];
}

/** Embeds a film by spans, as a handler's calls come together in one request. Resolves to frames a second. */
async function throughCompute(url: string, length: number): Promise<number> {
  const spans = Array.from({ length: Math.ceil(length / SPAN_SECONDS) }, (_, n) => ({
    start: n * SPAN_SECONDS,
    end: Math.min(length, (n + 1) * SPAN_SECONDS),
  }));
  const began = performance.now();
  const items = spans.map((span) => ({ url, span }));
  const answer = await post(server.url, "/v1/embed", { model: MODEL, kind: "video", items });
  const elapsed = (performance.now() - began) / 1000;
  const lines = answer.lines as Line[];
  const failed = lines.find(({ error }) => error !== undefined);
  if (answer.status !== 200 || failed) throw new Error(`compute refused: ${answer.text.slice(0, 500)}`);
  return lines.reduce((sum, { sampled }) => sum + sampled.length, 0) / elapsed;
}

/** The bare model, set up as compute has it (sleeping) and as it is by default. */
const open = (allow_spinning: "0" | "1") =>
  InferenceSession.create(join(folder, FILE), {
    ...{ executionProviders: ["cpu"], intraOpNumThreads: threads, interOpNumThreads: 1 },
    extra: { session: { intra_op: { allow_spinning } } },
  });
const sessions = { sleeping: await open("0"), spinning: await open("1") };

/** Frames a second of a bare session, which has them all at hand. */
async function bare(session: InferenceSession, rows: number, frames = 32): Promise<number> {
  const pixels = new Float32Array(rows * 3 * SIDE * SIDE).map((_, n) => Math.sin(n));
  const feeds = { pixels: new Tensor("float32", pixels, [rows, 3, SIDE, SIDE]) };
  const began = performance.now();
  let done = 0;
  for (; done < frames; done += rows) await session.run(feeds);
  return done / ((performance.now() - began) / 1000);
}

const median = (numbers: number[]) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;

try {
  const path = join(folder, "film.mp4");
  await makeVideo(path, { seconds, width: Math.round((height * 16) / 9 / 2) * 2, height, gopSeconds: 2 });
  const url = source.put("/bench/film.mp4", await readFile(path));
  await throughCompute(url, SPAN_SECONDS);
  const tried = [];
  for (const rows of WIDTHS)
    for (const session of Object.values(sessions)) tried.push({ rows, rate: await bare(session, rows) });
  const { rows } = tried.reduce((a, b) => (b.rate > a.rate ? b : a));
  const bareRound = async () => ({
    sleeping: await bare(sessions.sleeping, rows),
    spinning: await bare(sessions.spinning, rows),
  });
  const ratios: number[] = [];
  const toSleeping: number[] = [];
  let before = await bareRound();
  for (let round = 0; round < rounds; round++) {
    const whole = await throughCompute(url, seconds);
    const after = await bareRound();
    const sleeping = (before.sleeping + after.sleeping) / 2;
    const spinning = (before.spinning + after.spinning) / 2;
    before = after;
    ratios.push(whole / Math.max(sleeping, spinning));
    toSleeping.push(whole / sleeping);
    console.log(
      `${whole.toFixed(1)} frames a second through compute; bare ${sleeping.toFixed(1)} sleeping, ` +
        `${spinning.toFixed(1)} spinning, ${rows} at once: ${ratios.at(-1)?.toFixed(2)}`,
    );
  }
  console.log(
    JSON.stringify({
      bench: "embed",
      height,
      threads,
      rows,
      ratio: median(ratios),
      ratio_sleeping: median(toSleeping),
      ratios,
      goal: 0.85,
    }),
  );
} finally {
  for (const session of Object.values(sessions)) await session.release();
  await server.close();
  await source.close();
  await rm(folder, { recursive: true });
}
