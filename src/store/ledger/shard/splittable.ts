// A shard whose objects may move to others, when the number of shards is raised. A call for an object that has gone is
// passed on to where it is, and one for an object that has not come yet to where it still is; so callers may use the old
// number or the new one. Where nothing moves, nothing is asked.
import { keyDigitsOfId, keyHex, partsOfRun } from "../../../shapes/event-id.ts";
import type { Report } from "../../../shapes/run.ts";
import type { RunOnRecord } from "../../log/contract.ts";
import type * as contract from "../contract.ts";
import { MOVE_DIGITS } from "./move.ts";
import { type MoveDeps, ObjectMoves } from "./object-moves.ts";
import { LedgerShardCore, type ShardDeps } from "./shard.ts";

/** What a shard needs, also to reach the others. */
export type SplittableDeps = ShardDeps & Pick<MoveDeps, "number" | "peer">;

export class SplittableShard extends LedgerShardCore implements contract.ShardPeer {
  readonly #moves: ObjectMoves;
  readonly #peer: MoveDeps["peer"];

  constructor(deps: SplittableDeps, alarmAt: number | null) {
    super(deps, alarmAt);
    this.#peer = deps.peer;
    this.#moves = new ObjectMoves({ ...deps, wake: (at) => this.wake(at) }, this.tables);
  }

  split(plan: contract.SplitPlan): Promise<boolean> {
    return this.#moves.split(plan);
  }

  expect(parent: number, from: number, to: number): Promise<void> {
    return this.#moves.expect(parent, from, to);
  }

  adopt(page: contract.MovedPage): Promise<void> {
    return this.#moves.adopt(page);
  }

  override async alarm(): Promise<void> {
    await this.#moves.land();
    await super.alarm();
    await this.#moves.pass();
  }

  /** Calls here and elsewhere, with the items that are there. */
  async #where<Item, T>(
    items: Item[],
    digitsOf: (item: Item) => string,
    here: (items: Item[]) => Promise<T>,
    there: (peer: contract.ShardPeer, items: Item[]) => Promise<T>,
  ): Promise<T[]> {
    // Nothing comes between the last look at what is on its way and the call.
    while (this.#moves.isFlying) await this.#moves.land();
    if (!this.#moves.any) return [await here(items)];
    const groups = Map.groupBy(items, (item) => this.#moves.placeOf(digitsOf(item)));
    return Promise.all(
      [...groups].map(([at, group]) => (at === undefined ? here(group) : there(this.#peer(at), group))),
    );
  }

  override async commit(events: contract.CommitEvent[], options: contract.CommitOptions) {
    const results = new Map<contract.CommitEvent, contract.Committed>();
    const keep = (group: contract.CommitEvent[], committed: contract.Committed[]) => {
      for (const [index, one] of committed.entries()) results.set(group[index] as contract.CommitEvent, one);
    };
    await this.#where(
      events,
      ({ event }) => keyDigitsOfId(event.id),
      async (group) => keep(group, await super.commit(group, options)),
      async (peer, group) => keep(group, await peer.commit(group, options)),
    );
    return events.flatMap((event) => results.get(event) ?? []);
  }

  override async unsent(runIds: string[], now: number): Promise<void> {
    await this.#where(
      runIds,
      digitsOfRun,
      (ids) => super.unsent(ids, now),
      (peer, ids) => peer.unsent(ids, now),
    );
  }

  override async finish(reports: Report[], options: { now: number; letters?: boolean }): Promise<string[]> {
    const unknown = await this.#where(
      reports,
      ({ run_id }) => digitsOfRun(run_id),
      (group) => super.finish(group, options),
      (peer, group) => peer.finish(group, options),
    );
    return unknown.flat();
  }

  override async bury(dead: contract.DeadJob[], now: number): Promise<void> {
    await this.#where(
      dead,
      ({ job }) => digitsOfRun(job.run_id),
      (group) => super.bury(group, now),
      (peer, group) => peer.bury(group, now),
    );
  }

  override async cancel(runIds: string[], reason: string, now: number): Promise<number> {
    const counts = await this.#where(
      runIds,
      digitsOfRun,
      (ids) => super.cancel(ids, reason, now),
      (peer, ids) => peer.cancel(ids, reason, now),
    );
    return counts.reduce((sum, count) => sum + count, 0);
  }

  override async release(alias: string, now: number, limit?: number): Promise<contract.DueRun[]> {
    while (this.#moves.isFlying) await this.#moves.land();
    return super.release(alias, now, limit);
  }

  override async redrive(choice: contract.LetterChoice, options: Parameters<contract.Shard["redrive"]>[1]) {
    const runs = await this.#where(
      choice.run_ids ?? [undefined],
      (run_id) => (run_id === undefined ? "" : digitsOfRun(run_id)),
      (ids) => super.redrive({ ...choice, ...idsOf(ids) }, options),
      (peer, ids) => peer.redrive({ ...choice, ...idsOf(ids) }, options),
    );
    return runs.flat();
  }

  override async drop(choice: contract.LetterChoice, reason: string, now: number): Promise<number> {
    const counts = await this.#where(
      choice.run_ids ?? [undefined],
      (run_id) => (run_id === undefined ? "" : digitsOfRun(run_id)),
      (ids) => super.drop({ ...choice, ...idsOf(ids) }, reason, now),
      (peer, ids) => peer.drop({ ...choice, ...idsOf(ids) }, reason, now),
    );
    return counts.reduce((sum, count) => sum + count, 0);
  }

  override async letter(runId: string): Promise<contract.Letter | null> {
    const [letter] = await this.#where(
      [runId],
      digitsOfRun,
      () => super.letter(runId),
      (peer) => peer.letter(runId),
    );
    return letter ?? null;
  }

  override async runsOf(eventIds: string[]): Promise<RunOnRecord[]> {
    const runs = await this.#where(
      eventIds,
      keyDigitsOfId,
      (ids) => super.runsOf(ids),
      (peer, ids) => peer.runsOf(ids),
    );
    return runs.flat();
  }

  override async held(alias: string, objects: { connection: string; bucket: string; key: string }[]) {
    const sums = await this.#where(
      objects,
      ({ key }) => keyHex(key).slice(0, MOVE_DIGITS),
      (group) => super.held(alias, group),
      (peer, group) => peer.held(alias, group),
    );
    return {
      objects: sums.reduce((sum, { objects }) => sum + objects, 0),
      items: sums.reduce((sum, { items }) => sum + items, 0),
    };
  }
}

const digitsOfRun = (run_id: string) => keyDigitsOfId(partsOfRun(run_id)?.event_id ?? "");

/** The run ids of a choice; none where it names none. */
const idsOf = (ids: (string | undefined)[]) => {
  const known = ids.filter((id) => id !== undefined);
  return known.length > 0 ? { run_ids: known } : {};
};
