// Pages of candidates: the objects that a replay runs, found in events, listings or collections. Each reader gives one
// page of one pipeline and where the next begins. Nothing is changed here.

import type { RegisteredPipeline } from "../dispatch/pipelines.ts";
import { evaluate, type Filter, stateView, viewOf } from "../match/index.ts";
import type { Event } from "../shapes/event.ts";
import type { SetKey } from "../shapes/item.ts";
import type { Candidate, CandidateReason, Selection } from "../shapes/replay.ts";
import type { Listed, Source } from "../source/contract.ts";
import type { Collection } from "../store/collections/contract.ts";
import type { EventStores } from "../store/stores.ts";
import { type CandidatePage, eventsPage, producedPage } from "./candidates.ts";

/** One pipeline of a replay, with the stores that its pages are read from. */
export interface ReplayTarget {
  pipeline: RegisteredPipeline;
  filter: Filter;
  buckets: string[];
  source: Source;
  collection: Collection;
  stores: EventStores;
}

/** Place in a listing: the number of the bucket, and the store's own cursor; `sets`: the collection is walked after that. */
interface ListingPlace {
  bucket?: number;
  at?: string;
  sets?: boolean;
}

/** One page from `cursor`, of at most about `limit` objects. */
export async function readPage(
  select: Selection,
  target: ReplayTarget,
  cursor: string | undefined,
  limit: number,
): Promise<CandidatePage> {
  const { alias, version, config } = target.pipeline;
  const connection = config.source.connection_id;
  switch (select.kind) {
    case "events":
      return eventsPage(target.stores, { ...select, alias, connection }, cursor, limit);
    case "stale":
      return producedPage(target.stores, alias, { kind: "not_version", value: version }, cursor, limit);
    case "produced_by": {
      const { version: by, commit, model } = select;
      return producedPage(
        target.stores,
        alias,
        { kind: "made_by", version: by, commit, model },
        cursor,
        limit,
      );
    }
    case "listing":
    case "drift":
      return listingPage(
        select,
        target,
        cursor === undefined ? {} : (JSON.parse(cursor) as ListingPlace),
        limit,
      );
  }
}

async function listingPage(
  select: Extract<Selection, { kind: "listing" | "drift" }>,
  target: ReplayTarget,
  place: ListingPlace,
  limit: number,
): Promise<CandidatePage> {
  if (place.sets) return orphansPage(select.prefix, target, place, limit);
  const bucketNumber = place.bucket ?? 0;
  const bucket = target.buckets[bucketNumber];
  if (bucket === undefined)
    return select.kind === "drift" ? { ...empty, next: JSON.stringify({ sets: true }) } : empty;
  const listing = await target.source.list(bucket, { prefix: select.prefix, cursor: place.at, limit });
  const next: ListingPlace | undefined =
    listing.next !== undefined
      ? { bucket: bucketNumber, at: listing.next }
      : bucketNumber + 1 < target.buckets.length
        ? { bucket: bucketNumber + 1 }
        : select.kind === "drift"
          ? { sets: true }
          : undefined;
  const candidates =
    select.kind === "drift"
      ? await driftOf(target, bucket, listing.objects)
      : matchingOf(target, bucket, listing.objects);
  const passed_over = listing.objects.length - candidates.length;
  return { candidates: candidates, passed_over, ...(next && { next: JSON.stringify(next) }) };
}

const empty: CandidatePage = { candidates: [], passed_over: 0 };

/** Whether the object passes the pipeline's filter as listed; `unknown` where that hangs on what a listing lacks. */
function judgeListed(
  target: ReplayTarget,
  bucket: string,
  object: Listed & { tags?: Record<string, string> },
) {
  const { key, ...listed } = object;
  const event: Event = {
    id: "evt_listed",
    connection: target.pipeline.config.source.connection_id,
    sender: "replay",
    type: "created",
    operation: "Listed",
    bucket,
    key,
    time: "1970-01-01T00:00:00.000Z",
    received_at: "1970-01-01T00:00:00.000Z",
    identities: [],
    hops: 0,
  };
  return evaluate(target.filter, stateView(viewOf(event, listed)));
}

const candidateOf = (
  target: ReplayTarget,
  bucket: string,
  { key, size, etag }: Listed,
  why: CandidateReason,
): Candidate => {
  return { connection: target.pipeline.config.source.connection_id, bucket, key, size, etag, why };
};

const matchingOf = (target: ReplayTarget, bucket: string, objects: Listed[]): Candidate[] =>
  objects
    .filter((object) => judgeListed(target, bucket, object) !== false)
    .map((object) => candidateOf(target, bucket, object, "selected"));

/** Compares listed objects with what the collection holds of them. */
async function driftOf(target: ReplayTarget, bucket: string, objects: Listed[]): Promise<Candidate[]> {
  const { alias, config } = target.pipeline;
  const setOf = ({ key }: Listed): SetKey => ({
    alias,
    connection: config.source.connection_id,
    bucket,
    key,
  });
  const held = await target.collection.describe(objects.map(setOf));
  const candidates = await Promise.all(
    objects.map(async (object, at): Promise<Candidate | undefined> => {
      const set = held[at];
      const why = (is: CandidateReason) => candidateOf(target, bucket, object, is);
      if (set && set.etag === object.etag && set.items > 0 && judgeListed(target, bucket, object) === true)
        return undefined;
      const matching = await isMatching(target, bucket, object);
      if (!matching) return set && set.items > 0 ? why("orphaned") : undefined;
      if (!set) return why("missing");
      return set.etag === object.etag ? undefined : why("out_of_date");
    }),
  );
  return candidates.filter((candidate) => candidate !== undefined);
}

/** Whether the object passes the pipeline's filter, with a look at it where the listing does not say enough. */
async function isMatching(target: ReplayTarget, bucket: string, object: Listed): Promise<boolean> {
  const listed = judgeListed(target, bucket, object);
  if (listed !== "unknown") return listed;
  const seen = await target.source.observe(bucket, object.key);
  if (!seen) return false;
  const looked = judgeListed(target, bucket, { ...object, ...seen });
  if (looked !== "unknown") return looked;
  const tags = await target.source.tags(bucket, object.key);
  // What still hangs is the event's own (its type, its sender): the object itself passes.
  return judgeListed(target, bucket, { ...object, ...seen, tags }) !== false;
}

/** One page of sets whose object is gone. */
async function orphansPage(
  prefix: string | undefined,
  target: ReplayTarget,
  place: ListingPlace,
  limit: number,
): Promise<CandidatePage> {
  const { held, next } = await target.collection.sets({ limit, after: place.at });
  const { alias } = target.pipeline;
  const own = held.filter(({ set }) => set.alias === alias && set.key.startsWith(prefix ?? ""));
  const gone = await Promise.all(
    own.map(async ({ set }) => {
      const isThere =
        target.buckets.includes(set.bucket) && (await target.source.observe(set.bucket, set.key)) !== null;
      return isThere ? undefined : set;
    }),
  );
  const candidates = gone.flatMap((set): Candidate[] =>
    set ? [{ connection: set.connection, bucket: set.bucket, key: set.key, why: "orphaned" }] : [],
  );
  // Objects that are there were counted when they were listed.
  return {
    candidates,
    passed_over: 0,
    ...(next !== undefined && { next: JSON.stringify({ sets: true, at: next }) }),
  };
}
