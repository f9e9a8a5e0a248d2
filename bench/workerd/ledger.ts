// The Worker of bench/ledger.ts and test/store/capacity.test.ts: lets a shard live through a stretch of time by a clock of
// its own, and counts its rows; lets the log of a stretch be written and kept in order, and counts its calls to R2; and
// answers questions about a log that is there.
import type { D1Database, R2Bucket } from "@cloudflare/workers-types";
import { openPipelines } from "../../src/dispatch/pipelines.ts";
import { openEnv } from "../../src/env.ts";
import { listEvents } from "../../src/query/ledger.ts";
import { renderMetrics } from "../../src/query/metrics.ts";
import { explainDecision } from "../../src/query/why.ts";
import { pipelineConfigSchema } from "../../src/shapes/config.ts";
import { connectionsSchema } from "../../src/shapes/connection.ts";
import { runId } from "../../src/shapes/event-id.ts";
import { keepUp } from "../../src/store/log/keep-up.ts";
import { openLog } from "../../src/store/log/open.ts";
import { openStores } from "../../src/store/stores.ts";
import { LedgerShard as Shard } from "../../workers/ledger/worker.ts";
import { commitOf, eventOf, outcomeOf, reportOf, runOnRecordOf } from "../support/log-data.ts";

interface Env {
  LEDGER: D1Database;
  ARCHIVE: R2Bucket;
  LEDGER_SHARDS: { getByName(name: string): LedgerShard };
}

console.log = () => {};

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** So far ahead of the machine's clock that no alarm rings by itself. */
const AHEAD_MS = 500 * DAY_MS;
const RUN_MS = 2_000;

const realNow = Date.now;
let clock: number | undefined;
Date.now = () => clock ?? realNow();

/** Calls to R2 since the last look: puts and lists are of class A, gets of class B, deletions are free. */
const calls = { writes: 0, reads: 0 };
const CLASSES: Record<string, keyof typeof calls> = {
  put: "writes",
  list: "writes",
  get: "reads",
  head: "reads",
};
function counted(real: R2Bucket): R2Bucket {
  return new Proxy(real, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      const of = CLASSES[String(name)];
      if (of) calls[of]++;
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}
function takeCalls() {
  const taken = { ...calls };
  Object.assign(calls, { writes: 0, reads: 0 });
  return taken;
}

export class LedgerShard extends Shard {
  constructor(ctx: DurableObjectState, env: object) {
    super(ctx, { ...env, ARCHIVE: counted((env as Env).ARCHIVE) });
  }

  /** Lets runs come at a rate, each by itself, end after two seconds, be packed, and get old. */
  async live(runs_per_s: number, runs: number) {
    const start = realNow() + AHEAD_MS;
    clock = start;
    const rows = { commit: 0, finish: 0, pack: 0 };
    let [written, alarms] = [(await this.counts()).rows_written, 0];
    const bytes = [(await this.counts()).bytes];
    const note = async (stage: keyof typeof rows) => {
      const now = (await this.counts()).rows_written;
      rows[stage] += now - written;
      written = now;
    };
    takeCalls();
    const ringUntil = async (end: number) => {
      for (
        let at = await this.ctx.storage.getAlarm();
        at !== null && at <= end;
        at = await this.ctx.storage.getAlarm()
      ) {
        clock = at;
        await this.ctx.storage.deleteAlarm();
        await this.alarm();
        alarms++;
        await note("pack");
      }
    };
    const events = Array.from({ length: runs }, (_, n) =>
      eventOf(n, start + Math.round((n * 1000) / runs_per_s)),
    );
    const acts = events.flatMap((event) => {
      const at = Date.parse(event.time);
      const commit = async () => {
        await this.commit([commitOf(event, "p0")], { now: at, paused: [], binding: [] });
        await note("commit");
      };
      const finish = async () => {
        await this.finish([reportOf(runId(event.id, "p0"), at)], { now: at + RUN_MS });
        await note("finish");
      };
      return [
        { at, act: commit },
        { at: at + RUN_MS, act: finish },
      ];
    });
    for (const { at, act } of acts.sort((a, b) => a.at - b.at)) {
      await ringUntil(at);
      clock = at;
      await act();
    }
    const end = (acts.at(-1)?.at ?? start) + 20 * MINUTE_MS;
    await ringUntil(end);
    const { writes } = takeCalls();
    const packing = { ...rows };
    const left = (await this.counts()).open.length;
    for (const days of [0, 31, 60]) {
      await this.#ringAt(end + days * DAY_MS);
      bytes.push((await this.counts()).bytes);
    }
    await note("pack");
    clock = undefined;
    const [empty = 0, full = 0, unpacked = 0, forgotten = 0] = bytes;
    return {
      rows: packing,
      ...{ alarms, puts: writes, left, drop_rows: rows.pack - packing.pack },
      bytes: { packs: full - unpacked, identities: unpacked - forgotten, tracked: forgotten - empty },
    };
  }

  async #ringAt(at: number) {
    clock = at;
    await this.ctx.storage.deleteAlarm();
    await this.alarm();
  }

  /** Rows that events write which nobody wants, and then those of as many that one pipeline wants. */
  async refuse(events: number) {
    const now = realNow();
    const commits = Array.from({ length: 2 * events }, (_, n) => commitOf(eventOf(n, now), "p0"));
    const written = async (some: typeof commits) => {
      const before = (await this.counts()).rows_written;
      await this.commit(some, { now, paused: [], binding: [] });
      return (await this.counts()).rows_written - before;
    };
    const refused = await written(commits.slice(events).map((commit) => ({ ...commit, matched: [] })));
    return { refused, matched: await written(commits.slice(0, events)) };
  }

  /** Puts runs into the shard, ended and packed, as fast as that goes. */
  async fill(from: number, runs: number) {
    const now = realNow() - 3 * DAY_MS + from * 1_000;
    const events = Array.from({ length: runs }, (_, n) => eventOf(from + n, now));
    const commits = events.map((event) => commitOf(event, "p0"));
    await this.commit(commits, { now, paused: [], binding: [] });
    const reports = events.map(({ id }) => reportOf(runId(id, "p0"), now));
    await this.finish(reports, { now: now + RUN_MS });
    await this.alarm();
  }
}

