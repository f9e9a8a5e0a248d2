// `weir trigger` and `weir connect` against all of Weir: every sender is taken, an altered byte is not, what
// is read is what was named, and refusals are on record however many there are.
import { execFile, spawnSync } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { clientOf, type Rejection } from "../../cli/operate/client.ts";
import { firstEvent } from "../../cli/senders/connect.ts";
import { send } from "../../cli/senders/deliver.ts";
import { KIND_NAMES, type KindName } from "../../cli/senders/kinds.ts";
import { signStandardWebhook } from "../../cli/senders/sign.ts";
import { requestFor, type TriggerFlags } from "../../cli/senders/trigger.ts";
import { commandsFor } from "../../src/receive/setup/recipes.ts";
import { cephRecord, eventBridgeEvent, records, s3Record } from "../receive/records.ts";
import { asSvix } from "../receive/schemes.ts";
import { AWKWARD_KEYS } from "../support/keys.ts";
import { API_KEY, startWeir, type Weir } from "../support/weir.ts";

let weir: Weir;
beforeAll(async () => {
  weir = await startWeir();
}, 120_000);
afterAll(() => weir?.close());

const request = (kind: KindName, flags: Partial<TriggerFlags> = {}) =>
  requestFor({ url: weir.base, connections: weir.connections, secrets: weir.secrets }, kind, {
    event: "created",
    ...(kind === "r2" ? {} : { connection: "conn_peer" }),
    ...flags,
  });
/** Said, so that the store is not asked. */
const EMPTY = { size: 1, etag: "e" };
const told = async (kind: KindName, flags: Partial<TriggerFlags> = {}) => {
  const { url, signed } = await request(kind, flags);
  return send(url, signed);
};
const rejections = async (connection: string) =>
  (await weir.read<{ data: Rejection[] }>(`/v1/rejections?connection=${connection}`)).data;
const sum = (rows: Rejection[]) => rows.reduce((all, { count }) => all + count, 0);

/** Told by SNS or a forwarder, it is S3 that speaks. */
const SENDER_OF: Partial<Record<KindName, string>> = {
  sns: "s3",
  "standard-webhooks": "s3",
  sigv4: "s3",
};
const signed = KIND_NAMES.filter((kind) => kind !== "r2");

describe("weir trigger, as", () => {
  const bucketOf = (kind: KindName) => (kind === "r2" ? "test-media" : "test-peer");
  const keyOf = (kind: KindName) => `awkward/${kind}.txt`;
  const answers = new Map<KindName, unknown>();
  beforeAll(async () => {
    const all = KIND_NAMES.map(async (kind) => {
      await weir.put(bucketOf(kind), keyOf(kind), `told by ${kind}`);
      answers.set(kind, await told(kind, { object: `${bucketOf(kind)}/${keyOf(kind)}` }));
    });
    await Promise.all(all);
  });

  test.each(KIND_NAMES)("%s: an object that is there is told, read and kept", async (kind) => {
    const key = keyOf(kind);
    expect(answers.get(kind)).toMatchObject({ status: kind === "tigris" ? 200 : 202 });
    const runs = await weir.settled(key, 1);
    expect(runs.filter(({ status }) => status !== "succeeded")).toEqual([]);
    const { data } = await weir.read<{ data: { sender: string; size?: number }[] }>(`/v1/events?key=${key}`);
    expect(data).toMatchObject([{ sender: SENDER_OF[kind] ?? kind, size: `told by ${kind}`.length }]);
    const items = await weir.items(kind === "r2" ? "read-r2" : "read", key);
    expect(items).toMatchObject([{ data: { key, text: `told by ${kind}` } }]);
  });

  test.each(signed)("%s: with one signed byte altered it is refused", async (kind) => {
    const answer = await told(kind, { object: "test-peer/altered.txt", ...EMPTY, tamper: true });
    expect(answer).toMatchObject({ status: 401 });
    const shown = JSON.stringify(answer);
    for (const value of Object.values(weir.secrets)) expect(shown).not.toContain(value);
  });

  test("any of them: a refusal is on record by its scheme", async () => {
    const schemes = await Promise.all(signed.map(async (kind) => (await request(kind, EMPTY)).scheme.scheme));
    await weir.until(
      () => rejections("conn_peer"),
      (rows) => schemes.every((scheme) => rows.some((row) => row.scheme === scheme)),
    );
  });

  test("any of them: a removed object's items go", async () => {
    const removed = signed.map(async (kind) => {
      const key = keyOf(kind);
      await weir.remove("test-peer", key);
      await told(kind, { object: `test-peer/${key}`, event: "removed" });
      await weir.until(
        () => weir.items("read", key),
        (items) => items.length === 0,
      );
    });
    await Promise.all(removed);
  });
});

