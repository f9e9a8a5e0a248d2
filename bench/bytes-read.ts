// Bytes that are read to embed a whole film: makes a 720p film, serves it with ranges, embeds its ten-second spans through
// the real compute server in one call, and counts the bytes that left the source. The last line is JSON;
// `bytes_fraction` is a ratio within one run, so it does not depend on the machine.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeVideo } from "../cli/sample-media/media.ts";
import { post, startSource } from "../test/compute/source.ts";
import { startServer } from "../workers/compute/server/main.ts";

const film = { seconds: 60, width: 1280, height: 720, fps: 30, gopSeconds: 5, bitrate: 3_200_000 };

const folder = await mkdtemp(join(tmpdir(), "weir-bench-"));
const source = await startSource();
const compute = await startServer({ port: 0, log: () => {}, allowOrigins: [source.origin] });
try {
  const path = join(folder, "film.mp4");
  await makeVideo(path, { ...film, audio: true });
  const bytes = await readFile(path);
  console.log(`made ${film.seconds} s of ${film.width}×${film.height}: ${bytes.length} bytes`);
  const url = source.put("/bench/film.mp4", bytes);
  const began = performance.now();
  const split = await post(compute.url, "/v1/split", { url, frame_interval: 10 });
  const chunks: { start: number; end: number }[] = split.lines[0].chunks;
  const planned = performance.now();
  let embedded = 0;
  const body = { kind: "video", model: "weir/hog-512" };
  const items = chunks.map(({ start, end }) => ({ url, span: { start, end } }));
  const answer = await post(compute.url, "/v1/embed", { ...body, items });
  for (const line of answer.lines) if (line.dims === 512) embedded += 1;
  if (embedded !== chunks.length) throw new Error(`only ${embedded} of ${chunks.length} spans were embedded`);
  const together = { ...source.sent };
  console.log(
    `split and embedded ${embedded} spans together: ${together.bytes} bytes, ${together.requests} requests`,
  );

  source.reset();
  for (const item of items) await post(compute.url, "/v1/embed", { ...body, items: [item] });
  console.log(`each span by itself: ${source.sent.bytes} bytes, ${source.sent.requests} requests`);
  const result = {
    bytes_fraction: Number((together.bytes / bytes.length).toFixed(4)),
    bytes_fraction_one_by_one: Number((source.sent.bytes / bytes.length).toFixed(4)),
    bytes_read: together.bytes,
    requests: together.requests,
    size: bytes.length,
    spans: embedded,
    split_ms: Math.round(planned - began),
  };
  console.log(JSON.stringify(result));
} finally {
  await compute.close();
  await source.close();
  await rm(folder, { recursive: true });
}
