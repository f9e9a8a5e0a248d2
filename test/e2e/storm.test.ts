// Compute that is busy for a while, under many events at once: what asks it waits its turn, none is counted a
// failure, none dies, and compute is never asked by more at once than its pipelines may.

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeVideo } from "../../cli/sample-media/media.ts";
import { type Run, startWeir, type Weir } from "../support/weir.ts";

const EVENTS = 50;
/** Requests that are refused before one is let through. */
const REFUSALS = 60;
/** `concurrency` of the pipeline, and calls that one run makes at once (workers/pipeline/compute.ts). */
const AT_ONCE = 10 * 4;

let weir: Weir;
let folder: string;
let film: Uint8Array;
let server: Server;
const seen = { refused: 0, now: 0, most: 0 };

/** Hands requests on to compute, once it has refused enough of them, in each of the two ways that it may. */
async function busyCompute(computeUrl: string): Promise<string> {
  const { hostname, port } = new URL(computeUrl);
  server = createServer((incoming, answer) => {
    seen.most = Math.max(seen.most, ++seen.now);
    answer.on("close", () => seen.now--);
    if (seen.refused < REFUSALS) {
      seen.refused++;
      incoming.resume();
      const status = seen.refused % 2 === 0 ? 429 : 503;
      return void answer.writeHead(status, { "retry-after": "1" }).end("no room");
    }
    const { method, url, headers } = incoming;
    const onward = request({ hostname, port, path: url, method, headers }, (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(answer);
    });
    onward.on("error", () => answer.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "weir-storm-"));
  const path = join(folder, "film.mp4");
  await makeVideo(path, { seconds: 1, width: 64, height: 36, fps: 4, gopSeconds: 1, seed: 1 });
  film = await readFile(path);
  weir = await startWeir({}, busyCompute);
}, 120_000);
afterAll(async () => {
  server?.closeAllConnections();
  server?.close();
  await weir?.close();
  await rm(folder, { recursive: true, force: true });
});

test(`${EVENTS} events while compute refuses ${REFUSALS} times: all succeed at their first attempt`, async () => {
  const keys = Array.from({ length: EVENTS }, (_, n) => `storm/${n}.mp4`);
  await Promise.all(
    keys.map(async (key) => weir.notifyR2(await weir.put("test-media", key, film, { foo: "bar" }))),
  );
  const runs = await weir.until(
    async () => (await weir.read<{ data: Run[] }>("/v1/runs?alias=video-processor&limit=200")).data,
    (found) => found.length === EVENTS && found.every(({ status }) => ["succeeded", "dead"].includes(status)),
    300_000,
  );
  expect(new Set(runs.map(({ status, attempt }) => `${status} ${attempt}`))).toEqual(
    new Set(["succeeded 1"]),
  );
  expect((await weir.read<{ data: unknown[] }>("/v1/dead-letters")).data).toEqual([]);
  expect(seen.refused).toBe(REFUSALS);
  expect(seen.most).toBeLessThanOrEqual(AT_ONCE);
  // Some were put off, and their history says why.
  const histories = await Promise.all(
    runs.map(({ id }) => weir.read<{ history: { status: string; cause: string }[] }>(`/v1/runs/${id}`)),
  );
  const off = histories.flatMap(({ history }) => history.filter(({ status }) => status === "failed"));
  expect(off.length).toBeGreaterThan(0);
  for (const { cause } of off) expect(cause).toMatch(/Compute has no instance free \((429|503)\)/);
}, 330_000);
