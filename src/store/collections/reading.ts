// Reads a page in order from several databases: of shard after shard, since each holds a range of the ids; of a shard
// whose sets are still on their way, from where they are and where they go, of each set what is latest.
import { cutPage } from "../page.ts";
import { isWithin, lastIdBefore } from "./places.ts";
import { findSets, isSettled, type SetShard } from "./shards.ts";

export interface PageRequest {
  limit: number;
  after?: string | undefined;
}
interface Page<Row> {
  rows: Row[];
  /** Where the next page begins; absent on the last. */
  next?: string;
}

/** Rows that each database gives in one order, with cursors that are a row's place in it. */
export interface Ordered<Row> {
  read(shard: SetShard, request: PageRequest): Promise<Page<Row>>;
  cursorOf(row: Row): string;
  /** The set that a cursor names; undefined for a text that is no cursor. */
  setIn(cursor: string): string | undefined;
  /** A text that sorts as the rows do. */
  orderOf(cursor: string): string;
  /** A cursor after every row of a set. */
  lastOf(set: string): string;
}

/** A page of shards in order of their ids. A page that one shard does not fill goes on in twice as many at once. */
export async function readShards<Row>(
  shards: readonly SetShard[],
  { limit, after }: PageRequest,
  ordered: Ordered<Row>,
): Promise<Page<Row>> {
  const from = after === undefined ? undefined : ordered.setIn(after);
  const left = from === undefined ? shards : shards.filter(({ place }) => place.high > from);
  const rows: Row[] = [];
  for (let at = 0, wave = 1; at < left.length; at += wave, wave *= 2) {
    const room = limit + 1 - rows.length;
    const pages = await Promise.all(
      left.slice(at, at + wave).map((shard) => {
        const isFirst = from !== undefined && isWithin(from, shard.place);
        return readShard(shard, { limit: room, after: isFirst ? after : startOf(shard, ordered) }, ordered);
      }),
    );
    for (const page of pages) {
      rows.push(...page.rows);
      if (page.next !== undefined || rows.length > limit) return cut(rows, limit, ordered, page.next);
    }
  }
  return cut(rows, limit, ordered);
}

function cut<Row>(rows: Row[], limit: number, { cursorOf }: Ordered<Row>, next?: string): Page<Row> {
  const page = cutPage(rows, limit);
  const end = page.last === undefined ? next : cursorOf(page.last);
  return end === undefined ? { rows: page.rows } : { rows: page.rows, next: end };
}

function startOf<Row>({ place }: SetShard, { lastOf }: Ordered<Row>): string | undefined {
  const before = lastIdBefore(place);
  return before === undefined ? undefined : lastOf(before);
}

/** A page of the rows that live in one shard. It is empty only where no more follow. */
async function readShard<Row>(
  shard: SetShard,
  request: PageRequest,
  ordered: Ordered<Row>,
): Promise<Page<Row>> {
  if (await isSettled(shard)) return readPlace(shard, shard, request, ordered);
  let { after } = request;
  for (;;) {
    const page = await readMoving(shard, { limit: request.limit, after }, ordered);
    if (page.rows.length > 0 || page.next === undefined) return page;
    after = page.next;
  }
}

/** What a database has of the rows that live in a shard; it may hold further ones that are to go elsewhere. */
async function readPlace<Row>(
  { place }: SetShard,
  holder: SetShard,
  request: PageRequest,
  ordered: Ordered<Row>,
): Promise<Page<Row>> {
  const { rows, next } = await ordered.read(holder, request);
  const lives = (cursor: string) => isWithin(ordered.setIn(cursor) ?? "", place);
  const own = rows.filter((row) => lives(ordered.cursorOf(row)));
  return next !== undefined && lives(next) ? { rows: own, next } : { rows: own };
}

/**
 * A page of a shard whose sets are on their way. They go from earlier databases to later ones, so they are read in this
 * order: what is no longer in the one is in the next. What a later database knows of a set counts.
 */
async function readMoving<Row>(
  shard: SetShard,
  request: PageRequest,
  ordered: Ordered<Row>,
): Promise<Page<Row>> {
  const { cursorOf, orderOf } = ordered;
  const setOf = (row: Row) => ordered.setIn(cursorOf(row)) ?? "";
  let rows: Row[] = [];
  let end: string | undefined;
  for (const holder of [...shard.earlier.toReversed(), shard]) {
    // Known first, then read: a set that comes between the two is in the page, and one that is emptied is no longer.
    const known = await findSets(holder.db, [...new Set(rows.map(setOf))]);
    const page = await readPlace(shard, holder, request, ordered);
    for (const row of page.rows) known.add(setOf(row));
    rows = [...rows.filter((row) => !known.has(setOf(row))), ...page.rows];
    if (page.next !== undefined && (end === undefined || orderOf(page.next) < orderOf(end))) end = page.next;
  }
  // Beyond the shortest page, rows of that database are missing.
  const last = end === undefined ? undefined : orderOf(end);
  const orders = new Map(rows.map((row) => [row, orderOf(cursorOf(row))]));
  const order = (row: Row) => orders.get(row) ?? "";
  const complete = rows
    .filter((row) => last === undefined || order(row) <= last)
    .sort((a, b) => (order(a) < order(b) ? -1 : 1));
  return cut(complete, request.limit, ordered, end);
}
