// Every call that an event makes over a binding, from its sender to the ledger, goes wrong once in every way
// that calls go wrong; then everything is let come to rest. Each time the collections and the ledger end as
// they do without a fault, and the indexes as their collections. In workerd, over real D1 and R2 (workerd/world.ts).
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestHarness } from "wrangler";
import { type Asked, type Fault, KINDS, type Move, type Played } from "./shapes.ts";

const configPath = fileURLToPath(new URL("workerd/wrangler.json", import.meta.url));
const harness = createTestHarness({ workers: [{ configPath }] });
beforeAll(async () => {
  await harness.listen();
  await harness.getWorker("weir-delivery").applyD1Migrations("LEDGER");
  await harness.getWorker("weir-delivery").applyD1Migrations("D1_ITEMS");
}, 120_000);
afterAll(() => harness.close());

async function play(asked: Asked): Promise<Played> {
  const body = JSON.stringify(asked);
  const response = await harness.fetch("http://delivery.test/", { method: "POST", body });
  if (!response.ok) throw new Error(`${JSON.stringify(asked)}: ${await response.text()}`);
  return (await response.json()) as Played;
}

/** Faults after which a story ends otherwise than without one. */
async function differing(asked: Asked, faults: Fault[], expected: Played["ending"]) {
  const wrong: { fault: Fault; ending: unknown }[] = [];
  let struck = 0;
  for (const fault of faults) {
    const played = await play({ ...asked, fault }).catch((error: Error) => ({
      ending: error.message,
      struck: true,
    }));
    if (played.struck) struck++;
    if (JSON.stringify(played.ending) !== JSON.stringify(expected))
      wrong.push({ fault, ending: played.ending });
  }
  return { wrong, struck };
}
/**
 * Each call fails before or after its work in turn, and each third is late, slow or doubled besides; `WEIR_FAULTS=all`:
 * each is all, which takes four times as long.
 */
function faultsOf(calls: string[]): Fault[] {
  const [before, after, ...others] = KINDS;
  return [...new Set(calls)].flatMap((call, n) => {
    const fails = n % 2 === 0 ? before : after;
    const disturbed = n % 3 === 0 ? (others[(n / 3) % others.length] ?? before) : undefined;
    const kinds = process.env.WEIR_FAULTS === "all" ? KINDS : [fails, ...(disturbed ? [disturbed] : [])];
    return kinds.map((kind) => ({ call, kind }));
  });
}

// A missing fence does not show here: a run looks once more after it has stored, so one fault alone is made good.
// That an older look never overwrites a newer one is held by test/store/collections.test.ts.
test("what is held to here would be missed: without the alarm, or without the sweep of indexes, a story ends otherwise", async () => {
  const story = "objects are overwritten, deleted and made unwanted";
  const { ending } = await play({ story });
  const unsent: Fault[] = [{ call: "QUEUE of far.sendBatch #1", kind: "before" }];
  expect((await differing({ story, without: "alarm" }, unsent, ending)).wrong).toHaveLength(1);
  const unbrought: Fault[] = [{ call: "SEARCH.replace #1", kind: "before" }];
  expect((await differing({ story, without: "sweep" }, unbrought, ending)).wrong).toHaveLength(1);
});

test.each([
  "an object is created, and two senders tell of it",
  "objects are overwritten, deleted and made unwanted",
  "a poison object ends dead, is mended, and redriven twice",
  "pipelines are invoked, now and later",
  "what was in the bucket is replayed",
])(
  "%s: whatever call goes wrong, it ends the same",
  async (story) => {
    const { ending, calls } = await play({ story });
    expect(ending.held.length).toBeGreaterThan(0);
    expect(ending).toMatchObject({ dead: 0, lost: [], differing: [] });
    const faults = faultsOf(calls);
    const { wrong, struck } = await differing({ story }, faults, ending);
    expect(wrong).toEqual([]);
    // How many calls there are depends a little on what coincides.
    expect(struck).toBeGreaterThan(0.9 * faults.length);
  },
  900_000,
);

test("every state of every run in all of this has its cause on record, and what is over stays so", async () => {
  const moves = (await (await harness.fetch("http://delivery.test/")).json()) as Move[];
  expect(moves.filter(({ uncaused }) => uncaused > 0)).toEqual([]);
  const FINAL = ["succeeded", "skipped", "cancelled", "dead"];
  const reopened = moves
    // A job that is delivered twice may succeed twice: it stays so.
    .filter(({ before, after }) => FINAL.includes(before ?? "") && before !== after)
    .map(({ before, after }) => `${before} → ${after}`);
  // Only a person opens a run again, by redriving it.
  expect(reopened).toEqual(["dead → queued"]);
  const seen = moves.map(({ before, after }) => `${before ?? "nothing"} → ${after}`);
  for (const usual of [
    "nothing → queued",
    "queued → succeeded",
    "queued → failed",
    "failed → succeeded",
    "failed → dead",
  ])
    expect(seen).toContain(usual);
});
