// The client of the Cloudflare API against the stand-in: how many calls at once and in five minutes, what becomes of
// 429, of lists in pages, of a right that is missing. Time is a number here.
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { openCloudflare } from "../../cli/deploy/cloudflare.ts";
import { paceOf } from "../../cli/deploy/pace.ts";
import { runStep } from "../../cli/deploy/run-step.ts";
import { createQueue } from "../../cli/deploy/step.ts";
import type { Wrangler, WranglerOutcome } from "../../cli/deploy/wrangler.ts";
import { type StandIn, standIn, TOKEN } from "./stand-in.ts";

let cloudflare: StandIn;
beforeEach(async () => {
  cloudflare = await standIn();
});
afterEach(() => cloudflare.close());

const env = (token = TOKEN) => ({
  CLOUDFLARE_API_BASE_URL: cloudflare.url,
  CLOUDFLARE_API_TOKEN: token,
  CLOUDFLARE_ACCOUNT_ID: "acc",
});
/** A pace whose waits pass at once, with their sum. */
function hurried() {
  let time = 0;
  const waits: number[] = [];
  const pause = async (ms: number) => {
    time += ms;
    waits.push(ms);
  };
  const pace = paceOf(() => {}, { now: () => time, pause });
  return { pace, waits, now: () => time };
}
const named = z.object({ queue_name: z.string() });
const fill = (count: number) => {
  for (let n = 0; n < count; n++) cloudflare.account.queues.set(`q-${n}`, { id: `id-${n}`, consumers: [] });
};

describe("the client", () => {
  test.each([0, 1, 99, 100, 101, 250])("reads all of %i queues, by their total_count", async (count) => {
    fill(count);
    const api = await openCloudflare(env(), ".");
    const found = await api.list("queues", named);
    expect(found).toHaveLength(count);
    expect(new Set(found.map(({ queue_name }) => queue_name)).size).toBe(count);
    expect(cloudflare.calls).toHaveLength(Math.max(1, Math.ceil(count / 100)));
  });

  test("makes at most 8 calls at once", async () => {
    fill(40);
    const api = await openCloudflare(env(), ".");
    await Promise.all(Array.from({ length: 40 }, (_, n) => api.get(`queues/id-${n}`, named)));
    expect(cloudflare.mostAtOnce).toBeLessThanOrEqual(8);
    expect(cloudflare.mostAtOnce).toBeGreaterThan(1);
  });

  test("waits as long as the API asks after a 429, all of its calls do, and it loses none", async () => {
    fill(30);
    cloudflare.limitAfter(10, 1);
    const began = Date.now();
    const api = await openCloudflare(env(), ".");
    const all = await Promise.all(Array.from({ length: 30 }, (_, n) => api.get(`queues/id-${n}`, named)));
    expect(all.filter((it) => it !== undefined)).toHaveLength(30);
    expect(Date.now() - began).toBeGreaterThan(900);
    // Those that were under way when it was said, and none beside them.
    expect(cloudflare.calls.length).toBeLessThanOrEqual(30 + 8);
  });

  test("names itself, the right that is missing, and a token that is none", async () => {
    cloudflare.lacking.add("D1: Edit");
    const api = await openCloudflare(env(), ".");
    await expect(api.list("d1/database", z.any())).rejects.toMatchObject({
      message: expect.stringContaining('lacks the right "D1: Edit"'),
      code: 3,
    });
    const other = await openCloudflare(env("another"), ".");
    await expect(other.list("queues", named)).rejects.toThrow("does not accept the token");
  });
});

describe("the pace", () => {
  test("of 2,500 calls is at most 1,200 in any five minutes", async () => {
    const { pace, now } = hurried();
    const at: number[] = [];
    await Promise.all(Array.from({ length: 2_500 }, () => pace.call(async () => at.push(now()))));
    for (const time of at)
      expect(at.filter((it) => it > time - 300_000 && it <= time).length).toBeLessThanOrEqual(1_200);
    expect(now()).toBe(600_000);
  });

  test("counts what wrangler will call: 500 Workers are not deployed in one window", async () => {
    const { pace, now } = hurried();
    const begun: number[] = [];
    for (let n = 0; n < 500; n++) {
      await pace.reserve(16);
      begun.push(now());
    }
    for (const time of begun)
      expect(16 * begun.filter((it) => it > time - 300_000 && it <= time).length).toBeLessThanOrEqual(1_200);
    // 8,000 calls: seven windows are full before the last.
    expect(now()).toBe(7 * 300_000);
  });
});

describe("a step", () => {
  const wrangler = {} as Wrangler;
  const saying =
    (...all: (string | true)[]) =>
    async (): Promise<WranglerOutcome> => {
      const next = all.shift();
      return next === true ? { ok: true } : { ok: false, said: next ?? "asked too often" };
    };

  test.each([
    "Queue name 'weir-a' is already taken. Please use a different name and try again. [code: 11009]",
    "The bucket you tried to create already exists, and you own it. [code: 10004]",
    "A database with that name already exists",
  ])("that makes what is there is done: %s", async (said) => {
    const { pace } = hurried();
    expect(await runStep(createQueue("weir-a"), wrangler, {}, pace, saying(said))).toEqual({ ok: true });
  });

  test("of a Worker is not done because something else is there", async () => {
    const { pace } = hurried();
    const step = { ...createQueue("weir-a"), kind: "worker" as const };
    expect(await runStep(step, wrangler, {}, pace, saying("already exists"))).toMatchObject({ ok: false });
  });

  test("that the limit has cut off is done again after five minutes", async () => {
    const { pace, now } = hurried();
    const run = saying("A request failed. More than 1200 requests [code: 971]", true);
    expect(await runStep(createQueue("weir-a"), wrangler, {}, pace, run)).toEqual({ ok: true });
    expect(now()).toBe(300_000);
  });

  test("of any queue, dead letters or not, keeps what is in it for 14 days", () => {
    for (const name of ["weir-dead", "weir-a"])
      expect(createQueue(name).args).toEqual([
        "queues",
        "create",
        name,
        "--message-retention-period-secs",
        "1209600",
      ]);
  });
});
