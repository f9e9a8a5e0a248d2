// Ending a run before its time, on the whole stack: one that waits never begins, one that runs is told so and
// stores nothing.
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Run, startWeir, type Weir } from "../support/weir.ts";

let weir: Weir;
beforeAll(async () => {
  weir = await startWeir();
}, 120_000);
afterAll(() => weir?.close());

interface Told {
  status: number;
  body: Run & { title: string; detail: string; history: { status: string; cause: string | null }[] };
}
async function post(path: string, body: unknown = {}): Promise<Told> {
  const headers = { "content-type": "application/json" };
  const response = await weir.api(path, { method: "POST", headers, body: JSON.stringify(body) });
  return { status: response.status, body: (await response.json()) as Told["body"] };
}
const cancel = (id: string, reason = "not wanted") => post(`/v1/runs/${id}/cancel`, { reason });
const runIn = (status: string, key: string) =>
  weir.until(
    async () => {
      const { data } = await weir.read<{ data: (Run & { object: { key: string } })[] }>(
        `/v1/runs?alias=waiter&status=${status}&limit=100`,
      );
      return data.find(({ object }) => object.key === key);
    },
    (run) => run !== undefined,
    15_000,
  );
const told = (key: string, metadata: Record<string, string> = {}) =>
  weir.put("test-media", key, "x", { wait: "yes", ...metadata }).then((object) => weir.notifyR2(object));
/** Lines that Workers have written about a key. */
const lines = (key: string) =>
  weir.harness
    .getLogs()
    .map((line) => JSON.stringify(line))
    .filter((line) => line.includes(key));

test("a run that waits is cancelled with a reason, and never begins", async () => {
  await post("/v1/pipelines/waiter/pause", { reason: "to look" });
  await told("waiting.bin");
  const run = await runIn("pending", "waiting.bin");
  expect(await cancel(run?.id ?? "", "wrong file")).toMatchObject({
    status: 200,
    body: { status: "cancelled", reason: "wrong file" },
  });
  // Again is no change.
  expect(await cancel(run?.id ?? "")).toMatchObject({ status: 200, body: { reason: "wrong file" } });
  await post("/v1/pipelines/waiter/resume");
  // A later run of the same pipeline has begun, so that an earlier one would have.
  await told("after.bin");
  const later = await runIn("running", "after.bin");
  expect(await weir.read<Run>(`/v1/runs/${run?.id}`)).toMatchObject({ status: "cancelled", attempt: 0 });
  await cancel(later?.id ?? "");
});

test("a run that is under way hears of it, and its place is free within seconds", async () => {
  await told("listening.bin");
  const run = await runIn("running", "listening.bin");
  const { body } = await cancel(run?.id ?? "");
  expect(body.history.map(({ status }) => status)).toEqual(["queued", "running", "cancelled"]);
  expect(body.history.at(-1)?.cause).toBe("not wanted");
  await weir.until(
    async () => lines("listening.bin"),
    (found) =>
      found.some((line) => line.includes("waiter.told")) &&
      found.some((line) => line.includes("cancelled") && line.includes("attempt")),
    20_000,
  );
});

test("a handler that is deaf to it stores nothing, whatever it returns", async () => {
  await told("deaf.bin", { deaf: "yes" });
  const run = await runIn("running", "deaf.bin");
  await cancel(run?.id ?? "");
  await weir.put("test-media", "deaf.bin.go", "too late");
  await weir.until(
    async () => lines("deaf.bin"),
    (found) => found.some((line) => line.includes("attempt") && line.includes("cancelled")),
    20_000,
  );
  expect(await weir.items("waited", "deaf.bin")).toEqual([]);
  expect(await weir.read(`/v1/runs/${run?.id}`)).toMatchObject({ status: "cancelled" });
  // The object itself is not forbidden: a later event of it runs.
  await told("deaf.bin", { deaf: "yes" });
  await weir.until(
    () => weir.items("waited", "deaf.bin"),
    ([item]) => item?.data.went === "too late",
  );
});

test("whoever waits for an invocation that is cancelled is told so", async () => {
  const asked = weir.invoke("waiter", { payload: "listen" });
  const run = await runIn("running", "");
  await cancel(run?.id ?? "");
  const answer = await asked;
  expect([answer.status, await answer.json()]).toMatchObject([
    409,
    { status: "cancelled", error_details: { kind: "cancelled" } },
  ]);
});

test("what has ended cannot be cancelled, and what is not there is not found", async () => {
  const done = await weir.invoke("echo", { payload: 1 });
  const { run_id } = (await done.json()) as { run_id: string };
  const over = await cancel(run_id);
  expect(over).toMatchObject({ status: 409, body: { detail: "the run has ended already: succeeded" } });
  expect((await cancel("run_nope")).status).toBe(404);
  expect((await post(`/v1/runs/${run_id}/cancel`)).status).toBe(400);
});
