// Refusals on record, against real D1: counted, bounded, and gathered between writes.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  MAX_MINUTE_ROWS,
  type Refusal,
  recordRefused,
  refusalCounter,
} from "../../src/store/ledger/rejections.ts";
import { openStores, type Stores } from "../support/stores.ts";

const NOW = Date.parse("2026-11-23T12:00:00.000Z");
let stores: Stores;
beforeAll(async () => {
  stores = await openStores();
}, 60_000);
afterAll(() => stores?.close());

const refused = (connection: string, detail: string, more: Partial<Refusal> = {}): Refusal => ({
  connection,
  scheme: "bearer",
  failure: { kind: "unproven", detail },
  at: NOW,
  ...more,
});
const rowsOf = async (connection: string) => {
  const sql = "SELECT count, raw, failure, at FROM rejections WHERE connection = ?1 ORDER BY id";
  const { results } = await stores.ledger
    .prepare(sql)
    .bind(connection)
    .all<{ count: number; raw: string | null; failure: string; at: number }>();
  return results;
};
const sum = (rows: { count: number }[]) => rows.reduce((all, { count }) => all + count, 0);

describe("refusals on record", () => {
  test("of one cause in one minute are one row with a count; of the next minute, another", async () => {
    const at = [NOW, NOW + 1, NOW + 59_999, NOW + 60_000];
    for (const one of at) await recordRefused(stores.ledger, [refused("counted", "no", { at: one })]);
    expect(await rowsOf("counted")).toMatchObject([{ count: 3, at: NOW + 59_999 }, { count: 1 }]);
  });

  test("of a thousand causes in one minute are bounded rows, and none goes uncounted", async () => {
    for (let n = 0; n < 1000; n += 250) {
      const causes = Array.from({ length: 250 }, (_, m) => refused("many", `cause ${n + m}`));
      await recordRefused(stores.ledger, causes);
    }
    await recordRefused(stores.ledger, [refused("many", "cause 3")]);
    const rows = await rowsOf("many");
    expect(rows).toHaveLength(MAX_MINUTE_ROWS + 1);
    expect(sum(rows)).toBe(1001);
    expect(rows[3]?.count).toBe(2);
    expect(rows.at(-1)?.failure).toContain("Further refusals");
  });

  test("that keep their record are bounded too: the first are kept, the rest counted", async () => {
    const bad = Array.from({ length: 250 }, (_, n) => refused("kept", "not an event", { raw: `{"n":${n}}` }));
    await recordRefused(stores.ledger, bad);
    const rows = await rowsOf("kept");
    expect(rows.filter(({ raw }) => raw !== null)).toHaveLength(MAX_MINUTE_ROWS);
    expect(sum(rows)).toBe(250);
  });

  test("repeat no more of what was sent than anybody reads", async () => {
    const failure = { kind: "malformed", detail: "d".repeat(2_000_000), where: "w".repeat(90_000) } as const;
    await recordRefused(stores.ledger, [{ ...refused("long", ""), failure }]);
    expect((await rowsOf("long"))[0]?.failure.length).toBeLessThan(2_500);
    const counter = refusalCounter(async () => undefined);
    const written: Refusal[] = [];
    await counter.add({ ...refused("long", ""), failure }, async (rows) => void written.push(...rows));
    expect(JSON.stringify(written).length).toBeLessThan(2_500);
  });

  test("of one connection do not crowd out another's", async () => {
    await recordRefused(stores.ledger, [refused("another", "no")]);
    expect(await rowsOf("another")).toMatchObject([{ count: 1 }]);
  });
});

describe("an isolate's counter", () => {
  /** Time that passes only while the counter pauses. */
  function isolate() {
    let now = NOW;
    const counter = refusalCounter(
      async (ms) => {
        now += ms;
      },
      () => now,
    );
    const writes: Refusal[][] = [];
    const write = async (rows: Refusal[]) => void writes.push(rows);
    return { counter, writes, write };
  }

  test("makes a flood of 500 two writes of one row, with the true count", async () => {
    const { counter, writes, write } = isolate();
    const works = Array.from({ length: 500 }, () => counter.add(refused("c", "no"), write));
    await Promise.all(works);
    expect(works.filter(Boolean)).toHaveLength(1);
    expect(writes.length).toBeLessThanOrEqual(2);
    expect(sum(writes.flat() as { count: number }[])).toBe(500);
  });

  test("holds a bounded number of causes at once", async () => {
    const { counter, writes, write } = isolate();
    await Promise.all(Array.from({ length: 5000 }, (_, n) => counter.add(refused("c", `cause ${n}`), write)));
    expect(Math.max(...writes.map((rows) => rows.length))).toBeLessThanOrEqual(MAX_MINUTE_ROWS + 1);
    expect(sum(writes.flat() as { count: number }[])).toBe(5000);
  });

  test("writes a few at once, and a flood three times a minute, however long it lasts", async () => {
    let now = NOW;
    const times: number[] = [];
    let count = 0;
    const waking: { at: number; wake: () => void }[] = [];
    const counter = refusalCounter(
      (ms) => new Promise((wake) => waking.push({ at: now + ms, wake })),
      () => now,
    );
    const write = async (rows: Refusal[]) => {
      times.push(now);
      count += sum(rows as { count: number }[]);
    };
    // A hundred a second for ten minutes.
    for (let n = 0; n < 60_000; n++, now += 10) {
      void counter.add(refused("flood", `cause ${n % 3}`), write);
      for (const due of waking.filter(({ at }) => at <= now)) {
        waking.splice(waking.indexOf(due), 1);
        due.wake();
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    expect(times.length).toBeLessThanOrEqual(5 + 10 * 3 + 1);
    expect(times.filter((at) => at < NOW + 3_000).length).toBeGreaterThanOrEqual(4);
    // What is not written yet are the last 20 seconds at most.
    expect(count).toBeGreaterThan(60_000 - 2_100);
  });

  test("goes on after a write that failed, or whose request was cut off", async () => {
    const { counter, writes, write } = isolate();
    const failing = counter.add(refused("c", "no"), () => Promise.reject(new Error("D1 is down")));
    await expect(failing).rejects.toThrow("D1 is down");
    await counter.add(refused("c", "no"), write);
    expect(writes).toHaveLength(1);
  });
});
