// A ledger of the release before the shards, filled by its own SQL: events by the hundred thousand, archived segments, open
// runs of every state, dead letters, tracked objects, counts. And what is known of it, to be compared after the move.
import { Buffer } from "node:buffer";
import { gzipSync } from "node:zlib";
import type { D1Database, R2Bucket } from "@cloudflare/workers-types";
import { identify } from "../../src/receive/identity.ts";
import type { Event } from "../../src/shapes/event.ts";
import { eventId, hexOfId } from "../../src/shapes/event-id.ts";
import { sha256Hex } from "../../src/shapes/hash.ts";
import type { RunStatus } from "../../src/shapes/run.ts";

const DAY_MS = 86_400_000;
export const NOW = Date.parse("2026-11-27T06:00:00.000Z");
export const REPLAY = "rpl_0123456789abcdef0123456789abcdef";
const STATUSES: RunStatus[] = [
  "succeeded",
  "pending",
  "queued",
  "running",
  "failed",
  "dead",
  "skipped",
  "cancelled",
];
const OPEN: RunStatus[] = ["pending", "queued", "running", "failed"];

/** An event of before, with the status of its run, where it has one. */
export interface GivenEvent {
  event: Event;
  status?: RunStatus;
  replay?: boolean;
  archived: boolean;
}

/** The id that the release before gave an event. */
const oldId = (identities: string[], key: string) => `evt_${identities[0] ?? sha256Hex(key).slice(0, 32)}`;

/** The n-th event of a ledger: most are refused, every fourth has a run, of each state in turn. */
function eventOf(n: number, at: number, sender: "s3" | "replay" = "s3"): Event {
  const time = new Date(at).toISOString();
  const key = `film ${n}.mp4`;
  const what = {
    connection: "c",
    bucket: "b",
    key,
    type: "created",
    operation: "Put",
    time,
    etag: `e${n}`,
  } as const;
  const { identities } = identify(what);
  const name = JSON.stringify([REPLAY, "aa", "c", "b", key]);
  const isReplay = sender === "replay";
  return {
    ...what,
    sender,
    id: isReplay ? `evt_${sha256Hex(name).slice(0, 32)}` : oldId(identities, key),
    identities: isReplay ? [] : identities,
    hops: 0,
    received_at: time,
  };
}

export const currentIdOf = (event: Event) => eventId(event, hexOfId(event.id));

const wholeHour = (ms: number) => Math.floor(ms / 3_600_000) * 3_600_000;

/** Fills a ledger with so many hot events and so many archived ones. */
export async function fillOld(
  db: D1Database,
  archive: R2Bucket,
  { hot, archived }: { hot: number; archived: number },
): Promise<GivenEvent[]> {
  const events: GivenEvent[] = [];
  for (let n = 0; n < hot; n++) {
    const status = n % 4 === 0 ? STATUSES[(n / 4) % STATUSES.length] : undefined;
    const isReplay = n === 0 || (n % 24 === 12 && n < 800);
    // Some hundred minutes of three weeks: each is an object of the log.
    const at = wholeHour(NOW - DAY_MS - ((hot - n) / hot) * 20 * DAY_MS) + (n % 1000);
    events.push({
      event: eventOf(n, at, isReplay ? "replay" : "s3"),
      archived: false,
      ...(status && { status }),
      ...(isReplay && { replay: true }),
    });
  }
  for (let n = 0; n < archived; n++) {
    const at = wholeHour(NOW - 31 * DAY_MS - (Math.floor(n / 10) / (archived / 10)) * 60 * DAY_MS) + n;
    events.push({
      event: eventOf(1_000_000 + n, at),
      archived: true,
      ...(n % 2 === 0 && { status: "succeeded" as const }),
    });
  }
  const given = events.filter((one) => !one.archived);
  for (let at = 0; at < given.length; at += 2_000) await insertHot(db, given.slice(at, at + 2_000));
  await insertArchived(
    db,
    archive,
    events.filter((one) => one.archived),
  );
  await db.batch([
    db.prepare(
      `INSERT INTO tracked (connection, bucket, key, alias, run_id, stored_at, items, etag, size, version, commit_id, models)
       SELECT connection, bucket, key, alias, id, ended_at, 2, etag, 7, 'v1', 'c1', '["m"]' FROM runs
       WHERE status = 'succeeded'`,
    ),
    db.prepare(
      `INSERT INTO tracked (connection, bucket, key, alias, run_id)
       SELECT connection, bucket, key, alias, id FROM runs WHERE status IN ('pending', 'queued', 'dead')`,
    ),
    db.prepare("INSERT INTO replay_counts (replay_id, status, runs) VALUES (?, 'skipped', 5)").bind(REPLAY),
    // Runs that ended long ago, and expired.
    db.prepare(
      `INSERT INTO tallies (alias, status, runs, seconds) VALUES ('aa', 'succeeded', 1000, 2000.5)
       ON CONFLICT DO UPDATE SET runs = runs + excluded.runs, seconds = seconds + excluded.seconds`,
    ),
    db
      .prepare(
        `INSERT INTO replays (id, status, phase, request, plan, cursor, page, created_at, moved_at)
         VALUES (?1, 'active', 'running', ?2, ?3, ?4, 7, ?5, ?5)`,
      )
      .bind(
        REPLAY,
        JSON.stringify({ select: { kind: "events" }, aliases: ["aa"], dry_run: false }),
        JSON.stringify({ objects: 900, bytes: 0, by_why: {}, passed_over: 0, sample: [], pipelines: {} }),
        JSON.stringify({ target: 0, at: JSON.stringify(["2026-11-20T00:00:00.000Z", "evt_0"]) }),
        NOW - DAY_MS,
      ),
  ]);
  return events;
}