/** Writes the log of some minutes, as batches of 100 and as packs of every shard, and keeps it in order through its day. */
async function liveLog(real: R2Bucket, minutes: number, events: number, runs: number, shards: number) {
  const bucket = counted(real);
  const log = openLog(bucket);
  const first = Math.floor((realNow() + AHEAD_MS) / DAY_MS) * DAY_MS;
  takeCalls();
  const keep = async (now: number) => {
    clock = now;
    for (let passes = 0; passes < 500 && (await keepUp(bucket, now, () => 395, 60_000)).more; passes++);
  };
  const LATE_MINUTES = 10;
  for (let minute = 0; minute < minutes + LATE_MINUTES; minute++) {
    const start = first + minute * MINUTE_MS;
    const numbers = Array.from({ length: minute < minutes ? events : 0 }, (_, n) => minute * events + n);
    for (let at = 0; at < numbers.length; at += 100) {
      const batch = numbers
        .slice(at, at + 100)
        .map((n) => eventOf(n, start + ((n % events) * MINUTE_MS) / events));
      await log.append(batch.map((event, n) => ({ event, outcome: outcomeOf(at + n < runs) })));
    }
    const late = minute - LATE_MINUTES;
    if (late >= 0) {
      const lateStart = first + late * MINUTE_MS;
      const ended = Array.from({ length: runs }, (_, n) =>
        runOnRecordOf(eventOf(late * events + n, lateStart + (n * MINUTE_MS) / events), "p0"),
      );
      const ofShards = Map.groupBy(ended, (_, n) => n % shards);
      for (const some of ofShards.values()) await log.appendRuns(some);
    }
    await keep(start + MINUTE_MS);
  }
  await keep(first + 80 * MINUTE_MS);
  await keep(first + DAY_MS + 3 * 3_600_000);
  clock = undefined;
  const done = takeCalls();
  let bytes = 0;
  for (let cursor: string | undefined; ; ) {
    const page = await real.list(cursor === undefined ? {} : { cursor });
    bytes += page.objects.reduce((sum, { size }) => sum + size, 0);
    if (!page.truncated) break;
    cursor = page.cursor;
  }
  return { ...done, bytes };
}

const config = pipelineConfigSchema.parse({
  alias: "p0",
  source: { connection_id: "c", filters: { key: [{ prefix: "videos/" }] } },
  destination: { connection_id: "d", collection: "x" },
});
const pipelines = openPipelines([{ alias: "p0", version: "v", config }]);
const connections = connectionsSchema.parse({
  connections: {
    c: { kind: "r2", buckets: ["bench-media"], events: [{ scheme: "r2-queue" }] },
    d: { kind: "r2", buckets: ["bench-media"] },
  },
});

export default {
  async fetch(request: Request, raw: Env): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    const text = (name: string) => searchParams.get(name) ?? "";
    const number = (name: string) => Number(text(name));
    const shard = raw.LEDGER_SHARDS.getByName("shard-0");
    const stores = openStores({ env: openEnv({ ...raw, ARCHIVE: counted(raw.ARCHIVE) }), connections });
    const questions: Record<string, () => Promise<unknown>> = {
      "/nothing": async () => [],
      "/life": () => shard.live(number("rate"), number("runs")),
      "/log": () =>
        liveLog(raw.ARCHIVE, number("minutes"), number("events"), number("runs"), number("shards")),
      "/refuse": () => shard.refuse(number("events")),
      "/fill": () => shard.fill(number("from"), number("runs")),
      "/list": async () => (await listEvents(stores, {}, { limit: 100 })).data.length,
      "/list-from": async () =>
        (await stores.log.walk({ order: "newest first" }, { at: number("at"), id: "" }, 100)).entries.length,
      "/runs": async () => (await stores.shards.runs({ limit: 100 })).length,
      "/why": async () => (await explainDecision(stores, text("id"), "p0", pipelines)).event_id,
      "/object": async () => (await listEvents(stores, { key: text("key") }, { limit: 100 })).data.length,
      "/metrics": async () => (await renderMetrics(stores, Date.now(), [])).length,
    };
    takeCalls();
    const found = await questions[pathname]?.();
    return Response.json({ found, calls: takeCalls() });
  },
};
