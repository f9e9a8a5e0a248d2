// What is left of a story: what the collections hold, and what the ledger knows, without what may well differ
// from one course of things to another: times, attempts, which of two runs came first, and which of them the
// ledger believes to have made the items (docs/operations.md).
import type { D1Database } from "@cloudflare/workers-types";
import type { Move, Played } from "../shapes.ts";
import { ALIASES, BUCKET, type World } from "./world.ts";

export async function endingOf(world: World, at: string): Promise<Played["ending"]> {
  const events = await world.rows<{ key: string }>(
    `SELECT DISTINCT key FROM events WHERE ${world.ofStory}`,
    at,
  );
  const held = await Promise.all(
    ALIASES.map(async (alias) => {
      const sets = events.map(({ key }) => ({ alias, connection: "source", bucket: BUCKET, key }));
      const { items } = await world.collections[alias].list({ limit: 100, sets });
      return items.map(({ set, position, data, vectors, lineage }) => ({
        where: `${alias} ${set.key} ${position}`,
        etag: lineage.etag,
        data,
        vectors: vectors.map(({ values }) => [...values]),
      }));
    }),
  );
  const runs = await world.rows<{ key: string; alias: string; status: string; cause: string }>(
    `SELECT key, alias, cause, status FROM runs WHERE ${world.ofStory} ORDER BY key, alias, cause, status`,
    at,
  );
  // Of two runs of an object, the one that comes too late has nothing left to do, and is as done. An invocation
  // that failed told its caller so, who asked again: only the last counts.
  const done = runs
    .filter(({ cause, status }) => cause !== "invoked" || status !== "dead")
    .map((run) => JSON.stringify(run).replace("skipped", "succeeded"));
  const ending = {
    held: held.flat().sort((a, b) => (a.where < b.where ? -1 : 1)),
    runs: [...new Set(done)],
    tracked: await world.rows(
      `SELECT key, alias, items FROM tracked WHERE ${world.ofStory} ORDER BY key, alias`,
      at,
    ),
    dead: (await world.letters(at)).length,
    lost: world.queues.lost,
  };
  return JSON.parse(JSON.stringify(ending).replaceAll(`${at}/`, "")) as Played["ending"];
}

/** Every way in which a run has gone from one state to another, and how often without a cause on record. */
export async function movesOf(db: D1Database): Promise<Move[]> {
  const { results } = await db.prepare(MOVES).all<Move>();
  return results;
}

const MOVES = `
  SELECT before, status AS after, count(*) AS times, sum(cause IS NULL OR cause = '') AS uncaused
  FROM (SELECT status, cause, lag(status) OVER (PARTITION BY run_id ORDER BY rowid) AS before FROM run_history)
  GROUP BY before, status ORDER BY before, status`;
