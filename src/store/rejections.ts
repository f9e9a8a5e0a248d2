// Refusals on record: what was turned away at a door, and records that were proven but are no events.
// Rows of one connection and cause are counted per minute, so that a flood cannot fill the store.
import type { D1Database } from "@cloudflare/workers-types";
import type { Failure } from "../shapes/failure.ts";

export interface Refused {
  connection: string;
  scheme: string;
  failure: Failure;
  /** The record itself, for what was proven and is kept to be looked at. Never for unproven requests. */
  raw?: string;
  at: number;
}

const MAX_RAW = 8_000;

export async function recordRefused(db: D1Database, refused: Refused[]): Promise<void> {
  if (refused.length === 0) return;
  const rows = refused.map(({ failure, raw, at, ...rest }) => ({
    ...rest,
    failure: JSON.stringify(failure),
    raw: raw?.slice(0, MAX_RAW),
    at,
    minute: Math.floor(at / 60_000),
  }));
  await db.prepare(SQL).bind(JSON.stringify(rows)).run();
}

const SQL = `
  INSERT INTO rejections (connection, scheme, failure, raw, minute, at)
  SELECT j.value ->> '$.connection', j.value ->> '$.scheme', j.value ->> '$.failure', j.value ->> '$.raw',
    j.value ->> '$.minute', j.value ->> '$.at'
  FROM json_each(?1) AS j WHERE true
  ON CONFLICT (connection, minute, scheme, failure) WHERE raw IS NULL DO UPDATE SET count = count + 1, at = excluded.at`;
