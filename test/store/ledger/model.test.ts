// The shards of a ledger against a plain model in memory: whatever is committed, reported, late, twice, out of order,
// cancelled, redriven, dropped, packed and cut off, both say the same.
import fc from "fast-check";
import { expect, test } from "vitest";
import { runId } from "../../../src/shapes/event-id.ts";
import type { Report, RunStatus } from "../../../src/shapes/run.ts";
import type { RunOnRecord } from "../../../src/store/log/contract.ts";
import { shardsInNode } from "../../support/shard-in-node.ts";
import { at, commitOf, eventOf, HOUR, jobOf, NOW, reportOf } from "./given.ts";

const KEYS = 3;
const VERSIONS = 3;
const ALIASES = ["a", "b"];
const SHARDS = 4;

/** Two senders may report each event: one knows its sequencer, the other does not. */
const event = (key: number, version: number, sender: number) =>
  eventOf(`model/${key}`, {
    time: new Date(NOW + version * 1000).toISOString(),
    etag: `e${version}`,
    ...(sender === 1 && { sequencer: `0055AED6DCD9${version}${key}` }),
    received_at: new Date(NOW + sender).toISOString(),
  });

interface ModelRun {
  key: number;
  alias: string;
  cause: string;
  status: RunStatus;
  progress: number;
  attempt: number;
  forgiven: number;
  letter: boolean;
}

const RANK = {
  pending: 0,
  queued: 1,
  running: 2,
  failed: 3,
  succeeded: 4,
  skipped: 4,
  dead: 4,
  cancelled: 4,
};
/** Which of the open states a run is in hangs on when it was sent again: that is the alarm's, tested by itself. */
const stateOf = (status: RunStatus) => (isOpen(status) ? "open" : status);
const isOpen = (status: RunStatus) => ["pending", "queued", "running", "failed"].includes(status);

/** What a ledger is, said plainly: all runs, each event's runs by both of its ids, and what is tracked. */
class Model {
  readonly runs = new Map<string, ModelRun>();
  readonly known = new Map<string, string>();
  readonly items = new Map<string, { items: number; at: number } | "unsaid">();
  readonly emptied = new Map<string, number>();
  readonly endings: string[] = [];

  commit(key: number, version: number, sender: number, matched: string[]): string[] {
    const name = `${key} ${version}`;
    if (this.known.has(name)) return [];
    const tracked = ALIASES.filter(
      (alias) =>
        this.items.has(`${key} ${alias}`) ||
        [...this.runs.values()].some(
          (run) => run.key === key && run.alias === alias && (isOpen(run.status) || run.letter),
        ),
    );
    const aliases = [...new Set([...matched, ...tracked])];
    if (aliases.length === 0) return [];
    const { id } = event(key, version, sender);
    this.known.set(name, id);
    for (const alias of aliases) {
      const cause = matched.includes(alias) ? "matched" : "tracked";
      const fresh = { status: "queued", progress: 0, attempt: 0, forgiven: 0, letter: false } as const;
      this.runs.set(runId(id, alias), { key, alias, cause, ...fresh });
    }
    return aliases;
  }

  end(run: ModelRun, status: RunStatus): void {
    run.status = status;
    this.endings.push(`${run.alias} ${status}`);
    const name = `${run.key} ${run.alias}`;
    if ((status === "dead" || status === "cancelled") && !this.items.has(name))
      this.items.set(name, "unsaid");
  }

  report(run: ModelRun, { attempt, status, items, stored_at = 0 }: Report): void {
    const name = `${run.key} ${run.alias}`;
    const held = this.items.get(name);
    if (
      status === "succeeded" &&
      items !== undefined &&
      !(held && held !== "unsaid" && held.at > stored_at)
    ) {
      if (items === 0) this.items.delete(name);
      else if ((this.emptied.get(name) ?? -1) <= stored_at) this.items.set(name, { items, at: stored_at });
    }
    const progress = attempt * 10 + RANK[status];
    if (run.progress >= progress) return;
    if (status === "succeeded" && items === 0)
      this.emptied.set(name, Math.max(this.emptied.get(name) ?? -1, stored_at));
    run.progress = progress;
    run.attempt = attempt;
    run.letter = false;
    if (isOpen(status)) run.status = status;
    else this.end(run, status);
    run.letter = status === "dead";
  }

