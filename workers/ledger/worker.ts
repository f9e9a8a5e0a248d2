// The Worker of the ledger: its shards, one Durable Object each, and the door by which a pipeline reports on its own runs.
// It binds to no other Worker, so that it is deployed before all. The shard's logic is src/store/ledger/shard; the router
// calls the shards by src/store/ledger/shards.ts.
import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";
import { openEnv } from "../../src/env.ts";
import { partsOfRun } from "../../src/shapes/event-id.ts";
import { FailureError } from "../../src/shapes/failure.ts";
import type { Report } from "../../src/shapes/run.ts";
import type { RunMessage } from "../../src/shapes/run-message.ts";
import { mayBegin, spendOf } from "../../src/store/ledger/budgets.ts";
import { changedByCommit, changedByReports, ShardChanges } from "../../src/store/ledger/changes.ts";
import type * as contract from "../../src/store/ledger/contract.ts";
import { listPaused } from "../../src/store/ledger/pauses.ts";
import { SplittableShard } from "../../src/store/ledger/shard/splittable.ts";
import { type ShardNamespace, shardName, shardNumberOf } from "../../src/store/ledger/shard-calls.ts";
import { openShards } from "../../src/store/ledger/shards.ts";
import { openLog } from "../../src/store/log/open.ts";
import { finishPlaced } from "../../src/store/moving/old-jobs.ts";
import { sendAll } from "../../src/store/queue-batches.ts";

const MEGABYTE = 1_000_000;
/** Size of a shard's database at most, megabytes: what the platform gives to one. */
const SHARD_MB = 10_000;

type Call<Name extends keyof contract.ShardPeer> = Parameters<contract.ShardPeer[Name]>;

const shardsIn = (env: ReturnType<typeof openEnv>) =>
  env.durableObjects("LEDGER_SHARDS") as unknown as ShardNamespace;

/** One shard. */
export class LedgerShard extends DurableObject implements contract.ShardPeer {
  readonly #opened: Promise<SplittableShard>;
  readonly #changes = new ShardChanges(Date.now);

  constructor(ctx: DurableObjectState, raw: object) {
    super(ctx, raw);
    this.#opened = ctx.blockConcurrencyWhile(async () => this.#open(raw));
  }

