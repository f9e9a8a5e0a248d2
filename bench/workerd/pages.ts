// The Worker of bench/pages.ts: plans a replay page by page, as the queue would, or lists the bucket bare, or reads the log's
// lines bare.
import type { D1Database, R2Bucket } from "@cloudflare/workers-types";
import { openPipelines } from "../../src/dispatch/pipelines.ts";
import { openEnv } from "../../src/env.ts";
import { identify } from "../../src/receive/identity.ts";
import { advance } from "../../src/replay/advance.ts";
import { createReplay } from "../../src/replay/manage.ts";
import { pipelineConfigSchema } from "../../src/shapes/config.ts";
import { connectionsSchema } from "../../src/shapes/connection.ts";
import type { Event } from "../../src/shapes/event.ts";
import type { Selection } from "../../src/shapes/replay.ts";
import { getReplay } from "../../src/store/ledger/replays.ts";
import { unpackLines } from "../../src/store/log/lines.ts";
import { LOOSE } from "../../src/store/log/names.ts";
import { openLog } from "../../src/store/log/open.ts";

export { LedgerShard } from "../../workers/ledger/worker.ts";

interface Env {
  LEDGER: D1Database;
  R2_BENCH_MEDIA: R2Bucket;
  ARCHIVE: R2Bucket;
}

console.log = () => {};
const PAGE = 1000;
const config = pipelineConfigSchema.parse({
  alias: "p0",
  source: { connection_id: "c", filters: { key: [{ prefix: "videos/" }] } },
  destination: { connection_id: "d", collection: "x" },
});
const pipelines = openPipelines([{ alias: "p0", version: "v", config }]);
const { connections } = connectionsSchema.parse({
  connections: {
    c: { kind: "r2", buckets: ["bench-media"], events: [{ scheme: "r2-queue" }] },
    d: { kind: "r2", buckets: ["bench-media"] },
  },
});

function eventOf(n: number): Event {
  const facts = {
    connection: "c",
    bucket: "bench-media",
    key: `videos/${n}.mp4`,
    type: "created",
    operation: "PutObject",
    time: "2026-11-23T09:59:00.000Z",
  } as const;
  return { ...facts, ...identify(facts), sender: "r2", hops: 0, received_at: facts.time };
}

/** Puts `count` objects, numbered from `from`, and records their events. */
async function fill(env: Env, from: number, count: number): Promise<void> {
  const numbers = Array.from({ length: count }, (_, n) => from + n);
  await Promise.all(numbers.map((n) => env.R2_BENCH_MEDIA.put(`videos/${n}.mp4`, "a film")));
  const outcome = { matched: [], refused: [], refused_count: 0 };
  await openLog(env.ARCHIVE).append(numbers.map((n) => ({ event: eventOf(n), outcome })));
}

/** Plans a replay to its end. Returns how many objects it counted. */
async function plan(env: Env, select: Selection): Promise<number> {
  const deps = { env: openEnv(env), pipelines, connections: { connections }, now: Date.now };
  const { id } = await createReplay({ select, aliases: ["p0"], dry_run: true }, deps);
  for (;;) {
    const replay = await getReplay(env.LEDGER, id);
    if (replay?.status !== "active") return replay?.plan.objects ?? 0;
    await advance({ replay_id: id, page: replay.page }, deps);
  }
}

async function list(env: Env): Promise<number> {
  let objects = 0;
  for (let cursor: string | undefined; ; ) {
    const page = await env.R2_BENCH_MEDIA.list({
      limit: PAGE,
      prefix: "videos/",
      include: ["httpMetadata", "customMetadata"],
      ...(cursor && { cursor }),
    });
    objects += page.objects.length;
    if (!page.truncated) return objects;
    cursor = page.cursor;
  }
}

/** Reads the bucket's objects of the log bare, whole, and their lines; returns how many lines. */
async function read(env: Env): Promise<number> {
  const { objects } = await env.ARCHIVE.list({ prefix: LOOSE });
  const lines = await Promise.all(
    objects.map(async ({ key }) =>
      unpackLines(new Uint8Array((await (await env.ARCHIVE.get(key))?.arrayBuffer()) ?? [])),
    ),
  );
  return lines.flat().length;
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    const number = (name: string) => Number(searchParams.get(name));
    const work: Record<string, () => Promise<number | undefined>> = {
      "/nothing": async () => 0,
      "/fill": () => fill(env, number("from"), number("count")).then(() => number("count")),
      "/list": () => list(env),
      "/plan-listing": () => plan(env, { kind: "listing", prefix: "videos/" }),
      "/read": () => read(env),
      "/plan-events": () => plan(env, { kind: "events" }),
    };
    return Response.json({ objects: await work[pathname]?.() });
  },
};
