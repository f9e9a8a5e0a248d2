// Objects that the ledger knows, page by page: by the events that told of them, or by what made their items.
import type { D1Database } from "@cloudflare/workers-types";
import type { Candidate } from "../shapes/replay.ts";

interface Page {
  candidates: Candidate[];
  passed_over: number;
  next?: string;
}

interface Row {
  connection: string;
  bucket: string;
  key: string;
  size: number | null;
  etag: string | null;
}
interface EventRow extends Row {
  id: string;
  received_at: string;
}

/** A page of at most `limit` candidates from one row more than that, which says whether there is a next. */
function pageOf<R extends Row>(
  results: R[],
  limit: number,
  keyOf: (row: R) => string[],
  more: (row: R) => Partial<Candidate> = () => ({}),
): Page {
  const rows = results.slice(0, limit);
  const candidates = rows.map((row): Candidate => {
    const { connection, bucket, key, size, etag } = row;
    return {
      connection,
      bucket,
      key,
      why: "selected",
      ...(size !== null && { size }),
      ...(etag !== null && { etag }),
      ...more(row),
    };
  });
  const last = rows.at(-1);
  return {
    candidates,
    passed_over: 0,
    ...(results.length > limit && last && { next: JSON.stringify(keyOf(last)) }),
  };
}

/** Objects of a connection's events, each by its newest event of the time that is asked for. */
export async function eventsPage(
  db: D1Database,
  asked: {
    alias: string;
    connection: string;
    since?: string | undefined;
    until?: string | undefined;
    status?: string | undefined;
  },
  cursor: string | undefined,
  limit: number,
): Promise<Page> {
  const [received, id] = cursor === undefined ? ["", ""] : (JSON.parse(cursor) as [string, string]);
  const { results } = await db
    .prepare(EVENTS)
    .bind(
      asked.connection,
      iso(asked.since) ?? "",
      iso(asked.until) ?? "~",
      asked.alias,
      asked.status ?? null,
      received,
      id,
      limit + 1,
    )
    .all<EventRow>();
  return pageOf(
    results,
    limit,
    (row) => [row.received_at, row.id],
    (row) => ({ replay_of: row.id }),
  );
}

const iso = (time: string | undefined) => (time === undefined ? undefined : new Date(time).toISOString());

/** What made the items: any version but this, or whatever is named of version, commit and model. */
export type Maker =
  | { kind: "not_version"; value: string }
  | {
      kind: "made_by";
      version?: string | undefined;
      commit?: string | undefined;
      model?: string | undefined;
    };

/** Objects of a pipeline that have items made so. */
export async function madePage(
  db: D1Database,
  alias: string,
  maker: Maker,
  cursor: string | undefined,
  limit: number,
): Promise<Page> {
  const [bucket, key] = cursor === undefined ? ["", ""] : (JSON.parse(cursor) as [string, string]);
  const not = maker.kind === "not_version" ? maker.value : null;
  const by: Omit<Extract<Maker, { kind: "made_by" }>, "kind"> = maker.kind === "made_by" ? maker : {};
  const { results } = await db
    .prepare(MADE)
    .bind(alias, not, by.version ?? null, by.commit ?? null, by.model ?? null, bucket, key, limit + 1)
    .all<Row>();
  return pageOf(results, limit, (row) => [row.bucket, row.key]);
}

const EVENTS = `
  SELECT e.id, e.received_at, e.connection, e.bucket, e.key, e.envelope ->> '$.size' AS size, e.envelope ->> '$.etag' AS etag
  FROM events AS e
  WHERE e.connection = ?1 AND e.received_at >= ?2 AND e.received_at < ?3 AND e.key != '' AND e.sender != 'replay'
    AND (?5 IS NULL OR EXISTS (SELECT 1 FROM runs AS r WHERE r.event_id = e.id AND r.alias = ?4 AND r.status = ?5))
    AND NOT EXISTS (
      SELECT 1 FROM events AS n
      WHERE n.connection = e.connection AND n.bucket = e.bucket AND n.key = e.key AND n.sender != 'replay'
        AND n.received_at < ?3 AND (n.received_at, n.id) > (e.received_at, e.id)
        AND (?5 IS NULL OR EXISTS (SELECT 1 FROM runs AS r WHERE r.event_id = n.id AND r.alias = ?4 AND r.status = ?5)))
    AND (e.received_at, e.id) > (?6, ?7)
  ORDER BY e.received_at, e.id LIMIT ?8`;

const MADE = `
  SELECT connection, bucket, key, size, etag FROM tracked
  WHERE alias = ?1 AND items > 0
    AND (?2 IS NULL OR version IS NOT ?2) AND (?3 IS NULL OR version = ?3) AND (?4 IS NULL OR commit_id = ?4)
    AND (?5 IS NULL OR EXISTS (SELECT 1 FROM json_each(tracked.models) WHERE value = ?5))
    AND (bucket, key) > (?6, ?7)
  ORDER BY bucket, key LIMIT ?8`;