  async #open(raw: object): Promise<SplittableShard> {
    const env = openEnv(raw);
    const { storage, id } = this.ctx;
    return new SplittableShard(
      {
        storage: storage as never,
        log: openLog(env.archive()),
        paused: async () => (await listPaused(env.ledger())).map(({ alias }) => alias),
        send: async (messages) => {
          const { error } = await sendAll(env.queue<RunMessage>("REPORTS"), messages);
          if (error !== undefined) throw error;
        },
        setAlarm: (at) => storage.setAlarm(at),
        limitBytes: Number(env.setting("LEDGER_SHARD_MB") ?? SHARD_MB) * MEGABYTE,
        now: Date.now,
        number: shardNumberOf(id.name ?? ""),
        peer: (number) => shardsIn(env).getByName(shardName(number)),
      },
      await storage.getAlarm(),
    );
  }

  override async alarm(): Promise<void> {
    await (await this.#opened).alarm();
    this.#changes.note("runs");
  }

  /** When something last changed here. */
  changed() {
    return this.#changes.times;
  }

  async commit(...call: Call<"commit">) {
    const answer = await (await this.#opened).commit(...call);
    this.#changes.note(...changedByCommit(answer));
    return answer;
  }
  async unsent(...call: Call<"unsent">) {
    const answer = await (await this.#opened).unsent(...call);
    this.#changes.note("runs");
    return answer;
  }
  async finish(...call: Call<"finish">) {
    const answer = await (await this.#opened).finish(...call);
    this.#changes.note(...changedByReports(call[0]));
    return answer;
  }
  async bury(...call: Call<"bury">) {
    const answer = await (await this.#opened).bury(...call);
    this.#changes.note("runs", "dead_letters");
    return answer;
  }
  async cancel(...call: Call<"cancel">) {
    const answer = await (await this.#opened).cancel(...call);
    this.#changes.note("runs");
    return answer;
  }
  async release(...call: Call<"release">) {
    const answer = await (await this.#opened).release(...call);
    this.#changes.note("runs");
    return answer;
  }
  async redrive(...call: Call<"redrive">) {
    const answer = await (await this.#opened).redrive(...call);
    this.#changes.note("runs", "dead_letters");
    return answer;
  }
  async drop(...call: Call<"drop">) {
    const answer = await (await this.#opened).drop(...call);
    this.#changes.note("runs", "dead_letters");
    return answer;
  }
  async takeOld(...call: Call<"takeOld">) {
    const answer = await (await this.#opened).takeOld(...call);
    this.#changes.note("runs", "dead_letters", "items");
    return answer;
  }
  async letters(...call: Call<"letters">) {
    return (await this.#opened).letters(...call);
  }
  async letter(...call: Call<"letter">) {
    return (await this.#opened).letter(...call);
  }
  async causes(...call: Call<"causes">) {
    return (await this.#opened).causes(...call);
  }
  async runs(...call: Call<"runs">) {
    return (await this.#opened).runs(...call);
  }
  async runsOf(...call: Call<"runsOf">) {
    return (await this.#opened).runsOf(...call);
  }
  async counts() {
    return (await this.#opened).counts();
  }
  async activity(...call: Call<"activity">) {
    return (await this.#opened).activity(...call);
  }
  async successes(...call: Call<"successes">) {
    return (await this.#opened).successes(...call);
  }
  async progress(...call: Call<"progress">) {
    return (await this.#opened).progress(...call);
  }
  async spending() {
    return (await this.#opened).spending();
  }
  async handled(...call: Call<"handled">) {
    return (await this.#opened).handled(...call);
  }
  async replaySpending(...call: Call<"replaySpending">) {
    return (await this.#opened).replaySpending(...call);
  }
  async tracked(...call: Call<"tracked">) {
    return (await this.#opened).tracked(...call);
  }
  async under(...call: Call<"under">) {
    return (await this.#opened).under(...call);
  }
  async held(...call: Call<"held">) {
    return (await this.#opened).held(...call);
  }
  async produced(...call: Call<"produced">) {
    return (await this.#opened).produced(...call);
  }
  async erase(...call: Call<"erase">) {
    const answer = await (await this.#opened).erase(...call);
    this.#changes.note("events", "runs", "dead_letters", "items");
    return answer;
  }
  async eraseIdentities(...call: Call<"eraseIdentities">) {
    return (await this.#opened).eraseIdentities(...call);
  }
  async split(...call: Call<"split">) {
    return (await this.#opened).split(...call);
  }
  async expect(...call: Call<"expect">) {
    return (await this.#opened).expect(...call);
  }
  async adopt(...call: Call<"adopt">) {
    const answer = await (await this.#opened).adopt(...call);
    this.#changes.note("runs", "dead_letters", "items");
    return answer;
  }
}

/** The door for one pipeline's reports. Its props name the pipeline, and how many shards there are. */
export class ReportDoor extends WorkerEntrypoint<object, { alias: string; shards: number }> {
  /** Reports to the shards of the runs; by the router's queue, where a run is in none. @throws FailureError `forbidden` for a run of another pipeline */
  async finish(reports: Report[]): Promise<void> {
    this.#refuseOthers(reports.map(({ run_id }) => run_id));
    const { shards } = this.ctx.props;
    const env = openEnv(this.env);
    const rest = await finishPlaced(openShards(shardsIn(env), shards), reports, Date.now());
    if (rest.length > 0) await env.queue<RunMessage>("REPORTS").send({ kind: "finish", reports: rest });
  }

  /** Whether a batch of the pipeline's runs may begin within its budget; those of one that may not wait in their shards. */
  async mayBegin(usd_per_day: number, runIds: string[]): Promise<boolean> {
    this.#refuseOthers(runIds);
    const { alias, shards } = this.ctx.props;
    const env = openEnv(this.env);
    const books = { ledger: env.ledger(), shards: openShards(shardsIn(env), shards) };
    return mayBegin(books, { alias, usd_per_day }, runIds, Date.now());
  }

  /** Adds what a batch has cost to what the pipeline has spent today. */
  async spend(usd_per_day: number, usd: number): Promise<void> {
    const { alias } = this.ctx.props;
    await spendOf(openEnv(this.env).ledger(), { alias, usd_per_day }, usd, Date.now());
  }

  #refuseOthers(runIds: string[]): void {
    const { alias } = this.ctx.props;
    for (const run_id of runIds) {
      if (partsOfRun(run_id)?.alias === alias) continue;
      throw new FailureError({
        kind: "forbidden",
        detail: `Pipeline ${alias} cannot report on the run ${run_id.slice(0, 120)}.`,
        expected: "a run of its own",
      });
    }
  }
}

export default {
  fetch: () =>
    Response.json({ detail: "The ledger has no HTTP door.", next: "Ask the router." }, { status: 404 }),
};
