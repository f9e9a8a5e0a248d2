// Refusals on record: what was turned away at a door, and records that were proven but are no events.
// Counted by connection, scheme and cause in each minute, with a bound on rows and on writes, so that a
// flood can neither fill the store nor slow it.
import type { D1Database } from "@cloudflare/workers-types";
import { type Failure, shortFailure } from "../../shapes/failure.ts";

export interface Refusal {
  connection: string;
  /** By which scheme it was, or claimed to be, proven; `none` where it came to no claim. */
  scheme: string;
  failure: Failure;
  /** The record itself, for what was proven and is kept to be looked at. Never for unproven requests. */
  raw?: string;
  at: number;
  /** Number of such refusals, where it is not one. */
  count?: number;
}

const MAX_RAW_CHARS = 8_000;
/** Rows of one connection in one minute at most; further refusals are counted in one more row, without their record. */
export const MAX_MINUTE_ROWS = 100;
/** Writes of one isolate that come soon after what they are of, and the time in which one of them is earned again, ms. */
const SOON_WRITES = 5;
const EARNED_MS = 20_000;
/** Milliseconds between two writes that come soon. */
const WRITE_EVERY_MS = 500;
/** Time after which waiting counts as given up, ms: the platform cuts off what a request leaves behind after 30 s. */
const WAIT_ENDS_MS = 28_000;

const FURTHER: Failure = {
  kind: "overloaded",
  detail: "Further refusals of this minute, counted together whatever their causes.",
};

/** Writes refusals; identical ones of a minute add to one row's count. */
export async function recordRefused(db: D1Database, refused: Refusal[]): Promise<void> {
  if (refused.length === 0) return;
  const rows = refused.map(({ failure, raw, at, count = 1, ...rest }) => ({
    ...rest,
    failure: JSON.stringify(shortFailure(failure)),
    raw: raw?.slice(0, MAX_RAW_CHARS),
    count,
    at,
    minute: Math.floor(at / 60_000),
  }));
  await db.prepare(SQL).bind(JSON.stringify(rows), MAX_MINUTE_ROWS, JSON.stringify(FURTHER)).run();
}

/**
 * Gathers refusals of one isolate between writes. `add` returns the work of writing where none is waiting to be done,
 * for the caller's `waitUntil`: requests share what is counted, and no request another's I/O. A few refusals are on
 * record at once; a flood is counted in memory and written three times a minute, however long it lasts.
 */
export function refusalCounter(pause = wait, now = Date.now) {
  let waiting = new Map<string, Refusal & { count: number }>();
  let written = 0;
  let earned = SOON_WRITES;
  let earnedAt = 0;
  let waitingUntil = 0;

  /** Milliseconds until the next write may be made. */
  const delayMs = (): number => {
    earned = Math.min(SOON_WRITES, earned + (now() - earnedAt) / EARNED_MS);
    earnedAt = now();
    return Math.max(0, written + WRITE_EVERY_MS - now(), Math.ceil((1 - earned) * EARNED_MS));
  };
  const work = async (write: (rows: Refusal[]) => Promise<void>) => {
    await pause(delayMs());
    delayMs();
    earned = Math.max(0, earned - 1);
    const rows = [...waiting.values()];
    waiting = new Map();
    written = now();
    // What comes during the write is for the next one, which another request makes.
    waitingUntil = 0;
    if (rows.length > 0) await write(rows);
  };

  return {
    add(refused: Refusal, write: (rows: Refusal[]) => Promise<void>): Promise<void> | undefined {
      const { connection, scheme, failure, at } = refused;
      const cause = waiting.size < MAX_MINUTE_ROWS ? shortFailure(failure) : FURTHER;
      const name = JSON.stringify([connection, scheme, cause, Math.floor(at / 60_000)]);
      const counted = waiting.get(name);
      waiting.set(name, { ...refused, failure: cause, count: (counted?.count ?? 0) + 1 });
      if (now() < waitingUntil) return undefined;
      waitingUntil = now() + WAIT_ENDS_MS;
      return work(write);
    },
  };
}

const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

// `known`: an identical row of the minute is there to be counted up. `place`: which row this would be.
const SQL = `
  WITH refused AS (
    SELECT j.value ->> '$.connection' AS connection, j.value ->> '$.scheme' AS scheme,
      j.value ->> '$.failure' AS failure, j.value ->> '$.raw' AS raw, j.value ->> '$.count' AS count,
      j.value ->> '$.minute' AS minute, j.value ->> '$.at' AS at,
      row_number() OVER (PARTITION BY j.value ->> '$.connection', j.value ->> '$.minute') AS place
    FROM json_each(?1) AS j
  ),
  placed AS (
    SELECT t.*,
      t.raw IS NULL AND EXISTS (
        SELECT 1 FROM rejections AS r WHERE r.raw IS NULL AND r.connection = t.connection
          AND r.minute = t.minute AND r.scheme = t.scheme AND r.failure = t.failure
      ) AS known,
      t.place + (
        SELECT count(*) FROM rejections AS r
        WHERE r.at >= t.minute * 60000 AND r.at < (t.minute + 1) * 60000 AND r.connection = t.connection
      ) AS row
    FROM refused AS t
  )
  INSERT INTO rejections (connection, scheme, failure, raw, count, minute, at)
  SELECT connection, scheme, iif(known OR row <= ?2, failure, ?3), iif(row <= ?2, raw, NULL), count, minute, at
  FROM placed WHERE true
  ON CONFLICT (connection, minute, scheme, failure) WHERE raw IS NULL
    DO UPDATE SET count = count + excluded.count, at = excluded.at`;
