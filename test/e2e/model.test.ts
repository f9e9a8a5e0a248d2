// The model test. Random histories of objects that are put, overwritten, copied and deleted, told by two senders
// in any order, repeatedly, late, or never but for the last; two pipelines, one by binding into D1, one by queue
// into R2; handlers that throw, reads and writes that fail. Through the real Workers, and compared with a model
// that looks at the bucket at the end and at nothing else.
// `npm run model` plays more of them; WEIR_SEED plays the same again, WEIR_HISTORIES says how many.
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { changesOf, type History, history, simpler, storyOf, type Wait, waits } from "../model/history.ts";
import { openModel, type Played } from "../model/play.ts";
import { startWeir, type Weir } from "../support/weir.ts";

const HISTORIES = Number(process.env.WEIR_HISTORIES ?? 320);
const SEED = Number(process.env.WEIR_SEED ?? Date.now() % 1_000_000);
/** Histories that are played at the same time: queues deliver by the second, so one after another is slow. */
const TOGETHER = 107;
/** Whether a race is lost is chance: each simpler history is tried this often, side by side, and so many of them. */
const TRIES = 4;
const CANDIDATES = 20;
const SHRINK_MS = 120_000;

let weir: Weir;
beforeAll(async () => {
  weir = await startWeir();
}, 120_000);
afterAll(() => weir?.close());

test(
  `${HISTORIES} histories end with the collections as the bucket is`,
  async () => {
    console.log(`WEIR_SEED=${SEED} WEIR_HISTORIES=${HISTORIES}`);
    const model = await openModel(weir);
    const histories = fc.sample(history, { seed: SEED, numRuns: HISTORIES });
    const between = fc.sample(waits, { seed: SEED, numRuns: Math.ceil(HISTORIES / TOGETHER) });
    const count = { changes: 0, kept: 0, gone: 0 };
    for (const [group, wait] of between.entries()) {
      const played = await model.play(histories.slice(group * TOGETHER, (group + 1) * TOGETHER), wait);
      const wrong = played.filter(({ agrees }) => !agrees).sort((a, b) => sizeOf(a) - sizeOf(b))[0];
      if (wrong) {
        const found = `history ${group * TOGETHER + played.indexOf(wrong)} of WEIR_SEED=${SEED}`;
        throw new Error(`${found}\n${await smallest(wrong, wait, model)}`);
      }
      count.changes += played.reduce((sum, one) => sum + changesOf(one.history).length, 0);
      const ends = played.flatMap((one) => one.ends);
      count.kept += ends.filter(({ bucket }) => bucket !== null).length;
      count.gone += ends.filter(({ bucket }) => bucket === null).length;
    }
    const { events, runs, tried_again } = await model.tally();
    console.log(
      `${HISTORIES} histories, ${count.changes} changes: ${events} events, ${runs} runs, ${tried_again} of them tried again; ` +
        `${count.kept} objects end with items, ${count.gone} without`,
    );
    // A test of nothing would agree too.
    expect(Math.min(count.kept, count.gone, tried_again)).toBeGreaterThan(HISTORIES / 20);
  },
  Math.max(400_000, HISTORIES * 1_500),
);

const sizeOf = (one: Played) => changesOf(one.history).length;

type Model = Awaited<ReturnType<typeof openModel>>;

/** Makes a history that went wrong as small as it gets while it still does, and tells it. */
async function smallest(found: Played, between: Wait[], model: Model): Promise<string> {
  console.log(`one went wrong, and is made smaller:\n${await told(found, between, model)}`);
  let smallest = found;
  let waiting = between;
  const tryAll = async (candidates: History[], wait: Wait[]) => {
    const tries = candidates.slice(0, CANDIDATES).flatMap((one) => Array<History>(TRIES).fill(one));
    return (await model.play(tries, wait)).find(({ agrees }) => !agrees);
  };
  for (const until = Date.now() + SHRINK_MS; Date.now() < until; ) {
    const next = await tryAll(simpler(smallest.history), waiting);
    if (!next) break;
    smallest = next;
  }
  // One thing after another is read most easily, everything at once next.
  for (const plain of ["ended", "nothing"] as const) {
    const wait = waiting.map(() => plain);
    const again = await tryAll([smallest.history], wait);
    if (!again) continue;
    smallest = again;
    waiting = wait;
    break;
  }
  return `shrunk from ${sizeOf(found)} changes to ${sizeOf(smallest)}:\n${await told(smallest, waiting, model)}`;
}

/** A history with what it came to, and what the ledger has of it. */
async function told({ history, ends, name }: Played, between: Wait[], model: Model): Promise<string> {
  const text = (value: string | null) => value ?? "nothing";
  return [
    storyOf(history, between),
    "",
    ...ends.flatMap(({ key, bucket, ...held }) => [
      `  ${key}, by the bucket: ${text(bucket)}`,
      ...Object.entries(held).map(
        ([place, is]) => `     in ${place}: ${text(is)}${is === bucket ? "" : "   ← wrong"}`,
      ),
    ]),
    "\nas the ledger has it:",
    await model.ledgerOf(name),
  ].join("\n");
}
