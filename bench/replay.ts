// A replay of thousands of objects beside live events, on `weir dev` as a process of its own: killed with
// SIGKILL, all of it, at 40 %, started again, paused, resumed, finished. Each object must be done once in
// effect, and a live event must not wait much longer to start than when nothing else runs, in the same run.
// `OBJECTS=500 npm run bench -- replay` makes it shorter; test/e2e/kill.test.ts does it with a few hundred.
import { setTimeout as pause } from "node:timers/promises";
import { devProject } from "../test/support/dev.ts";

const OBJECTS = Number(process.env.OBJECTS ?? 5_000);
/** Fewer where the replay would be over before they are. */
const LIVE = Math.min(40, Math.ceil(OBJECTS / 125));
const BUCKET = "test-media";

const project = devProject(["mirror", "mirror-queue"], ["conn_media", "conn_items", "conn_lake"]);
process.once("exit", () => project.close());
let dev = await project.start();

interface Replay {
  id: string;
  status: string;
  progress: { planned: number | null; enqueued: number; open: number; succeeded: number; dead: number };
}
interface Run {
  alias: string;
  started_at: string | null;
}

/** Milliseconds from a signed webhook's 202 to the start of its run, for a number of live events. */
async function liveWaits(name: string): Promise<number[]> {
  const waits: number[] = [];
  for (let n = 0; n < LIVE; n++) {
    const key = `live/${name}/${n}.bin`;
    const object = await dev.client.put(BUCKET, key, "live", { keep: "yes" });
    const deliveredAt = Date.now();
    await dev.client.deliver("conn_media", dev.client.s3Records(object));
    const run = await dev.client.until(
      async () => {
        const events = await dev.client.read<{ data: { id: string }[] }>(
          `/v1/events?key=${encodeURIComponent(key)}`,
        );
        if (!events.data[0]) return undefined;
        const runs = await dev.client.read<{ data: Run[] }>(`/v1/runs?event_id=${events.data[0].id}`);
        return runs.data.find(({ alias }) => alias === "mirror");
      },
      (run) => Boolean(run?.started_at),
    );
    waits.push(Date.parse(run?.started_at ?? "") - deliveredAt);
  }
  return waits;
}
const p95 = (waits: number[]) =>
  waits.toSorted((a, b) => a - b)[Math.ceil(waits.length * 0.95) - 1] ?? Number.NaN;

console.log(`putting ${OBJECTS} objects …`);
const keys = Array.from({ length: OBJECTS }, (_, n) => `replayed/${n}.bin`);
for (let at = 0; at < OBJECTS; at += 50) {
  const part = keys.slice(at, at + 50);
  await Promise.all(part.map((key) => dev.client.put(BUCKET, key, key, { keep: "yes" })));
}
const idle = p95(await liveWaits("idle"));

const began = Date.now();
const select = { kind: "listing", prefix: "replayed/" };
const { id } = await dev.client.post<Replay>("/v1/replays", { select, aliases: ["mirror"] });
const seen: Replay["progress"][] = [];
const until = (isSo: (replay: Replay) => boolean) =>
  dev.client.until(
    async () => {
      const now = await dev.client.read<Replay>(`/v1/replays/${id}`);
      seen.push(now.progress);
      return now;
    },
    isSo,
    1_800_000,
  );
await until(({ progress }) => progress.succeeded > OBJECTS * 0.05);
const busy = p95(await liveWaits("busy"));
const beside = (await until(() => true)).progress;
console.log(
  `p95 to start: idle ${idle} ms, beside the replay ${busy} ms (until ${beside.succeeded} of ${OBJECTS})`,
);

const killed = (await until(({ progress }) => progress.succeeded >= OBJECTS * 0.4)).progress.succeeded;
await dev.kill();
const down = Date.now();
dev = await project.start();
const downMs = Date.now() - down;
const again = (await until(({ progress }) => progress.succeeded >= OBJECTS * 0.6)).progress.succeeded;
await dev.client.post(`/v1/replays/${id}/pause`);
const paused = (await until(({ progress }) => progress.open === 0)).progress.succeeded;
await pause(3_000);
const stillPaused = (await until(() => true)).progress.succeeded;
await dev.client.post(`/v1/replays/${id}/resume`);
const done = await until(({ status }) => status === "done");
const seconds = (Date.now() - began - downMs) / 1000;
console.log(
  `killed at ${killed}, started again, at ${again} paused: ${paused}, three seconds later ${stillPaused}; ` +
    `${(OBJECTS / seconds).toFixed(0)} objects/s in all`,
);

const all = await dev.client.all<{ replay_id: string | null; object: { key: string } }>(
  "/v1/runs?alias=mirror",
);
const runs = all.filter((run) => run.replay_id === id).map((run) => run.object.key);
const items = (await dev.client.all<{ object: { key: string } }>("/v1/collections/mirrored/items"))
  .map(({ object }) => object.key)
  .filter((key) => key.startsWith("replayed/"));
await dev.kill();
const wentBack = seen.filter((now, n) => {
  const before = seen[n - 1] ?? now;
  return now.succeeded < before.succeeded || now.enqueued < before.enqueued;
});
console.log(
  JSON.stringify({
    objects: OBJECTS,
    succeeded: done.progress.succeeded,
    dead: done.progress.dead,
    runs_of_the_replay: runs.length,
    objects_run: new Set(runs).size,
    items: items.length,
    objects_with_items: new Set(items).size,
    progress_went_back: wentBack.length,
    moved_while_paused: stillPaused - paused,
    objects_per_s: Math.round(OBJECTS / seconds),
    live_p95_busy_over_idle: Number((busy / idle).toFixed(2)),
  }),
);
process.exit(0);
