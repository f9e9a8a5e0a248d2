// What is on record, on the real Workers: events are heard, run, folded into segments by the cron, and still found,
// explained and replayed; what is kept is shown, over HTTP and by the command line.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { packageRoot } from "../../cli/project/project.ts";
import { API_KEY, type Item, startWeir, type Weir } from "../support/weir.ts";

let weir: Weir;
beforeAll(async () => {
  weir = await startWeir();
}, 120_000);
afterAll(() => weir?.close());

interface Plan {
  status: string;
  plan: { objects: number; sample: { key: string }[] };
  progress: { planned: number | null; succeeded: number };
}
const post = async <T>(path: string, body: unknown): Promise<T> => {
  const headers = { "content-type": "application/json" };
  return (await (await weir.api(path, { method: "POST", headers, body: JSON.stringify(body) })).json()) as T;
};
const replay = async (body: object) => {
  const { id } = await post<{ id: string }>("/v1/replays", { aliases: ["echo"], ...body });
  return weir.until(
    () => weir.read<Plan>(`/v1/replays/${id}`),
    ({ status }) => status === "done",
  );
};
const cli = async (...args: string[]) => {
  const env = { ...process.env, WEIR_URL: weir.base, WEIR_API_KEY: API_KEY, NO_COLOR: "1" };
  return (await promisify(execFile)(process.execPath, [join(packageRoot, "cli/bin.mjs"), ...args], { env }))
    .stdout;
};
/** Two days ago, so that the cron folds it into its day at once. */
const THEN = new Date(Date.now() - 2 * 86_400_000).toISOString();

test("an item leads to its event and run, and a replay and a filter diff answer the same, after they were folded", async () => {
  for (const name of ["a", "b", "c"]) {
    const object = await weir.put("test-media", `old/${name}.txt`, name, { color: name });
    await weir.notifyR2({ ...object, eventTime: THEN });
    await weir.settled(`old/${name}.txt`, 1);
  }
  // Refused by every filter: it is on record all the same.
  await weir.notifyR2({ ...(await weir.put("test-media", "old/unwanted.bin", "x")), eventTime: THEN });
  await weir.until(
    () => weir.read<{ data: unknown[] }>("/v1/events?key=old/unwanted.bin"),
    ({ data }) => data.length === 1,
  );
  const [item] = (await weir.items("echoes", "old/a.txt")) as [Item];
  const lineage = await weir.read<{ event: { id: string }; run: { id: string } }>(
    `/v1/collections/echoes/items/${item.id}/lineage`,
  );
  const seen = async () => ({
    run: await weir.read<object>(`/v1/runs/${lineage.run.id}`),
    why: await weir.read<object>(`/v1/events/${lineage.event.id}/why/echo`),
    event: await weir.read<object>(`/v1/events/${lineage.event.id}`),
    all: (await weir.read<{ data: object[] }>("/v1/events")).data,
    ofKey: (await weir.read<{ data: object[] }>("/v1/events?key=old/b.txt")).data,
  });
  const asked = async () => {
    const plan = await replay({ select: { kind: "events" }, dry_run: true });
    const diff = await post<object>("/v1/filters/diff", {
      alias: "echo",
      filters: { color: "a" },
      since: "52w",
    });
    return { objects: plan.plan.objects, sample: plan.plan.sample, diff: { ...diff, since: "" } };
  };
  const [before, answers] = [await seen(), await asked()];
  expect(answers.objects).toBe(4);
  expect([before.all.length, before.ofKey.length]).toEqual([4, 1]);

  const held = async () =>
    (await weir.read<{ data: { connection: string; log: { events: number } }[] }>("/v1/archive")).data.find(
      ({ connection }) => connection === "conn_media",
    );
  // What a pass folds, and when, is judged in test/store/log-upkeep.test.ts.
  for (let pass = 0; pass < 4; pass++) await weir.ringCron();
  expect(await seen()).toEqual(before);
  expect(await asked()).toEqual(answers);
  const tested = await post<object>("/v1/filters/test", { alias: "echo", event: lineage.event.id });
  expect(tested).toMatchObject({ reason: expect.any(String) });

  const done = await replay({ select: { kind: "events" } });
  expect(done.progress).toMatchObject({ planned: 4 });
  expect(await weir.items("echoes", "old/b.txt")).toHaveLength(1);
  expect(await held()).toMatchObject({ hot_days: 30, archive_days: 365 });
  expect(await cli("archive")).toMatch(/^conn_media +395 d/m);
  expect(await cli("archive", "expired", "--json")).toContain("[");
}, 120_000);
