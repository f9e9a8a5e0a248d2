// The overview: what it counts of a few uploads, a failure and a refused delivery, now and as series.
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Overview, PipelineInFull } from "../../src/client/operations.generated.ts";
import { startWeir, type Weir } from "../support/weir.ts";

let weir: Weir;
beforeAll(async () => {
  weir = await startWeir();
}, 120_000);
afterAll(() => weir?.close());

const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0);

test("events, runs, a dead one, a refusal and what is stored are counted, in all, by pipeline and over time", async () => {
  const before = await weir.read<Overview>("/v1/overview");
  expect(before).toMatchObject({
    hours: 24,
    step_minutes: 15,
    now: { events: 0, latency: { p50_ms: null } },
  });
  await weir.notifyR2(await weir.put("test-media", "over/a.txt", "hello"));
  await weir.notifyR2(await weir.put("test-media", "over/b.txt", "hello"));
  await weir.notifyR2(await weir.put("test-media", "over/c.bin", "x", { broken: "yes" }));
  await weir.fetch("/v1/connections/conn_media/events", { method: "POST", body: "unproven" });
  for (const key of ["over/a.txt", "over/b.txt", "over/c.bin"]) await weir.settled(key, 1);
  const after = await weir.until(
    () => weir.read<Overview>("/v1/overview"),
    ({ now }) => now.rejections > 0,
  );

  expect(after.now).toMatchObject({ events: 3, rejections: 1, dead_letters: 1, paused: 0 });
  expect(after.now.ended).toMatchObject({ succeeded: 2, dead: 1 });
  expect(after.now.open).toEqual({ pending: 0, queued: 0, running: 0, failed: 0 });
  expect(after.now.cost_usd).toBeGreaterThan(0);
  expect(after.now.latency.p95_ms).toBeGreaterThanOrEqual(
    after.now.latency.p50_ms ?? Number.POSITIVE_INFINITY,
  );

  const echo = after.pipelines.find(({ alias }) => alias === "echo");
  expect(echo).toMatchObject({ ended: { succeeded: 2, dead: 0 }, dead_letters: 0, objects: 2, items: 2 });
  expect(sum(after.pipelines.map(({ dead_letters }) => dead_letters))).toBe(1);

  const { at, ...series } = after.series;
  expect(at).toHaveLength(96);
  for (const points of Object.values(series)) expect(points).toHaveLength(96);
  expect([sum(series.events), sum(series.succeeded), sum(series.dead), sum(series.rejections)]).toEqual([
    3, 2, 1, 1,
  ]);
  expect(at.at(-1)?.localeCompare(after.at)).toBe(-1);

  expect(after.failures).toMatchObject([{ runs: 1 }]);
  expect(after.causes).toMatchObject([{ count: 1 }]);
  expect(after.storage.collections).toContainEqual({ name: "echoes", objects: 2, items: 2 });
  expect(after.storage.databases.every(({ bytes }) => bytes === null || bytes > 0)).toBe(true);
});

test("two hours are eight points, 48 hours 96, and more are refused", async () => {
  expect((await weir.read<Overview>("/v1/overview?hours=2")).series.at).toHaveLength(8);
  const two = await weir.read<Overview>("/v1/overview?hours=48");
  expect([two.series.at.length, two.step_minutes]).toEqual([96, 30]);
  expect((await weir.api("/v1/overview?hours=49")).status).toBe(400);
});

test("a pipeline is shown with its code as it runs, what its versions stored, what failed and what a run costs", async () => {
  const echo = await weir.read<PipelineInFull>("/v1/pipelines/echo");
  expect(echo).toMatchObject({
    ...{ alias: "echo", paused: null, dead_letters: 0, causes: [], stale: { objects: 0, items: 0 } },
    ...{ config: { destination: { collection: "echoes" } }, open: { pending: 0, running: 0 } },
    source: { file: "pipelines/echo/handler.ts", text: expect.stringContaining('log("asked for", form);') },
  });
  expect(echo.versions).toMatchObject([{ version: echo.version, deployed: true, objects: 2, items: 2 }]);
  expect(echo.average.runs).toBe(2);
  expect(echo.average.usd).toBeGreaterThan(0);
  expect(echo.average.seconds).not.toBeNull();
  const { data } = await weir.read<{ data: { alias: string }[] }>("/v1/dead-letters");
  const broken = await weir.read<PipelineInFull>(`/v1/pipelines/${data[0]?.alias}`);
  expect(broken).toMatchObject({ dead_letters: 1, causes: [{ count: 1 }] });
  expect((await weir.api("/v1/pipelines/nobody")).status).toBe(404);
});