  bury(run: ModelRun, attempts: number): void {
    if (!(isOpen(run.status) || run.status === "dead") || run.progress >= attempts * 10 + 5) return;
    if (run.status !== "dead") {
      run.attempt = Math.max(run.attempt, attempts);
      this.end(run, "dead");
    }
    run.progress = Math.max(run.progress, attempts * 10 + 4);
    run.letter = true;
  }

  redrive(run: ModelRun): void {
    Object.assign(run, {
      letter: false,
      status: "queued",
      progress: run.attempt * 10 + 5,
      forgiven: run.attempt,
    });
  }
}

const runAt = fc.record({
  key: fc.nat(KEYS - 1),
  version: fc.nat(VERSIONS - 1),
  alias: fc.constantFrom(...ALIASES),
});
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("commit" as const),
      ...{ key: fc.nat(KEYS - 1), version: fc.nat(VERSIONS - 1), sender: fc.nat(1) },
      matched: fc.subarray(ALIASES),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("report" as const),
      run: runAt,
      attempt: fc.integer({ min: 1, max: 3 }),
      status: fc.constantFrom<RunStatus>("running", "failed", "succeeded", "skipped", "dead"),
      items: fc.nat(2),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("bury" as const),
      run: runAt,
      attempts: fc.integer({ min: 1, max: 3 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom("cancel" as const, "redrive" as const, "drop" as const),
      run: runAt,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom("pack" as const, "cut off" as const, "restart" as const) }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** A ledger whose log can be cut off: what it was given arrives, and the shard does not hear of it. */
function openLedger() {
  let cut = false;
  const logged = new Map<string, RunOnRecord>();
  const log = {
    async appendRuns(runs: RunOnRecord[]) {
      for (const run of runs) logged.set(run.id, structuredClone(run));
      if (cut) throw new Error("cut off");
    },
  };
  const ledger = shardsInNode(SHARDS, { log });
  return {
    ...{ ledger, logged },
    async pack(cutOff: boolean, now: number) {
      cut = cutOff;
      for (const shard of ledger.inNode) await shard.ring(now);
      cut = false;
    },
    restart() {
      for (const shard of ledger.inNode) shard.restart();
    },
  };
}

async function play(steps: Step[]): Promise<void> {
  const model = new Model();
  const { ledger, logged, pack, restart } = openLedger();
  const packed = new Set<string>();
  let now = NOW;
  const find = ({ key, version, alias }: { key: number; version: number; alias: string }) => {
    const run_id = runId(model.known.get(`${key} ${version}`) ?? "evt_none", alias);
    return { run_id, run: packed.has(run_id) ? undefined : model.runs.get(run_id) };
  };
  for (const one of steps) {
    now += 1000;
    if (one.do === "commit") {
      const { key, version, sender, matched } = one;
      const known = model.known.get(`${key} ${version}`);
      const aliases = model.commit(key, version, sender, matched);
      const [result] = await ledger.commit([commitOf(event(key, version, sender), ...matched)], at(now));
      expect(result?.id).toBe(known ?? event(key, version, sender).id);
      if (known === undefined) expect(result?.runs.map(({ alias }) => alias).sort()).toEqual(aliases.sort());
    } else if (one.do === "report") {
      const { run_id, run } = find(one.run);
      const items = one.status === "succeeded" ? { items: one.items } : {};
      const report = reportOf(run_id, one.attempt, one.status, { ...items, stored_at: NOW + one.attempt });
      if (run) model.report(run, report);
      await ledger.finish([report], { now });
    } else if (one.do === "bury") {
      const { run_id, run } = find(one.run);
      if (run) model.bury(run, one.attempts);
      const job = { ...jobOf(event(one.run.key, one.run.version, 0), one.run.alias), run_id };
      await ledger.bury([{ job, attempts: one.attempts }], now);
    } else if (one.do === "cancel") {
      const { run_id, run } = find(one.run);
      const ends = run !== undefined && isOpen(run.status);
      if (ends) {
        model.end(run, "cancelled");
        run.progress = 1e9;
      }
      expect(await ledger.cancel([run_id], "no", now)).toBe(ends ? 1 : 0);
    } else if (one.do === "redrive" || one.do === "drop") {
      const { run_id, run } = find(one.run);
      const count = run?.letter ? 1 : 0;
      if (run?.letter && one.do === "redrive") model.redrive(run);
      else if (run?.letter) {
        model.end(run, "cancelled");
        run.letter = false;
      }
      if (one.do === "drop") expect(await ledger.drop({ run_ids: [run_id] }, "no", now)).toBe(count);
      else
        expect(await ledger.redrive({ run_ids: [run_id] }, { now, limit: 9, paused: [] })).toHaveLength(
          count,
        );
    } else if (one.do === "restart") restart();
    else {
      // So much later that what has ended is packed; what is open and due is sent again, which changes no promise.
      now += HOUR / 2;
      await pack(one.do === "cut off", now);
      if (one.do === "pack")
        for (const [id, run] of model.runs) if (!isOpen(run.status) && !run.letter) packed.add(id);
    }
  }
  await compare(model, ledger, logged, packed);
}

async function compare(
  model: Model,
  ledger: ReturnType<typeof openLedger>["ledger"],
  logged: Map<string, RunOnRecord>,
  packed: Set<string>,
): Promise<void> {
  const listed = await ledger.runs({ limit: 1000 });
  expect(
    listed.map(({ id, status, attempt, cause }) => `${id} ${stateOf(status)} ${attempt} ${cause}`).sort(),
  ).toEqual(
    [...model.runs]
      .map(([id, { status, attempt, cause }]) => `${id} ${stateOf(status)} ${attempt} ${cause}`)
      .sort(),
  );
  const letters = (await ledger.letters({ limit: 1000 })).map(({ run_id }) => run_id);
  expect(letters.sort()).toEqual([...model.runs].flatMap(([id, run]) => (run.letter ? [id] : [])).sort());
  const { ended, open } = await ledger.counts();
  const endings = Object.entries(Object.groupBy(model.endings, (ending) => ending));
  expect(ended.map(({ alias, status, runs }) => `${alias} ${status} ${runs}`).sort()).toEqual(
    endings.map(([ending, all = []]) => `${ending} ${all.length}`).sort(),
  );
  expect(open.reduce((sum, { runs }) => sum + runs, 0)).toBe(
    [...model.runs.values()].filter(({ status }) => isOpen(status)).length,
  );
  for (const id of packed) expect(logged.get(id)?.status, id).toBe(model.runs.get(id)?.status);
  expect(await ledger.runsOf([...model.known.values()])).toHaveLength(model.runs.size - packed.size);
  for (const alias of ALIASES) {
    const items = [...model.items].flatMap(([name, held]) =>
      name.endsWith(` ${alias}`) && held !== "unsaid" ? [held.items] : [],
    );
    const tracked = await ledger.tracked({ alias, limit: 100 });
    expect(tracked.map((one) => one.items).sort()).toEqual(items.sort());
    const produced = await ledger.produced(alias);
    expect(produced.reduce((sum, one) => sum + one.items, 0)).toBe(items.reduce((sum, one) => sum + one, 0));
  }
}

test("shards are as the model says, whatever comes in whatever order", async () => {
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), play), { numRuns: 250 });
}, 120_000);