describe("the object that is read is the object that was named, by", () => {
  /** What the readers kept, by the keys' descriptions. */
  async function read(collection: string, keys: Record<string, string>): Promise<Record<string, unknown>> {
    const all = Object.entries(keys).map(async ([name, key]) => {
      const items = await weir.until(
        () => weir.items(collection, key),
        (found) => found.length > 0,
      );
      return [name, items[0]?.data];
    });
    return Object.fromEntries(await Promise.all(all));
  }
  const expected = (keys: Record<string, string>) =>
    Object.fromEntries(
      Object.entries(keys).map(([name, key]) => [
        name,
        expect.objectContaining({ key, text: `this is ${name}` }),
      ]),
    );

  test("each sender over HTTP in turn, from an S3 store", async () => {
    // These two the local S3 endpoint does not serve; test/peers/ceph.test.ts reads them from a real one.
    const unserved = (key: string) => key.includes("\n") || /(^|\/)\.{1,2}\//.test(key);
    const keys = Object.fromEntries(Object.entries(AWKWARD_KEYS).filter(([, key]) => !unserved(key)));
    for (const [n, [name, key]] of Object.entries(keys).entries()) {
      await weir.put("test-peer", key, `this is ${name}`);
      const kind = signed[n % signed.length] ?? "sns";
      expect((await told(kind, { object: `test-peer/${key}` })).status).toBe(kind === "tigris" ? 200 : 202);
    }
    expect(await read("read", keys)).toEqual(expected(keys));
  });

  test("R2's queue, from R2", async () => {
    const keys: Record<string, string> = {};
    for (const [name, key] of Object.entries(AWKWARD_KEYS)) keys[name] = `awkward/${key}`;
    keys["1,024 bytes"] = `awkward/${"x".repeat(1016)}`;
    const bindings = await weir.harness.getWorker<{ R2_TEST_MEDIA: R2Like }>("weir").getEnv();
    for (const [name, key] of Object.entries(keys)) {
      await bindings.R2_TEST_MEDIA.put(key, `this is ${name}`);
      const object = { object: `test-media/${key}`, size: 1, etag: "e" };
      expect(await told("r2", object)).toMatchObject({ status: 202 });
    }
    expect(await read("read-r2", keys)).toEqual(expected(keys));
  });
});

describe("a sender of its own manner", () => {
  const door = "/v1/connections/conn_peer/events";
  const json = { "content-type": "application/json" };
  const bearer = () => ({ ...json, authorization: `Bearer ${weir.secrets.CONN_PEER_TOKEN}` });
  const post = (body: string, headers: Record<string, string>) =>
    weir.fetch(door, { method: "POST", headers, body });

  test("Svix, by its own headers, is one event however often it sends", async () => {
    const key = "manner/svix.txt";
    await weir.put("test-peer", key, "told by Svix");
    const body = records(s3Record({ key, bucket: "test-peer" }));
    const secret = weir.secrets.CONN_PEER_HOOK ?? "";
    for (const _ of [1, 2]) {
      const signed = signStandardWebhook({
        secret,
        id: "msg_1",
        timestamp: Math.floor(Date.now() / 1000),
        body,
      });
      expect((await post(body, { ...json, ...asSvix(signed) })).status).toBe(202);
    }
    expect(await weir.settled(key, 1)).toMatchObject([{ status: "succeeded" }]);
    expect(await weir.items("read", key)).toMatchObject([{ data: { text: "told by Svix" } }]);
  });

  test("Ceph in a multisite zone: what was synced is read, and goes when its removal is synced", async () => {
    const key = "manner/synced.txt";
    await weir.put("test-peer", key, "from another zone");
    const record = (eventName: string) => {
      const event = { ...cephRecord(key), eventName };
      return { ...event, s3: { ...event.s3, bucket: { name: "test-peer" } } };
    };
    expect((await post(records(record("ObjectSynced:Create")), bearer())).status).toBe(202);
    const readerHas = (count: number) =>
      weir.until(
        () => weir.items("read", key),
        (items) => items.length === count,
      );
    expect(await readerHas(1)).toMatchObject([{ data: { text: "from another zone" } }]);
    await weir.remove("test-peer", key);
    await post(records(record("ObjectSynced:Delete")), bearer());
    await readerHas(0);
  });

  test("a bare detail is refused in words, and no opaque data is on record", async () => {
    const { detail } = eventBridgeEvent();
    const refused = await post(JSON.stringify(detail), bearer());
    expect(refused.status).toBe(422);
    expect(await refused.json()).toMatchObject({
      detail: expect.stringContaining("bare detail"),
      next: expect.stringContaining("InputTransformer"),
    });
    const record = { ...cephRecord("manner/opaque.txt"), opaqueData: "never-to-be-seen", s3: null };
    expect((await post(records(record), bearer())).status).toBe(202);
    const rows = await weir.until(
      () => rejections("conn_peer"),
      (found) => found.some((row) => JSON.stringify(row).includes("opaqueData")),
    );
    expect(JSON.stringify(rows)).not.toContain("never-to-be-seen");
  });
});

