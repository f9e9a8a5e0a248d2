// A replay of thousands of objects beside live events, on the real Workers: each object once in effect, and
// how much longer a live event waits to start while the replay runs than when nothing else does, in one run.
// The replay is paused and resumed on its way. `OBJECTS=500 npm run bench -- replay` makes it shorter.
import { setTimeout as pause } from "node:timers/promises";
import { startWeir } from "../test/support/weir.ts";

const OBJECTS = Number(process.env.OBJECTS ?? 5_000);
const LIVE = 40;

const weir = await startWeir();
const headers = { "content-type": "application/json" };
const post = async <T>(path: string, body: object = {}): Promise<T> =>
  (await (await weir.api(path, { method: "POST", headers, body: JSON.stringify(body) })).json()) as T;

interface Replay {
  id: string;
  status: string;
  progress: { planned: number | null; enqueued: number; succeeded: number; dead: number; skipped: number };
}
interface Started {
  created_at: string;
  started_at: string | null;
}

/** Milliseconds from a signed webhook's 202 to the start of its run, for a number of live events. */
async function liveWaits(name: string): Promise<number[]> {
  const waits: number[] = [];
  for (let n = 0; n < LIVE; n++) {
    const key = `live/${name}/${n}.txt`;
    const object = await weir.put("test-media", key, "live");
    const told = Date.now();
    await weir.deliver("conn_media", weir.s3Records(object));
    const run = await weir.until(
      async () => {
        const { data } = await weir.read<{ data: { id: string }[] }>(
          `/v1/events?key=${encodeURIComponent(key)}`,
        );
        return data[0] && (await weir.read<{ data: Started[] }>(`/v1/runs?event_id=${data[0].id}`)).data[0];
      },
      (found) => Boolean(found?.started_at),
    );
    waits.push(Date.parse(run?.started_at ?? "") - told);
  }
  return waits;
}
const p95 = (waits: number[]) =>
  waits.toSorted((a, b) => a - b)[Math.ceil(waits.length * 0.95) - 1] ?? Number.NaN;

console.log(`putting ${OBJECTS} objects …`);
for (let at = 0; at < OBJECTS; at += 50) {
  const keys = Array.from({ length: Math.min(50, OBJECTS - at) }, (_, n) => `replayed/${at + n}.txt`);
  await Promise.all(keys.map((key) => weir.put("test-media", key, key)));
}
const idle = p95(await liveWaits("idle"));

const began = Date.now();
const { id } = await post<Replay>("/v1/replays", {
  select: { kind: "listing", prefix: "replayed/" },
  aliases: ["echo"],
});
const state = () => weir.read<Replay>(`/v1/replays/${id}`);
await weir.until(state, ({ progress }) => progress.succeeded > OBJECTS * 0.05, 600_000);
const busy = p95(await liveWaits("busy"));
const during = await state();
await post(`/v1/replays/${id}/pause`);
const paused = await weir.until(state, ({ progress }) => progress.enqueued === progress.succeeded, 120_000);
await pause(3_000);
const stillPaused = await state();
await post(`/v1/replays/${id}/resume`);
const done = await weir.until(state, ({ status }) => status === "done", 1_200_000);
const seconds = (Date.now() - began) / 1000;

const held = await weir.read<{ data: { objects: number; items: number }[] }>("/v1/pipelines/echo/versions");
const replayed = (held.data[0]?.objects ?? 0) - 2 * LIVE;
await weir.close();
console.log(
  `idle p95 ${idle} ms, beside the replay p95 ${busy} ms (at ${during.progress.succeeded} of ${OBJECTS})`,
);
console.log(
  `paused at ${paused.progress.succeeded}, three seconds later ${stillPaused.progress.succeeded}; ${(OBJECTS / seconds).toFixed(0)} objects/s in all`,
);
console.log(
  JSON.stringify({
    objects: OBJECTS,
    succeeded: done.progress.succeeded,
    dead: done.progress.dead,
    with_items: replayed,
    moved_while_paused: stillPaused.progress.succeeded - paused.progress.succeeded,
    live_p95_busy_over_idle: Number((busy / idle).toFixed(2)),
  }),
);
process.exit(0);
