// Rows of the ledger as they are stored: events, runs and their history. query/ shapes them for people, archive/ packs
// them into segments.

import type { RunStatus } from "../../shapes/run.ts";

export interface EventRow {
  id: string;
  envelope: string;
  outcome: string;
}

export interface RunRow {
  id: string;
  event_id: string;
  alias: string;
  cause: string;
  connection: string;
  bucket: string;
  key: string;
  status: RunStatus;
  progress: number;
  attempt: number;
  version: string | null;
  commit_id: string | null;
  etag: string | null;
  items: number | null;
  reason: string | null;
  failure: string | null;
  log: string | null;
  /** Absent in what was archived before there were these. */
  embedded?: number | null;
  embedded_known?: number | null;
  replay_id: string | null;
  due_at: number | null;
  created_at: number;
  queued_at: number | null;
  started_at: number | null;
  ended_at: number | null;
}

export interface HistoryRow {
  at: number;
  status: RunStatus;
  attempt: number;
  cause: string | null;
}

export type { PendingRun } from "./contract.ts";
