// A pool of lines of one minute, of which only those of the page are held whole: of the others, however many there are,
// only what merging goes by. Pure.
import type { EventOutcome, LogPlace, LogRange } from "./contract.ts";
import { comparePlaces, type EventLine, isRunLine, type LogLine, type PlacedLine } from "./lines.ts";
import { mergeLines } from "./merge.ts";

/** Lines that are taken in before the pool is merged and thinned, and lines kept whole beyond the page. */
const MERGE_LINES = 4_000;
const SPARE_LINES = 100;

/** Marks a line of which only the names are left. */
const THIN: EventOutcome = { matched: [], refused: [], refused_count: 0 };

/** Which entries a page may have: those of a range after a place. */
export type IsInPage = (line: PlacedLine) => boolean;

/** The condition of a page. */
export function pageOf(
  { order, connection, key, since, until }: LogRange,
  after: LogPlace | undefined,
): IsInPage {
  const isAfter = (place: LogPlace) =>
    after === undefined ||
    (order === "oldest first" ? comparePlaces(place, after) > 0 : comparePlaces(place, after) < 0);
  return ({ at, id, line }) =>
    !isRunLine(line) &&
    (connection === undefined || line.event.connection === connection) &&
    (key === undefined || line.event.key === key) &&
    (since === undefined || at >= since) &&
    (until === undefined || at < until) &&
    isAfter({ at, id });
}

/** Order of a page. */
export const orderOf =
  ({ order }: Pick<LogRange, "order">) =>
  (a: LogPlace, b: LogPlace) =>
    order === "oldest first" ? comparePlaces(a, b) : comparePlaces(b, a);

export class LinePool {
  #lines: PlacedLine[] = [];
  #unmerged = 0;
  readonly #isInPage: IsInPage;
  readonly #order: (a: LogPlace, b: LogPlace) => number;
  readonly #limit: number;

  constructor(range: LogRange, after: LogPlace | undefined, limit: number) {
    this.#isInPage = pageOf(range, after);
    this.#order = orderOf(range);
    this.#limit = limit;
  }

  add(lines: PlacedLine[]): void {
    for (const line of lines) this.#lines.push(line);
    this.#unmerged += lines.length;
    if (this.#unmerged < MERGE_LINES) return;
    this.#merge();
    const kept = new Set(this.#page().slice(0, this.#limit + SPARE_LINES));
    this.#lines = this.#lines.map((line) => (kept.has(line) ? line : thinLine(line)));
  }

  #merge(): void {
    this.#lines = mergeLines(this.#lines);
    this.#unmerged = 0;
  }

  #page(): PlacedLine[] {
    return this.#lines.filter(this.#isInPage).sort(this.#order);
  }

  /** Lines of the page in their order, whole, and whether they are all that there are. */
  take(): { lines: PlacedLine[]; isAll: boolean } {
    this.#merge();
    const page = this.#page();
    const thin = page.findIndex(({ line }) => !isRunLine(line) && line.outcome === THIN);
    return thin === -1 ? { lines: page, isAll: true } : { lines: page.slice(0, thin), isAll: false };
  }
}

/** Leaves of a line what says whether another one is the same event. A run stays, since its event may yet come. */
function thinLine(placed: PlacedLine): PlacedLine {
  const { line } = placed;
  if (isRunLine(line) || line.outcome === THIN) return placed;
  return { ...placed, line: thinEvent(line) };
}

function thinEvent({ event, also }: EventLine): LogLine {
  const { metadata: _, tags: _tags, payload: _payload, content_type: _type, ...facts } = event;
  return { event: facts, outcome: THIN, ...(also && { also }) };
}
