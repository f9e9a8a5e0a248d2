// Candidates of a replay from the ledger, in pages: objects of recorded events, or objects by what produced their items.
import type { D1Database } from "@cloudflare/workers-types";
import type { EventStores } from "../env.ts";
import type { Candidate } from "../shapes/replay.ts";
import type { RunStatus } from "../shapes/run.ts";
import { walkObjects } from "../store/archive/walk.ts";
import { cutPage } from "../store/page.ts";

/** One page of candidates. */
export interface CandidatePage {
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

/** Objects of a connection's events, each once, by its newest event of the period. */
export async function eventsPage(
  stores: EventStores,
  query: {
    alias: string;
    connection: string;
    since?: string | undefined;
    until?: string | undefined;
    status?: RunStatus | undefined;
  },
  cursor: string | undefined,
  limit: number,
): Promise<CandidatePage> {
  const { alias, connection, status } = query;
  const [received_at, id] = cursor === undefined ? [] : (JSON.parse(cursor) as [string, string]);
  const { rows, next } = await walkObjects(
    stores,
    {
      order: "oldest first",
      connection,
      since: iso(query.since),
      until: iso(query.until),
      without: "replay",
      run: status && { alias, status },
    },
    received_at === undefined || id === undefined ? undefined : { received_at, id },
    limit,
  );
  const candidates = rows.map(({ event }): Candidate => {
    const { id: replay_of, bucket, key, size, etag } = event;
    const sizeAndEtag = { ...(size !== undefined && { size }), ...(etag !== undefined && { etag }) };
    return { connection, bucket, key, why: "selected", ...sizeAndEtag, replay_of };
  });
  return { candidates, passed_over: 0, ...(next && { next: JSON.stringify([next.received_at, next.id]) }) };
}

const iso = (time: string | undefined) => (time === undefined ? undefined : new Date(time).toISOString());

/** What produced the items: any version but this one, or all that is named of version, commit and model. */
export type Producer =
  | { kind: "not_version"; value: string }
  | {
      kind: "made_by";
      version?: string | undefined;
      commit?: string | undefined;
      model?: string | undefined;
    };

/** Objects of a pipeline whose items have this producer. */
export async function producedPage(
  db: D1Database,
  alias: string,
  producer: Producer,
  cursor: string | undefined,
  limit: number,
): Promise<CandidatePage> {
  const [bucket, key] = cursor === undefined ? ["", ""] : (JSON.parse(cursor) as [string, string]);
  const not = producer.kind === "not_version" ? producer.value : null;
  const by: Omit<Extract<Producer, { kind: "made_by" }>, "kind"> = producer.kind === "made_by"
    ? producer
    : {};
  const { results } = await db
    .prepare(PRODUCED_OBJECTS)
    .bind(alias, not, by.version ?? null, by.commit ?? null, by.model ?? null, bucket, key, limit + 1)
    .all<Row>();
  const { rows, last } = cutPage(results, limit);
  const candidates = rows.map((row): Candidate => {
    const { connection, bucket, key, size, etag } = row;
    const sizeAndEtag = { ...(size !== null && { size }), ...(etag !== null && { etag }) };
    return { connection, bucket, key, why: "selected", ...sizeAndEtag };
  });
  return { candidates, passed_over: 0, ...(last && { next: JSON.stringify([last.bucket, last.key]) }) };
}

const PRODUCED_OBJECTS = `
  SELECT connection, bucket, key, size, etag FROM tracked
  WHERE alias = ?1 AND items > 0
    AND (?2 IS NULL OR version IS NOT ?2) AND (?3 IS NULL OR version = ?3) AND (?4 IS NULL OR commit_id = ?4)
    AND (?5 IS NULL OR EXISTS (SELECT 1 FROM json_each(tracked.models) WHERE value = ?5))
    AND (bucket, key) > (?6, ?7)
  ORDER BY bucket, key LIMIT ?8`;
