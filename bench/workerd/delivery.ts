// The Worker of bench/delivery.ts: routes events through the router's own spine, or writes by one bare batch the rows that
// the ledger had when it was one D1 database. Each request is one batch; the answer has the number of calls to each store.
import type { D1Database, D1PreparedStatement } from "@cloudflare/workers-types";
import { openPipelines, type Pipelines } from "../../src/dispatch/pipelines.ts";
import { openEnv } from "../../src/env.ts";
import { identify } from "../../src/receive/identity.ts";
import { route } from "../../src/routing/route.ts";
import { pipelineConfigSchema } from "../../src/shapes/config.ts";
import { connectionsSchema } from "../../src/shapes/connection.ts";
import type { Event } from "../../src/shapes/event.ts";
import { runId } from "../../src/shapes/event-id.ts";
import { countingRoundTrips } from "./round-trips.ts";

export { LedgerShard } from "../../workers/ledger/worker.ts";

interface Env {
  LEDGER: D1Database;
  ARCHIVE: object;
  LEDGER_SHARDS: { getByName(name: string): object };
}

/** An object whose calls of one method are counted. */
function countingCalls<T extends object>(real: T, counted: string, count: () => void): T {
  return new Proxy(real, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (name === counted) count();
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}

const connections = connectionsSchema.parse({
  connections: {
    c: { kind: "r2", buckets: ["bench-media"], events: [{ scheme: "r2-queue" }] },
    d: { kind: "d1", database: "items" },
  },
});
/** Pipelines that match every event, so that a batch of 100 leads to 100 runs of each of them. */
const registries = new Map<number, Pipelines>();
function pipelinesOf(count: number): Pipelines {
  const pipelines =
    registries.get(count) ??
    openPipelines(
      Array.from({ length: count }, (_, n) => {
        const config = pipelineConfigSchema.parse({
          alias: `p${n}`,
          source: { connection_id: "c", filters: { key: [{ prefix: "videos/" }] } },
          destination: { connection_id: "d", collection: "x" },
          dispatch: "queue",
        });
        return { alias: `p${n}`, version: "v", config };
      }),
    );
  registries.set(count, pipelines);
  return pipelines;
}

// Log lines are written as always, and kept from the terminal.
console.log = () => {};

let counted: ReturnType<typeof countingRoundTrips> | undefined;
let keyCount = 0;
function batchOf(size: number): Event[] {
  return Array.from({ length: size }, () => {
    const facts = {
      connection: "c",
      bucket: "bench-media",
      key: `videos/${keyCount++}.mp4`,
      type: "created",
      operation: "PutObject",
      time: "2026-11-23T09:59:00.000Z",
      etag: "0123456789abcdef0123456789abcdef",
    } as const;
    return { ...facts, ...identify(facts), sender: "r2", size: 1_000_000, hops: 0, received_at: facts.time };
  });
}

/** The rows that recording the events left behind in one D1 database, by one statement for each table. */
function bare(db: D1Database, events: Event[], aliases: string[]): Promise<unknown> {
  const rows = JSON.stringify(
    events.map((event) => ({
      event,
      envelope: JSON.stringify(event),
      outcome: JSON.stringify({ matched: aliases, refused: [], refused_count: 0 }),
      runs: aliases.map((alias) => ({ alias, id: runId(event.id, alias) })),
    })),
  );
  const now = Date.now();
  const from = "FROM json_each(?1) AS j";
  const field = (name: string) => `j.value ->> '$.event.${name}'`;
  const runs = `${from}, json_each(j.value, '$.runs') AS r`;
  const all: D1PreparedStatement[] = [
    db
      .prepare(
        `INSERT INTO events (id, connection, sender, type, bucket, key, time, received_at, envelope, outcome)
         SELECT ${["id", "connection", "sender", "type", "bucket", "key", "time", "received_at"].map(field).join(", ")},
           j.value ->> '$.envelope', j.value ->> '$.outcome' ${from}`,
      )
      .bind(rows),
    db
      .prepare(
        `INSERT INTO event_identities (identity, event_id)
         SELECT i.value, ${field("id")} ${from}, json_each(j.value, '$.event.identities') AS i`,
      )
      .bind(rows),
    db
      .prepare(
        `INSERT INTO runs (id, event_id, alias, cause, connection, bucket, key, status, created_at, due_at)
         SELECT r.value ->> '$.id', ${field("id")}, r.value ->> '$.alias', 'matched', 'c', 'bench-media', ${field("key")}, 'queued', ?2, ?2
         ${runs}`,
      )
      .bind(rows, now),
    db
      .prepare(
        `INSERT INTO tracked (connection, bucket, key, alias, run_id)
         SELECT 'c', 'bench-media', ${field("key")}, r.value ->> '$.alias', r.value ->> '$.id' ${runs}`,
      )
      .bind(rows),
  ];
  return db.batch(all);
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const url = new URL(request.url);
    const events = batchOf(Number(url.searchParams.get("events")));
    const pipelines = pipelinesOf(Number(url.searchParams.get("pipelines")));
    // One for the isolate, as a router has one: what it has confirmed of the ledger it does not ask again.
    counted ??= countingRoundTrips(env.LEDGER);
    const { db, count } = counted;
    const before = count();
    let [shardCalls, puts] = [0, 0];
    if (url.pathname === "/route") {
      const bindings = {
        LEDGER: db,
        ARCHIVE: countingCalls(env.ARCHIVE, "put", () => puts++),
        LEDGER_SHARDS: countingCalls(env.LEDGER_SHARDS, "getByName", () => shardCalls++),
      };
      await route(events, { env: openEnv({ ...env, ...bindings }), pipelines, connections, now: Date.now });
    }
    if (url.pathname === "/bare")
      await bare(
        db,
        events,
        pipelines.all.map(({ alias }) => alias),
      );
    return Response.json({ roundTrips: count() - before, shardCalls, puts });
  },
};
