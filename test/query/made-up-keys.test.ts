// API keys that somebody makes up, in the form of real ones: each is looked up once, and no address has many looked up.
import { beforeEach, expect, test } from "vitest";
import { openEnv } from "../../src/env.ts";
import { authenticate, forgetKeys, KEY_CACHE_MS } from "../../src/http/gate/authenticate.ts";
import { mintKey } from "../../src/http/gate/key-format.ts";

const NOW = Date.parse("2026-11-23T12:00:00.000Z");
let reads = 0;
let limited: Map<string, number>;
beforeEach(() => {
  forgetKeys();
  reads = 0;
  limited = new Map();
});

/** A ledger that has no key, and Cloudflare's limit of 60 for an address, at its edge. */
const env = () => {
  const statement = {
    bind: () => statement,
    first: async () => {
      reads++;
      return null;
    },
  };
  const limit = async ({ key }: { key: string }) => {
    limited.set(key, (limited.get(key) ?? 0) + 1);
    return { success: (limited.get(key) ?? 0) <= 60 };
  };
  return openEnv({ LEDGER: { prepare: () => statement }, KEY_LOOKUPS: { limit }, WEIR_API_KEY: "root" });
};
const ask = (key: string, address = "192.0.2.1", at = NOW) =>
  authenticate({ authorization: `Bearer ${key}`, address }, env(), at, () => {});

test("the same one is looked up once in half a minute", async () => {
  const key = mintKey();
  for (let n = 0; n < 50; n++)
    expect(await ask(key)).toMatchObject({ is: "unknown", failure: { kind: "unproven" } });
  expect(reads).toBe(1);
  await ask(key, "192.0.2.1", NOW + KEY_CACHE_MS);
  expect(reads).toBe(2);
});

test("a thousand of one address are looked up sixty times, and then sent away with 429", async () => {
  const kinds = new Map<string, number>();
  for (let n = 0; n < 1_000; n++) {
    const found = await ask(mintKey());
    if (found.is !== "unknown") throw new Error("known");
    kinds.set(found.failure.kind, (kinds.get(found.failure.kind) ?? 0) + 1);
  }
  expect(Object.fromEntries(kinds)).toEqual({ unproven: 60, too_many_requests: 940 });
  expect(reads).toBe(60);
  // Another address is not held to account for it.
  expect(await ask(mintKey(), "192.0.2.2")).toMatchObject({ failure: { kind: "unproven" } });
});

test("the root key is compared, and costs neither", async () => {
  expect(await ask("root")).toMatchObject({ is: "known" });
  expect({ reads, limits: limited.size }).toEqual({ reads: 0, limits: 0 });
});
