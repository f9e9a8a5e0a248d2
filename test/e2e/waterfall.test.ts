// A run as a waterfall: its steps and its log with times; and the runs of one object, to compare them.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeVideo } from "../../cli/sample-media/media.ts";
import type { RunWithHistory } from "../../src/client/operations.generated.ts";
import { type Run, startWeir, type Weir } from "../support/weir.ts";

let weir: Weir;
let film: Uint8Array;
beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), "weir-waterfall-"));
  const how = { seconds: 6, width: 160, height: 90, fps: 12, gopSeconds: 2, seed: 6 };
  await makeVideo(join(folder, "film.mp4"), how);
  film = await readFile(join(folder, "film.mp4"));
  await rm(folder, { recursive: true });
  weir = await startWeir();
}, 120_000);
afterAll(() => weir?.close());

const read = (id: string) => weir.read<RunWithHistory>(`/v1/runs/${id}`);
const runsOf = (query: string) => weir.read<{ data: Run[]; next?: string }>(`/v1/runs?${query}`);

test("a film's run says when its event came, how long it waited, and what each call took and gave", async () => {
  await weir.notifyR2(await weir.put("test-media", "fall/film.mp4", film, { foo: "bar" }));
  const runs = await weir.settled("fall/film.mp4", 1);
  const run = await read(runs.find(({ alias }) => alias === "video-processor")?.id ?? "");
  const names = run.steps.map(({ name }) => name);
  expect(names.slice(0, 6)).toEqual(["happened", "received", "looked up", "decided", "queued", "started"]);
  expect(names.slice(-3)).toEqual(["stored", "indexed", "observed again"]);
  expect(names).toEqual(expect.arrayContaining(["observed", "handled", "kept embeddings"]));
  const calls = run.steps.filter(({ name }) => name.startsWith("compute "));
  expect(calls.map(({ name }) => name)).toEqual(expect.arrayContaining(["compute split", "compute embed"]));
  for (const { bytes, seconds } of calls) {
    expect(bytes).toBeGreaterThan(0);
    expect(seconds).toBeGreaterThanOrEqual(0);
  }
  const handled = run.steps.find(({ name }) => name === "handled");
  expect([run.items, handled?.detail]).toEqual([1, "1 item"]);
  expect(run.steps.every(({ at }) => new Date(at).toISOString() === at)).toBe(true);
  expect(JSON.stringify(run.steps)).not.toContain("signature");

  // Again: what was computed is known.
  await weir.invoke("video-processor", { bucket: "test-media", key: "fall/film.mp4" });
  const { data } = await runsOf("key=fall/film.mp4&alias=video-processor");
  const again = await read(data.find(({ id }) => id !== run.id)?.id ?? "");
  const kept = again.steps.find(({ name }) => name === "kept embeddings");
  expect(kept?.cached).toBeGreaterThan(0);
  expect(again.steps.map(({ name }) => name)).not.toContain("compute embed");
});

test("lines of the log have their times, and a failure is the last of them", async () => {
  await weir.invoke("echo", { payload: { form: "array" } }).then((it) => it.json());
  const answer = (await (await weir.invoke("echo", { payload: { form: "bigint" } })).json()) as {
    run_id: string;
  };
  const { logs, log } = await weir.until(
    () => read(answer.run_id),
    ({ status }) => status === "dead",
  );
  expect(log).toEqual(["asked for bigint"]);
  expect(logs).toEqual([
    { at: expect.any(String), level: "info", text: "asked for bigint" },
    { at: expect.any(String), level: "error", text: "items[0].count is a BigInt. items[0].count" },
  ]);
  expect(logs[0]?.at.localeCompare(logs[1]?.at ?? "")).toBeLessThanOrEqual(0);
});

test("runs of one object are listed by its key, those of other buckets and pipelines left out", async () => {
  await weir.notifyR2(await weir.put("test-media", "fall/a.txt", "one"));
  await weir.settled("fall/a.txt", 1);
  await weir.notifyR2(await weir.put("test-media", "fall/a.txt", "another"));
  await weir.until(
    () => runsOf("key=fall/a.txt&alias=echo&status=succeeded"),
    ({ data }) => data.length === 2,
  );
  const [newer, older] = (await runsOf("key=fall/a.txt&alias=echo")).data as unknown as {
    created_at: string;
  }[];
  expect(newer?.created_at.localeCompare(older?.created_at ?? "")).toBeGreaterThanOrEqual(0);
  expect(
    (await runsOf("key=fall/a.txt&bucket=test-media&connection=conn_media&alias=echo")).data,
  ).toHaveLength(2);
  expect((await runsOf("key=fall/a.txt&bucket=elsewhere")).data).toEqual([]);
  const first = await runsOf("key=fall/a.txt&alias=echo&limit=1");
  expect(first.data).toHaveLength(1);
  expect((await runsOf(`key=fall/a.txt&alias=echo&limit=1&cursor=${first.next}`)).data).toHaveLength(1);
  expect((await weir.api("/v1/runs?bucket=test-media")).status).toBe(400);
});
