// What moves out of a ledger of before the shards: parts of a page, one for each shard that has objects of it.
import type { Event } from "../../shapes/event.ts";
import type { HeldRun } from "../ledger/shard/held-runs.ts";
import type { RunOnRecord } from "../log/contract.ts";

/** An event whose late reports are to add nothing. */
export interface MovedEvent {
  event: Pick<Event, "id" | "connection" | "bucket" | "key" | "time" | "received_at" | "identities">;
  /** Its arrival, ms. */
  at: number;
}

/** What produced the items of an object, as the tables of before have it. */
export interface MovedTracked {
  alias: string;
  bucket: string;
  key: string;
  connection: string;
  run_id: string;
  stored_at: number | null;
  items: number | null;
  etag: string | null;
  size: number | null;
  version: string | null;
  commit_id: string | null;
  models: string | null;
}

/** One shard's part of a page. */
export interface MovedPart {
  /** The number of the page: a shard takes in each once, however often it is sent. */
  page: number;
  events: MovedEvent[];
  /** Runs that have not ended, and those with a letter. */
  runs: HeldRun[];
  /** Runs that have ended, which lists still show. */
  ended: { run: RunOnRecord; closed_at: number }[];
  tracked: MovedTracked[];
  /** Numbers of runs that have ended, ever. */
  tallies: { alias: string; status: string; runs: number; seconds: number }[];
  /** Numbers of a replay's runs that have ended. */
  replays: { replay_id: string; status: string; runs: number }[];
}

/** A part with nothing in it. */
export const emptyPart = (page: number): MovedPart => ({
  ...{ page, events: [], runs: [], ended: [], tracked: [], tallies: [], replays: [] },
});
