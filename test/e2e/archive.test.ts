// The archive on the real Workers: events are heard, run, archived by the cron, and still found, explained and
// replayed; and what is kept is shown, over HTTP and by the command line.
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
interface Statement {
  bind(...values: unknown[]): Statement;
  run(): Promise<unknown>;
}
const ledger = async () => {
  const { LEDGER } = await weir.harness
    .getWorker<{ LEDGER: { prepare(sql: string): Statement } }>("weir")
    .getEnv();
  return LEDGER;
};

/** Makes everything that is on record so many days older, and rings the cron. */
async function daysLater(days: number): Promise<void> {
  const db = await ledger();
  const then = `strftime('%Y-%m-%dT%H:%M:%fZ', received_at, '-${days} days')`;
  await db
    .prepare(
      `UPDATE events SET envelope = json_set(envelope, '$.received_at', ${then}), received_at = ${then}`,
    )
    .run();
  await db.prepare(`UPDATE segments SET minute = minute - ${days * 1440}`).run();
  // As if the passes that have just been made were long ago.
  await db.prepare("DELETE FROM archive_passes").run();
  await weir.ringCron();
}

test("an item leads to its event and run, and a replay and a filter diff answer the same, after they moved", async () => {
  for (const name of ["a", "b", "c"]) {
    await weir.notifyR2(await weir.put("test-media", `old/${name}.txt`, name, { color: name }));
    await weir.settled(`old/${name}.txt`, 1);
  }
  // Refused by every filter: it is archived all the same.
  await weir.notifyR2(await weir.put("test-media", "old/unwanted.bin", "x"));
  await weir.until(
    () => weir.read<{ data: unknown[] }>("/v1/events?key=old/unwanted.bin"),
    ({ data }) => data.length === 1,
  );
  const [item] = (await weir.items("echoes", "old/a.txt")) as [Item];
  const lineage = await weir.read<{ event: { id: string }; run: { id: string } }>(
    `/v1/collections/echoes/items/${item.id}/lineage`,
  );
  const seen = async () => {
    const [event, run, why] = await Promise.all([
      weir.read<{ received_at: string; archived?: true }>(`/v1/events/${lineage.event.id}`),
      weir.read<object>(`/v1/runs/${lineage.run.id}`),
      weir.read<object>(`/v1/events/${lineage.event.id}/why/echo`),
    ]);
    return { run, why, event };
  };
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

  await daysLater(31);
  const after = await seen();
  expect(after.event.archived).toBe(true);
  expect([after.run, after.why]).toEqual([before.run, before.why]);
  expect(await asked()).toEqual(answers);
  expect((await weir.read<{ data: object[] }>("/v1/events")).data).toHaveLength(4);
  expect(await weir.read("/v1/runs")).toMatchObject({ data: [], archive: { note: expect.any(String) } });
  expect(await weir.read(`/v1/runs?event_id=${lineage.event.id}`)).toMatchObject({ data: [{}] });
  const tested = await post<object>("/v1/filters/test", { alias: "echo", event: lineage.event.id });
  expect(tested).toMatchObject({ reason: expect.any(String) });

  const done = await replay({ select: { kind: "events" } });
  expect(done.progress).toMatchObject({ planned: 4 });
  expect(await weir.items("echoes", "old/b.txt")).toHaveLength(1);
});

test("what is kept is shown, and what has expired", async () => {
  interface Held {
    connection: string;
    archive: { events: number };
  }
  const held = async () => (await weir.read<{ data: Held[] }>("/v1/archive")).data;
  const media = (await held()).find(({ connection }) => connection === "conn_media");
  expect(media).toMatchObject({ hot_days: 30, archive_days: 365, archive: { events: 4, runs: 3 } });
  expect(await cli("archive")).toMatch(
    /^conn_media +30 d hot, 365 d in the archive .* 4 events in \d segments/m,
  );

  await daysLater(400);
  const gone = await weir.read<{ data: object[] }>("/v1/archive/expired");
  expect(gone.data).toContainEqual(
    expect.objectContaining({ what: "events", connection: "conn_media", count: expect.any(Number) }),
  );
  expect(await cli("archive", "expired")).toMatch(/^\d{4}-\d\d-\d\d +events +conn_media +\d+ with \d+ runs/m);
});
