// One shard of the ledger: the contract's calls over its tables, each in one transaction, and its alarm. Free of the
// Workers runtime: workers/ledger keeps it in a Durable Object, tests run it over Node's own SQLite.
import type { ObjectName } from "../../../shapes/erasure.ts";
import { logError, logInfo } from "../../../shapes/log.ts";
import type { Report } from "../../../shapes/run.ts";
import type { RunMessage } from "../../../shapes/run-message.ts";
import type { EventLog } from "../../log/contract.ts";
import type { MovedPart } from "../../moving/contract.ts";
import type * as contract from "../contract.ts";
import { adoptPart } from "./adopt.ts";
import { CALLED_WAIT_MS, commitEvents, QUEUED_WAIT_MS } from "./commit.ts";
import { countRuns } from "./counters.ts";
import { ShardDatabase, type ShardStorage } from "./database.ts";
import { nextDue, noteUnsent, takeProbes } from "./due.ts";
import { buryJobs, cancelRuns, takeReports } from "./endings.ts";
import { eraseIdentities, eraseRows } from "./erase.ts";
import { isOpen } from "./held-runs.ts";
import { dropLetters, redriveLetters } from "./letters.ts";
import { ShardReads } from "./reads.ts";
import { ShardTables } from "./tables.ts";
import {
  dropOld,
  fullShard,
  isNearlyFull,
  makeRoom,
  nextPack,
  PACK_DUE_RUNS,
  PACK_WAIT_MS,
  packEnded,
  SETTLE_MS,
  sendDue,
} from "./upkeep.ts";

const DAY_MS = 86_400_000;
/** Least time between two passes of the alarm, ms; longer where there are many runs to look through. */
const MIN_PASS_MS = 5_000;
const ROWS_PER_MS = 20;
/** Share of the limit from which on nothing new is taken: the rest is for what becomes of runs that are there. */
const COMMIT_SHARE = 0.98;
/** How often runs that wait for a paused pipeline are looked at, ms, should nobody say that it is resumed. */
const PAUSED_LOOK_MS = 3_600_000;

/** What a shard needs of its surroundings. */
export interface ShardDeps {
  storage: ShardStorage;
  log: Pick<EventLog, "appendRuns">;
  /** Pipelines that are paused now. */
  paused(): Promise<string[]>;
  /** Sends messages to the router's queue. */
  send(messages: RunMessage[]): Promise<void>;
  /** Sets the one alarm, ms, in place of any other. */
  setAlarm(at: number): Promise<void>;
  /** Most bytes that the shard may have. */
  limitBytes: number;
  now(): number;
}

export class LedgerShardCore extends ShardReads implements contract.Shard {
  readonly #deps: ShardDeps;
  readonly #database: ShardDatabase;
  /** When the alarm is set to, ms. */
  #alarmAt: number;
  /** Runs that have ended since the last pass that packed some. */
  #ended = 0;

  constructor(deps: ShardDeps, alarmAt: number | null) {
    const database = new ShardDatabase(deps.storage);
    super(new ShardTables(database));
    this.#deps = deps;
    this.#database = database;
    this.#alarmAt = alarmAt ?? Number.POSITIVE_INFINITY;
  }

