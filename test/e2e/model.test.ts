// The model test. Random histories of objects, told by two senders in any order, repeated, delayed, and
// lost but for the last, to two pipelines that fail now and then; run through the real Workers, and
// compared with a model that knows the bucket's final state and nothing else.
// WEIR_HISTORIES makes a longer run of it: `WEIR_HISTORIES=5000 npx vitest run test/e2e/model.test.ts`.
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startWeir, type Weir } from "../support/weir.ts";

const HISTORIES = Number(process.env.WEIR_HISTORIES ?? 320);
/** Histories that run at the same time: queues deliver by the second, so one after another is slow. */
const TOGETHER = 64;
const ROUNDS = 5;

let weir: Weir;
beforeAll(async () => {
  weir = await startWeir();
}, 120_000);
afterAll(() => weir?.close());

interface Step {
  /** `none`: the object is left as it is in this round. */
  op: "put" | "delete" | "none";
  keep: "yes" | "no";
  fails: number;
  by: "r2" | "s3";
  copies: number;
  /** Rounds until it is told: later writes may be told first. */
  delay: number;
  /** Never told, unless it is the last write. */
  lost: boolean;
}
type History = Step[];
/** What happens between two rounds: nothing, everything told is dispatched, or everything has ended. */
type Wait = "nothing" | "dispatched" | "ended";

const step: fc.Arbitrary<Step> = fc.record({
  op: fc.constantFrom("put", "put", "put", "delete", "none"),
  keep: fc.constantFrom("yes", "yes", "yes", "no"),
  fails: fc.constantFrom(0, 0, 0, 1, 2),
  by: fc.constantFrom("r2", "s3"),
  copies: fc.constantFrom(1, 1, 2, 3),
  delay: fc.constantFrom(0, 0, 1, 2, 5),
  lost: fc.boolean(),
});
const history: fc.Arbitrary<History> = fc.array(step, { minLength: ROUNDS, maxLength: ROUNDS });
const waits: fc.Arbitrary<Wait[]> = fc.array(fc.constantFrom("nothing", "dispatched", "ended"), {
  minLength: ROUNDS,
  maxLength: ROUNDS,
});

let generation = 0;

test(
  `${HISTORIES} histories end with the collection as the bucket is`,
  async () => {
    const together = fc.array(history, { minLength: TOGETHER, maxLength: TOGETHER });
    await fc.assert(
      fc.asyncProperty(together, waits, async (histories, between) => {
        const run = generation++;
        const keys = histories.map((_, n) => `model/${run}/${n}.bin`);
        await play(run, keys, histories, between);
        const inD1 = await held("mirrored", keys);
        const inR2 = await held("mirrored_lake", keys);
        // Only the histories that went wrong: a trace that can be read.
        const wrong = histories.flatMap((one, n) => {
          const expected = modelOf(keys[n] as string, one);
          const is = { expected, inD1: inD1[n], inR2: inR2[n] };
          return inD1[n] === expected && inR2[n] === expected ? [] : [{ history: one, between, ...is }];
        });
        expect(wrong).toEqual([]);
      }),
      { numRuns: Math.ceil(HISTORIES / TOGETHER), endOnFailure: process.env.CI === "true", verbose: 1 },
    );
  },
  Math.max(400_000, HISTORIES * 1_000),
);

/** What the bucket alone says: the last write counts, and nothing of how it was told. */
function modelOf(key: string, one: History): string | null {
  const last = one.findLastIndex(({ op }) => op !== "none");
  const write = one[last];
  return write?.op === "put" && write.keep === "yes" ? bodyOf(key, last) : null;
}
const bodyOf = (key: string, round: number) => `${key} written ${round}`;

/** Plays histories side by side, a round of writes at a time, and tells of each when its time has come. */
async function play(run: number, keys: string[], histories: History[], between: Wait[]): Promise<void> {
  const due: { round: number; tell: () => Promise<void> }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    await Promise.all(
      histories.map(async (one, n) => {
        const { op, keep, fails, by, copies, delay, lost } = one[round] as Step;
        if (op === "none") return;
        const key = keys[n] as string;
        const object =
          op === "put"
            ? await weir.put("test-media", key, bodyOf(key, round), { keep, fails: String(fails) })
            : await weir.remove("test-media", key);
        const isLast = one.findLastIndex((later) => later.op !== "none") === round;
        if (lost && !isLast) return;
        const tell = async () => {
          for (let copy = 0; copy < copies; copy++)
            await (by === "r2" ? weir.notifyR2(object) : signed(object));
        };
        due.push({ round: Math.min(round + delay, ROUNDS - 1), tell });
      }),
    );
    await Promise.all(due.filter((one) => one.round === round).map(({ tell }) => tell()));
    const wait = round === ROUNDS - 1 ? "ended" : between[round];
    if (wait !== "nothing") await dispatched(`model/${run}/${round}`);
    if (wait === "ended") await ended();
  }
}

async function signed(object: Parameters<Weir["s3Records"]>[0]): Promise<void> {
  const response = await weir.deliver("conn_media", weir.s3Records(object));
  if (response.status !== 202) throw new Error(`a delivery was answered ${response.status}`);
}

/** Waits until what was told so far is recorded and handed over: a marker told after it has been. */
async function dispatched(name: string): Promise<void> {
  const marker = (by: string) => {
    const eventTime = new Date().toISOString();
    return { bucket: "test-media", key: `${name}.${by}.marker`, size: 1, eTag: `${name} ${by}`, eventTime };
  };
  await weir.notifyR2(marker("r2"));
  await signed(marker("s3"));
  for (const by of ["r2", "s3"]) {
    await weir.until(
      () => weir.read<{ data: unknown[] }>(`/v1/events?key=${encodeURIComponent(marker(by).key)}`),
      ({ data }) => data.length === 1,
      120_000,
    );
  }
}

/** Waits until every run has ended. */
async function ended(): Promise<void> {
  for (const status of ["pending", "queued", "running", "failed"]) {
    await weir.until(
      () => weir.read<{ data: { alias: string; id: string }[] }>(`/v1/runs?status=${status}&limit=200`),
      ({ data }) => data.length === 0,
      120_000,
    );
  }
}

/** What a collection holds of each key: its one body, or null. Stops at anything else. */
async function held(collection: string, keys: string[]): Promise<(string | null)[]> {
  return Promise.all(
    keys.map(async (key) => {
      const items = await weir.items(collection, key);
      if (items.length > 1) throw new Error(`${key} has ${items.length} items`);
      return (items[0]?.data.body as string | undefined) ?? null;
    }),
  );
}
