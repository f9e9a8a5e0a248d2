// What a shard answers without writing: lists, look-ups and counts over its tables.
import type { MeasuredRuns } from "../../../shapes/measures.ts";
import type { RunOnRecord } from "../../log/contract.ts";
import type * as contract from "../contract.ts";
import { readActivity } from "./activity.ts";
import { countReplay, countSuccess } from "./counters.ts";
import { recordOf, runsOfEvent } from "./held-runs.ts";
import { findLetter, listCauses, listLetters } from "./letters.ts";
import { listRuns } from "./lists.ts";
import { listSpending, sumHandled, sumReplay } from "./spending.ts";
import type { ShardTables } from "./tables.ts";
import { countHeld, countProduced, listTracked, listUnder } from "./tracked.ts";

export class ShardReads {
  readonly tables: ShardTables;

  constructor(tables: ShardTables) {
    this.tables = tables;
  }

  async letters(query: Parameters<contract.Shard["letters"]>[0]): Promise<contract.Letter[]> {
    return listLetters(this.tables, query);
  }

  async letter(runId: string): Promise<contract.Letter | null> {
    return findLetter(this.tables, runId);
  }

  async causes(alias?: string): Promise<contract.LetterCause[]> {
    return listCauses(this.tables, alias);
  }

  async runs(query: contract.RunQuery): Promise<RunOnRecord[]> {
    return listRuns(this.tables, query);
  }

  async runsOf(eventIds: string[]): Promise<RunOnRecord[]> {
    return [...new Set(eventIds)].flatMap((id) => runsOfEvent(this.tables, id).map(recordOf));
  }

  async successes(alias: string, since: number): Promise<{ runs: number; ms: number | null }> {
    return countSuccess(this.tables, alias, since);
  }

  async progress(replayId: string): Promise<Record<string, number>> {
    return countReplay(this.tables, replayId);
  }

  async spending(): Promise<contract.Spending[]> {
    return listSpending(this.tables);
  }

  async handled(alias: string, since: number): Promise<MeasuredRuns> {
    return sumHandled(this.tables, alias, since);
  }

  async replaySpending(replayId: string): Promise<contract.Spent> {
    return sumReplay(this.tables, replayId);
  }

  async tracked(query: contract.TrackedQuery): Promise<contract.TrackedObject[]> {
    return listTracked(this.tables, query);
  }

  async held(alias: string, objects: { connection: string; bucket: string; key: string }[]) {
    return countHeld(this.tables, alias, objects);
  }

  async under(prefix: string, limit: number): Promise<contract.TrackedObject[]> {
    return listUnder(this.tables, prefix, limit);
  }

  async produced(alias: string): Promise<contract.ProducedCount[]> {
    return countProduced(this.tables, alias);
  }

  async activity(since: number): Promise<contract.ShardActivity> {
    return readActivity(this.tables, since);
  }
}