  async commit(
    events: contract.CommitEvent[],
    options: contract.CommitOptions,
  ): Promise<contract.Committed[]> {
    const { limitBytes } = this.#deps;
    this.#makeRoom(options.now);
    if (this.#database.bytes >= limitBytes * COMMIT_SHARE)
      throw fullShard(`it has ${this.#database.bytes} bytes of ${limitBytes}`);
    const before = this.#database.rowsWritten;
    const committed = this.#write(options.now, () => commitEvents(this.tables, events, options));
    if (this.#database.rowsWritten > before)
      await this.wake(options.now + (options.binding.length > 0 ? CALLED_WAIT_MS : QUEUED_WAIT_MS));
    return committed;
  }

  async unsent(runIds: string[], now: number): Promise<void> {
    this.#write(now, () => noteUnsent(this.tables, runIds, now));
    await this.wake(now);
  }

  async finish(reports: Report[], options: { now: number; letters?: boolean }): Promise<string[]> {
    const { troubles, unknown } = this.#write(options.now, () => takeReports(this.tables, reports, options));
    await this.#sendTroubles(troubles);
    const ended = reports.filter(({ status }) => !isOpen(status)).length;
    const areMany = this.#ended < PACK_DUE_RUNS && this.#ended + ended >= PACK_DUE_RUNS;
    this.#ended += ended;
    if (ended > 0) await this.wake(options.now + (areMany ? SETTLE_MS : PACK_WAIT_MS));
    const dueTimes = reports.flatMap((one) => (isOpen(one.status) && one.due_at ? [one.due_at] : []));
    if (dueTimes.length > 0) await this.wake(Math.min(...dueTimes));
    return unknown;
  }

  async bury(dead: contract.DeadJob[], now: number): Promise<void> {
    await this.#sendTroubles(this.#write(now, () => buryJobs(this.tables, dead, now)));
  }

  async cancel(runIds: string[], reason: string, now: number): Promise<number> {
    const cancelled = this.#write(now, () => cancelRuns(this.tables, runIds, reason, now));
    await this.wake(now + PACK_WAIT_MS);
    return cancelled;
  }

  async release(alias: string, now: number, limit?: number): Promise<contract.DueRun[]> {
    if (limit !== undefined) return this.#write(now, () => takeProbes(this.tables, alias, now, limit));
    await this.wake(now);
    return [];
  }

  async redrive(
    choice: contract.LetterChoice,
    options: { now: number; limit: number; paused: string[] },
  ): Promise<(contract.DueRun & { waits: boolean })[]> {
    const runs = this.#write(options.now, () => redriveLetters(this.tables, choice, options));
    if (runs.length > 0) await this.wake(options.now + CALLED_WAIT_MS);
    return runs;
  }

  async drop(choice: contract.LetterChoice, reason: string, now: number): Promise<number> {
    const dropped = this.#write(now, () => dropLetters(this.tables, choice, reason, now));
    await this.wake(now + PACK_WAIT_MS);
    return dropped;
  }

  async takeOld(part: MovedPart, now: number): Promise<void> {
    const due = this.#write(now, () => adoptPart(this.tables, part, now));
    await this.wake(Math.max(now, due ?? now + DAY_MS));
  }

  async counts(): Promise<contract.ShardCounts> {
    return {
      ...countRuns(this.tables),
      bytes: this.#database.bytes,
      limit_bytes: this.#deps.limitBytes,
      rows_written: this.#database.rowsWritten,
    };
  }

  async erase(page: contract.EraseRows): Promise<contract.ErasedRows> {
    return this.#write(page.now, () => eraseRows(this.tables, page));
  }

  async eraseIdentities(objects: ObjectName[], erasedAt: number, dry: boolean): Promise<number> {
    return this.#database.transaction(() => eraseIdentities(this.tables, objects, erasedAt, dry));
  }

  /** One pass of upkeep. Its steps do not hang on one another: what fails is logged, and tried again soon. */
  async alarm(): Promise<void> {
    const { log, send } = this.#deps;
    const now = this.#deps.now();
    this.#alarmAt = Number.POSITIVE_INFINITY;
    let paused: string[] | undefined;
    let failed = false;
    const step = async (name: string, work: () => Promise<unknown>) => {
      try {
        await work();
      } catch (error) {
        failed = true;
        logError("shard.upkeep", { step: name, error: String(error) });
      }
    };
    await step("due", async () => {
      if ((nextDue(this.tables, []) ?? Number.POSITIVE_INFINITY) > now) return;
      paused = await this.#deps.paused();
      const sent = await sendDue(this.tables, now, paused, send);
      if (sent > 0) logInfo("shard.due", { runs: sent });
    });
    await step("pack", async () => {
      if ((nextPack(this.tables, now) ?? Number.POSITIVE_INFINITY) > now) return;
      this.#ended = 0;
      logInfo("shard.packed", { runs: await packEnded(this.tables, now, log) });
    });
    await step("old", async () => this.#database.transaction(() => dropOld(this.tables, now)));
    await step("room", async () => this.#makeRoom(now));
    const least = Math.max(MIN_PASS_MS, this.#countRows() / ROWS_PER_MS);
    const next = failed ? now + least : this.#nextPass(now, paused);
    if (next !== undefined) await this.wake(Math.max(next, now + least));
  }

  /** When the alarm has something to do; `paused` where that is known. */
  #nextPass(now: number, paused: string[] | undefined): number | undefined {
    const times = [nextDue(this.tables, paused ?? []), nextPack(this.tables, now)];
    if (paused && paused.length > 0) times.push(now + PAUSED_LOOK_MS);
    if (this.tables.weeks.length > 0) times.push(now + DAY_MS);
    const known = times.filter((time) => time !== undefined);
    return known.length === 0 ? undefined : Math.min(...known);
  }

  #countRows(): number {
    const sql = `SELECT count(*) AS rows FROM ${this.tables.runs}`;
    return this.#database.first<{ rows: number }>(sql)?.rows ?? 0;
  }

  /** A call's writes as one transaction; room is made before them. */
  #write<T>(now: number, work: () => T): T {
    this.#makeRoom(now);
    try {
      return this.#database.transaction(work);
    } catch (error) {
      this.tables.reload();
      throw FULL.test(String(error)) ? fullShard(String(error)) : error;
    }
  }

  #makeRoom(now: number): void {
    const { limitBytes } = this.#deps;
    if (isNearlyFull(this.tables, limitBytes))
      this.#database.transaction(() => makeRoom(this.tables, now, limitBytes));
  }

  /** Sets the alarm, if it is to be earlier than it is: that is a row, too. */
  async wake(at: number): Promise<void> {
    if (at >= this.#alarmAt) return;
    this.#alarmAt = at;
    this.#database.rowsWritten++;
    await this.#deps.setAlarm(at);
  }

  async #sendTroubles(troubles: RunMessage[]): Promise<void> {
    if (troubles.length === 0) return;
    // A hint, of which the next such report is another.
    await this.#deps.send(troubles).catch((error: unknown) => {
      logError("shard.unsent", { messages: troubles.length, error: String(error) });
    });
  }
}

const FULL = /SQLITE_FULL|database or disk is full/;
