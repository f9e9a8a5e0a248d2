// Work that takes long is let be as long as something comes of it, whether an object's bytes come from its source
// or are kept from a call before. What comes to nothing is ended: hostile.test.ts and faults.test.ts.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32, deflateSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeVideo } from "../../cli/sample-media/media.ts";
import { type RunningServer, startServer } from "../../workers/compute/server/main.ts";
import { HEADERS, post, type Source, startSource } from "./source.ts";

let folder: string;
let source: Source;
let compute: RunningServer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "weir-test-"));
  source = await startSource();
  // A tenth of what it is, so that a picture of a few megapixels is what one of a hundred is to the real one.
  const options = { port: 0, log: () => {}, allowOrigins: [source.origin], size: 1, spinMs: 300 };
  compute = await startServer(options);
});
afterAll(async () => {
  await compute.close();
  await source.close();
  await rm(folder, { recursive: true });
});

/** A picture of few bytes that takes long to be compressed again. */
function weave(side: number): Buffer {
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
  const row = side * 3 + 1;
  const raw = Buffer.alloc(side * row);
  for (let y = 0; y < side; y++) {
    raw[y * row] = 4;
    for (let x = 1; x < row; x++) raw[y * row + x] = ((x * y) >> 8) & 7;
  }
  const signature = Buffer.from("89504e470d0a1a0a", "hex");
  return Buffer.concat([
    signature,
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(raw, { level: 1 })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

test("a large picture is shown, and again when its bytes are there already", async () => {
  const url = source.put("/weave.png", weave(2400));
  for (const call of [1, 2]) {
    const { lines } = await post(compute.url, "/v1/frames", { url, at: [0], size: 1500, format: "png" });
    expect([call, lines[0]]).toMatchObject([call, { width: 1500, height: 1500 }]);
  }
});

test("a film of large pictures is cut off its keyframes, and again when its bytes are there already", async () => {
  const path = join(folder, "large.mp4");
  await makeVideo(path, { seconds: 1.2, width: 1920, height: 1080, gopSeconds: 2 });
  const url = source.put("/large.mp4", await readFile(path));
  for (const call of [1, 2]) {
    const body = JSON.stringify({ url, span: { start: 0.1, end: 1.1 } });
    const answer = await fetch(`${compute.url}/v1/clip`, { method: "POST", headers: HEADERS, body });
    expect([call, answer.status]).toEqual([call, 200]);
    await answer.arrayBuffer();
  }
});