const runIdOf = ({ id }: Event) => `run_${hexOfId(id)}_aa`;

async function insertHot(db: D1Database, given: GivenEvent[]): Promise<void> {
  const rows = given.map(({ event, status, replay }) => ({
    ...{
      id: event.id,
      time: event.time,
      received_at: event.received_at,
      key: event.key,
      sender: event.sender,
    },
    envelope: JSON.stringify(event),
    at: Date.parse(event.received_at),
    run: status && runIdOf(event),
    status,
    isOpen: status && OPEN.includes(status) ? 1 : 0,
    replay: replay ? REPLAY : null,
    outcome: JSON.stringify(
      status
        ? { matched: ["aa"], refused: [], refused_count: 0 }
        : { matched: [], refused: [{ alias: "aa", reason: "too small" }], refused_count: 1 },
    ),
    identities: event.identities,
    job: JSON.stringify({ run_id: runIdOf(event), alias: "aa", event, cause: "matched", attempts_before: 0 }),
  }));
  const text = JSON.stringify(rows);
  const f = (name: string) => `j.value ->> '$.${name}'`;
  const failure = `'{"kind":"timeout","detail":"slow"}'`;
  await db.batch(
    [
      `INSERT INTO events (id, connection, sender, type, bucket, key, time, received_at, envelope, outcome)
       SELECT ${f("id")}, 'c', ${f("sender")}, 'created', 'b', ${f("key")}, ${f("time")}, ${f("received_at")},
         ${f("envelope")}, ${f("outcome")} FROM json_each(?1) AS j`,
      `INSERT INTO event_identities (identity, event_id, day)
       SELECT i.value, ${f("id")}, ${f("at")} / 86400000 FROM json_each(?1) AS j, json_each(j.value, '$.identities') AS i`,
      // As the router and its pipelines did: committed, then moved on, so that the triggers write history and tallies.
      `INSERT INTO runs (id, event_id, alias, cause, connection, bucket, key, status, created_at, due_at, replay_id)
       SELECT ${f("run")}, ${f("id")}, 'aa', 'matched', 'c', 'b', ${f("key")}, 'pending', ${f("at")}, ${f("at")} + 60000,
         ${f("replay")} FROM json_each(?1) AS j WHERE ${f("run")} IS NOT NULL`,
      `UPDATE runs SET status = ${f("status")}, attempt = iif(${f("status")} = 'pending', 0, 1),
         progress = iif(${f("status")} = 'pending', 0, iif(${f("isOpen")} = 1, 12, 14)),
         version = 'v1', commit_id = 'c1', etag = 'e', started_at = ${f("at")} + 1000,
         ended_at = iif(${f("isOpen")} = 1, NULL, ${f("at")} + 3000), items = iif(${f("status")} = 'succeeded', 2, NULL),
         due_at = iif(${f("isOpen")} = 1, ${f("at")} + 3600000, NULL),
         failure = iif(${f("status")} IN ('failed', 'dead'), ${failure}, NULL)
       FROM json_each(?1) AS j WHERE runs.id = ${f("run")} AND ${f("status")} != 'pending'`,
      `INSERT INTO dead_letters (run_id, alias, job, failure, attempts, at)
       SELECT ${f("run")}, 'aa', ${f("job")}, ${failure}, 1, ${f("at")} + 3000 FROM json_each(?1) AS j
       WHERE ${f("status")} = 'dead'`,
    ].map((sql) => db.prepare(sql).bind(text)),
  );
}

async function insertArchived(db: D1Database, archive: R2Bucket, given: GivenEvent[]): Promise<void> {
  const minutes = Map.groupBy(given, ({ event }) => Math.floor(Date.parse(event.received_at) / 60_000));
  const rows: unknown[] = [];
  for (const [minute, all] of minutes) {
    const lines = all.map(({ event, status }) => ({
      event,
      outcome: { matched: status ? ["aa"] : [], refused: [], refused_count: 0 },
      runs: status
        ? [
            {
              ...{
                id: runIdOf(event),
                event_id: event.id,
                alias: "aa",
                cause: "matched",
                connection: "c",
                bucket: "b",
              },
              ...{
                key: event.key,
                status,
                progress: 14,
                attempt: 1,
                version: "v1",
                commit_id: "c1",
                etag: "e",
              },
              ...{ items: 2, reason: null, failure: null, log: null, replay_id: null, due_at: null },
              ...{ created_at: minute * 60_000, queued_at: null, started_at: minute * 60_000 },
              ended_at: minute * 60_000 + 5,
              history: [{ at: minute * 60_000 + 5, status, attempt: 1, cause: "2 items stored" }],
            },
          ]
        : [],
    }));
    const text = Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    const key = `events/c/${new Date(minute * 60_000).toISOString().slice(0, 10)}/${minute}.ndjson.gz`;
    await archive.put(key, gzipSync(text));
    rows.push({ key, minute, events: all.length, unpacked: text.length });
  }
  await db
    .prepare(
      `INSERT INTO segments (key, connection, minute, state, events, runs, bytes, unpacked, moved_at)
       SELECT j.value ->> '$.key', 'c', j.value ->> '$.minute', 'kept', j.value ->> '$.events', 0, 1,
         j.value ->> '$.unpacked', 0 FROM json_each(?1) AS j`,
    )
    .bind(JSON.stringify(rows))
    .run();
}
