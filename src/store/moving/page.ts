// What a step of the move is: it finds where its next page ends, and takes that page to where it belongs. Here is also what
// pages have in common: parts are sent to their shards, lines to the log.
import type { R2Bucket } from "@cloudflare/workers-types";
import { keyBitsOf, keyBitsOfId, shardOf } from "../../shapes/event-id.ts";
import type { EventStores } from "../../store/stores.ts";
import { writeLoose } from "../log/files.ts";
import { type EventLine, minuteOfLine } from "../log/lines.ts";
import { LOOSE } from "../log/names.ts";
import { emptyPart, type MovedPart } from "./contract.ts";
import type { RenamedEvent } from "./old-ids.ts";
import type { MoveState } from "./state.ts";

export interface OldLedgerDeps {
  stores: EventStores;
  archive: R2Bucket;
  /** Pipelines that are called over a binding. */
  binding: string[];
  now: number;
  /** Events, objects or segments of a page at most, where that is less than a page would have. */
  pageRows?: number | undefined;
}

/** What a page has come to. */
export interface TakenPage {
  events: number;
  /** Objects that were written to the log. */
  objects: number;
  missing: number;
  renamed: RenamedEvent[];
}
export const emptyPage: TakenPage = { events: 0, objects: 0, missing: 0, renamed: [] };

/** A step of several pages. Places are the step's own; a page has what lies after one place, up to another. */
export interface PagedStep<Place> {
  /** The last place of the page after a place; null where nothing follows. */
  bound(deps: OldLedgerDeps, state: MoveState, after: Place | null): Promise<Place | null>;
  /** Takes a page to where it belongs; again is no change. */
  take(deps: OldLedgerDeps, state: MoveState, after: Place | null, upto: Place): Promise<TakenPage>;
}

/** Parts of a page by the number of their shard. */
export class PageParts {
  readonly #parts = new Map<number, MovedPart>();
  readonly #page: number;
  readonly #shards: EventStores["shards"];

  constructor({ stores }: OldLedgerDeps, { page }: MoveState) {
    this.#page = page;
    this.#shards = stores.shards;
  }

  ofEvent(eventId: string): MovedPart {
    return this.ofNumber(shardOf(keyBitsOfId(eventId), this.#shards.count));
  }

  ofKey(key: string): MovedPart {
    return this.ofNumber(shardOf(keyBitsOf(key), this.#shards.count));
  }

  ofNumber(number: number): MovedPart {
    const part = this.#parts.get(number) ?? emptyPart(this.#page);
    this.#parts.set(number, part);
    return part;
  }

  async send(now: number): Promise<void> {
    const all = this.#shards.all();
    const full = [...this.#parts].filter(([, { page: _, ...rows }]) =>
      Object.values(rows).some(({ length }) => length > 0),
    );
    const sent = await Promise.allSettled(
      full.map(async ([number, part]) => all[number]?.takeOld(part, now)),
    );
    for (const one of sent) if (one.status === "rejected") throw one.reason;
  }
}

/** Writes events with their runs to the log: an object for each minute. Returns how many. */
export async function writeLines(bucket: R2Bucket, lines: EventLine[]): Promise<number> {
  await writeLoose(bucket, LOOSE, lines);
  return new Set(lines.map(minuteOfLine)).size;
}
