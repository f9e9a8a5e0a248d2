// Moves the archive of before: objects of gzipped NDJSON, one for each connection and minute, the newest first. Those of
// the days within which a report may still come are moved while events wait; the others at leisure.
import { gunzipSync } from "node:zlib";
import type { R2Bucket } from "@cloudflare/workers-types";
import type { Event } from "../../shapes/event.ts";
import { logError } from "../../shapes/log.ts";
import type { EventOutcome, RunState } from "../log/contract.ts";
import type { EventLine } from "../log/lines.ts";
import { DAY_MS, endedOf, LATE_DAYS, rememberIn } from "./hot.ts";
import { type PagedStep, PageParts, type TakenPage, writeLines } from "./page.ts";
import { endOf, type OldRun, recordOfOld, renameEvent } from "./rows.ts";
import type { MoveState } from "./state.ts";

/** Segments of a page at most, and bytes that they unpack to. */
const PAGE_SEGMENTS = 32;
const PAGE_BYTES = 8_000_000;
/** Days for which shards list runs. */
const LISTED_DAYS = 30;

/** Minute and number of a segment. */
type SegmentPlace = [minute: number, id: number];

/** A line of a segment. */
interface OldLine {
  event: Event;
  outcome: EventOutcome;
  runs: (OldRun & { history: RunState[] })[];
}

/** Segments of minutes from one on and before another, the newest first. */
const segmentsOf = (
  range: (state: MoveState) => [from: number, before: number],
): PagedStep<SegmentPlace> => ({
  async bound({ stores, pageRows = PAGE_SEGMENTS }, state, after) {
    const row = await stores.ledger
      .prepare(BOUND)
      .bind(...range(state), ...(after ?? LAST), pageRows, PAGE_BYTES)
      .first<{ minute: number; id: number }>();
    return row && [row.minute, row.id];
  },
  async take(deps, state, after, upto) {
    const { results } = await deps.stores.ledger
      .prepare(PAGE)
      .bind(...range(state), ...(after ?? LAST), ...upto)
      .all<{ key: string }>();
    const read = await Promise.all(results.map(({ key }) => readSegment(deps.archive, key)));
    const parts = new PageParts(deps, state);
    const lines: EventLine[] = [];
    const renamed: TakenPage["renamed"] = [];
    for (const { event: old, outcome, runs } of read.flatMap((one) => one ?? [])) {
      const event = renameEvent(old);
      const part = parts.ofEvent(event.id);
      rememberIn(part, event, deps.now, false);
      const records = runs.map(({ history, ...run }) => recordOfOld(run, event, history));
      lines.push({ event, outcome, ...(records.length > 0 && { runs: records }) });
      renamed.push({ old: old.id, new: event.id, open: false });
      const since = deps.now - LISTED_DAYS * DAY_MS;
      for (const { history, ...run } of runs)
        if (endOf(run, history) >= since) part.ended.push(endedOf(run, event, history));
    }
    await parts.send(deps.now);
    const objects = results.length + (await writeLines(deps.archive, lines));
    const missing = read.filter((one) => one === undefined).length;
    return { events: lines.length, objects, missing, renamed };
  },
});

const lateMinute = ({ began_at }: MoveState) => Math.floor(((began_at ?? 0) - LATE_DAYS * DAY_MS) / 60_000);

export const recentSegments = segmentsOf((state) => [lateMinute(state), Number.MAX_SAFE_INTEGER]);
export const olderSegments = segmentsOf((state) => [Number.MIN_SAFE_INTEGER, lateMinute(state)]);

const LAST: SegmentPlace = [Number.MAX_SAFE_INTEGER, 0];

/** Lines of a segment; undefined where the bucket has lost it: that must not keep the rest. */
async function readSegment(archive: R2Bucket, key: string): Promise<OldLine[] | undefined> {
  const object = await archive.get(key);
  if (!object) {
    logError("moving.missing", { key });
    return undefined;
  }
  return gunzipSync(new Uint8Array(await object.arrayBuffer()))
    .toString()
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as OldLine);
}

const CHOSEN = "state = 'kept' AND minute >= ?1 AND minute < ?2 AND (minute, id) < (?3, ?4)";

const BOUND = `
  WITH page AS (
    SELECT minute, id, unpacked FROM segments WHERE ${CHOSEN} ORDER BY minute DESC, id DESC LIMIT ?5),
  summed AS (
    SELECT minute, id, row_number() OVER newest AS n, sum(unpacked) OVER newest AS bytes
    FROM page WINDOW newest AS (ORDER BY minute DESC, id DESC))
  SELECT minute, id FROM summed WHERE n = 1 OR bytes <= ?6 ORDER BY minute, id LIMIT 1`;

const PAGE = `
  SELECT key FROM segments WHERE ${CHOSEN} AND (minute, id) >= (?5, ?6) ORDER BY minute DESC, id DESC`;