describe("refusals", () => {
  test("of a flood are few rows with the right count, and name scheme, cause and time", async () => {
    const before = sum(await rejections("conn_peer"));
    const flood = async () => {
      for (let n = 0; n < 50; n++) {
        const { url, signed } = await request("minio", { ...EMPTY, tamper: true });
        expect((await send(url, signed)).status).toBe(401);
      }
    };
    await Promise.all(Array.from({ length: 10 }, flood));
    const rows = await weir.until(
      () => rejections("conn_peer"),
      (found) => sum(found) === before + 500,
    );
    const flooded = rows.filter(
      ({ scheme, failure }) => scheme === "bearer" && failure.detail === "The bearer token is not accepted.",
    );
    expect(sum(flooded)).toBeGreaterThanOrEqual(500);
    // One a minute, and it may have changed meanwhile.
    expect(flooded.length).toBeLessThanOrEqual(3);
    expect(flooded[0]).toMatchObject({
      scheme: "bearer",
      failure: { kind: "unproven", detail: "The bearer token is not accepted." },
      at: expect.stringMatching(/^\d{4}-/),
    });
    expect(JSON.stringify(rows)).not.toContain(weir.secrets.CONN_PEER_TOKEN?.slice(8));
  });

  test("of a chunked body of 10 MB come at the cap, with no effect", async () => {
    let pulled = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled += 65_536;
        if (pulled > 10_000_000) controller.close();
        else controller.enqueue(new Uint8Array(65_536).fill(32));
      },
    });
    const headers = {
      "content-type": "application/json",
      authorization: `Bearer ${weir.secrets.CONN_PEER_TOKEN}`,
    };
    const response = await weir
      .fetch("/v1/connections/conn_peer/events", { method: "POST", headers, body, duplex: "half" })
      // A peer that is cut off while it still sends may see the connection end before the answer.
      .catch(() => undefined);
    if (response) expect(response.status).toBe(413);
    const isThere = (rows: Rejection[]) => rows.some(({ failure }) => failure.kind === "too_large");
    await weir.until(() => rejections("conn_peer"), isThere);
  });

  test.each(["__proto__", "constructor", "nobody"])("at %s, which is no connection, are 404", async (id) => {
    for (const method of ["POST", "OPTIONS"]) {
      const response = await weir.fetch(`/v1/connections/${id}/events`, {
        method,
        headers: { "content-type": "application/json", "webhook-request-origin": "sender.test" },
        ...(method === "POST" && { body: "{}" }),
      });
      expect(response.status).toBe(404);
    }
    await weir.until(
      () => rejections("(unknown)"),
      (rows) => sum(rows) > 0 && rows.length <= 2,
    );
  });
});

describe("what weir connect prints for a forwarder of one's own", () => {
  const runs = (program: string) => spawnSync("bash", ["-c", `command -v ${program}`]).status === 0;
  const missing = ["curl", "openssl", "sha256sum"].filter((program) => !runs(program));
  if (missing.length > 0) console.warn(`skipped: running the printed commands: no ${missing.join(", no ")}`);

  test.skipIf(missing.length > 0).each([
    ["standard-webhooks", "standard-webhooks"],
    ["sigv4", "sigv4"],
    ["cloudevents", "bearer"],
    ["cloudevents", "basic"],
  ] as const)("%s by %s: run as it is, it delivers the first event", async (kind, way) => {
    const connection = weir.connections.conn_peer;
    const events = connection && "events" in connection ? connection.events : [];
    const scheme = events.find((it) => it.scheme === way);
    if (!scheme) throw new Error(`conn_peer has no ${way}`);
    const door = `${weir.base}/v1/connections/conn_peer/events`;
    const commands = commandsFor(kind, { door, bucket: "test-peer", region: "", endpoint: "", scheme }) ?? "";
    const { stdout } = await promisify(execFile)("bash", ["-c", commands], {
      env: { ...process.env, ...weir.secrets },
    });
    expect(JSON.parse(stdout)).toMatchObject({ events: [{ key: "clips/a.mp4" }], quarantined: 0 });
  });
});

test("weir connect shows each refusal, then the first event", async () => {
  const seen: Rejection[] = [];
  const looked = Promise.withResolvers<void>();
  const waiting = firstEvent(clientOf(weir.base, API_KEY), "conn_peer", {
    again: () => {
      // What was there before is not news: only what comes once it has looked.
      looked.resolve();
      return pause(50, true);
    },
    onRefusal: (rejection) => seen.push(rejection),
  });
  await looked.promise;
  await told("b2", { object: "test-peer/first.txt", ...EMPTY, tamper: true });
  // Refusals of the tests before may be written down only now.
  const own = () =>
    seen.filter(({ connection, scheme }) => connection === "conn_peer" && scheme === "backblaze");
  await weir.until(
    async () => own(),
    (all) => all.length > 0,
  );
  await told("b2", { object: "test-peer/first.txt", ...EMPTY });
  expect(await waiting).toMatchObject({ sender: "b2", key: "first.txt" });
  for (const { failure } of own()) expect(failure.kind).toBe("unproven");
});

interface R2Like {
  put(key: string, body: string): Promise<unknown>;
}
