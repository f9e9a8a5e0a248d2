import { describe, expect, test } from "vitest";
import { signSigV4 } from "../../cli/senders/sign.ts";
import { handshakeResponse } from "../../src/receive/handshake.ts";
import { receiveR2 } from "../../src/receive/r2-queue.ts";
import { receiveWebhook } from "../../src/receive/webhook.ts";
import { statusOf } from "../../src/shapes/failure.ts";
import { connections, door, NOW, SECRETS, urlOf } from "./given.ts";
import { b2Event, cephRecord, cloudEvent, r2Message, records, s3Record, tigrisEvent } from "./records.ts";

const authorization = `Bearer ${SECRETS.TOKEN}`;
const trusted = (body: string, headers: Record<string, string> = {}) => ({
  headers: { authorization, ...headers },
  body,
});

describe("the webhook door", () => {
  test("answers with the events' ids after they are durable", async () => {
    const order: string[] = [];
    const { deliver, sent } = door({
      send: async () => {
        await Promise.resolve();
        order.push("durable");
      },
    });
    const result = await deliver(
      "conn_bearer",
      trusted(records(s3Record(), s3Record({ key: "b", sequencer: "B1" }))),
    );
    order.push("answered");
    expect(order).toEqual(["durable", "answered"]);
    expect(sent).toEqual([]);
    expect(result).toEqual({
      ok: true,
      value: {
        events: [
          { id: expect.stringMatching(/^evt_/), bucket: "media", key: "clips/a.mp4" },
          { id: expect.stringMatching(/^evt_/), bucket: "media", key: "b" },
        ],
        quarantined: 0,
      },
    });
  });

  test("lets an event go on without metadata that no message holds: it is looked up where a filter asks", async () => {
    const withMetadata = (name: string, bytes: number) => {
      const record = s3Record({ key: name }) as { eventSource: string; s3: { object: object } };
      const metadata = [{ key: "x-amz-meta-foo", val: "水".repeat(bytes / 3) }];
      return {
        ...record,
        eventSource: "ceph:s3",
        s3: { ...record.s3, object: { ...record.s3.object, metadata } },
      };
    };
    const { deliver, sent } = door();
    const result = await deliver(
      "conn_bearer",
      trusted(
        records(
          withMetadata("small", 3_000),
          withMetadata("large", 97_000),
          s3Record({ key: "k".repeat(900) }),
        ),
      ),
    );
    expect(result).toMatchObject({ ok: true, value: { quarantined: 0 } });
    expect(sent.map(({ key, metadata }) => [key.length, metadata?.foo?.length])).toEqual([
      [5, 1_000],
      [5, undefined],
      [900, undefined],
    ]);
  });

  test("says 503 with a delay when events or quarantined records cannot be made durable", async () => {
    const broken = () => Promise.reject(new Error("queue is down"));
    const unavailable = { failure: { kind: "unavailable", retry_after_seconds: expect.any(Number) } };
    expect(await door({ send: broken }).deliver("conn_bearer", trusted(records(s3Record())))).toMatchObject(
      unavailable,
    );
    const bad = records({ ...s3Record(), eventVersion: "3.0" });
    expect(await door({ quarantine: broken }).deliver("conn_bearer", trusted(bad))).toMatchObject(
      unavailable,
    );
    expect(await door({ quarantine: broken }).deliver("conn_bearer", trusted("{"))).toMatchObject(
      unavailable,
    );
  });

  test.each(["nobody", "__proto__", "constructor", "toString", "conn_d1", "conn_queue", ""])(
    "knows no connection %j, and does not read the body",
    async (id) => {
      const { deps, rejected } = door();
      const request = new Request(urlOf("x"), {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: "{}",
      });
      const result = await receiveWebhook(request, id, deps);
      expect(result).toMatchObject({ failure: { kind: "not_found" } });
      expect(request.bodyUsed).toBe(false);
      expect(rejected).toMatchObject([{ connection: id, failure: { kind: "not_found" } }]);
    },
  );

  test.each([
    "application/json",
    "application/json; charset=utf-8",
    "APPLICATION/JSON",
    "application/cloudevents+json",
    "application/cloudevents-batch+json",
  ])("takes %s", async (type) => {
    expect(await door().deliver("conn_bearer", trusted(records(), { "content-type": type }))).toMatchObject({
      ok: true,
    });
  });
  test.each([
    "text/plain",
    "text/html",
    "application/xml",
    "multipart/form-data",
    "application/jsonp",
    "",
    "json",
  ])("does not take %j", async (type) => {
    expect(await door().deliver("conn_bearer", trusted(records(), { "content-type": type }))).toMatchObject({
      failure: { kind: "unsupported_media_type" },
    });
  });

  test("cuts a chunked body off at the cap, with no effect", async () => {
    const { deps, sent, quarantined } = door();
    let pulled = 0;
    let cancelled = false;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled++;
        controller.enqueue(new Uint8Array(65_536).fill(32));
      },
      cancel() {
        cancelled = true;
      },
    });
    const headers = { "content-type": "application/json", authorization };
    const request = new Request(urlOf("conn_bearer"), { method: "POST", headers, body, duplex: "half" });
    const result = await receiveWebhook(request, "conn_bearer", deps);
    expect(result).toMatchObject({ failure: { kind: "too_large" } });
    expect(cancelled).toBe(true);
    expect(pulled).toBeLessThan(25);
    expect([...sent, ...quarantined]).toEqual([]);
  });

  test("refuses an announced length over the cap, and takes a body of exactly the cap", async () => {
    const body = records(s3Record());
    const exactly = door({ maxBodyBytes: Buffer.byteLength(body) });
    expect(await exactly.deliver("conn_bearer", trusted(body))).toMatchObject({ ok: true });
    const { deliver } = door({ maxBodyBytes: Buffer.byteLength(body) - 1 });
    expect(await deliver("conn_bearer", trusted(body))).toMatchObject({ failure: { kind: "too_large" } });
    expect(await deliver("conn_bearer", trusted("{}", { "content-length": "999999" }))).toMatchObject({
      failure: { kind: "too_large" },
    });
  });

  test("calls a body that breaks off invalid", async () => {
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.error(new Error("reset")),
    });
    const headers = { "content-type": "application/json", authorization };
    const request = new Request(urlOf("conn_bearer"), { method: "POST", headers, body, duplex: "half" });
    expect(await receiveWebhook(request, "conn_bearer", door().deps)).toMatchObject({
      failure: { kind: "invalid" },
    });
  });

  test("keeps what is proven but malformed for a person to see, and says 422", async () => {
    const { deliver, quarantined, rejected } = door();
    const result = await deliver("conn_bearer", trusted("{oops"));
    expect(!result.ok && statusOf(result.failure.kind)).toBe(422);
    expect(quarantined).toMatchObject([
      { connection: "conn_bearer", raw: "{oops", received_at: "2026-11-23T12:00:00.000Z" },
    ]);
    // It is one rejection, with its text.
    expect(rejected).toEqual([]);
  });

  test.each([
    ["one event", { events: [tigrisEvent()] }, 200],
    ["events of which none is in order", { events: [{ ...tigrisEvent(), object: {} }] }, 200],
    ["several, some in order", { events: [{ ...tigrisEvent(), eventTime: "0" }, tigrisEvent()] }, 200],
    ["another sender's", { events: [b2Event()] }, undefined],
  ])("Tigris, which takes only a 200 for success, is answered so: %s", async (_, body, acknowledge) => {
    const result = await door().deliver("conn_bearer", trusted(JSON.stringify(body)));
    expect(result.ok && result.value.acknowledge).toBe(acknowledge);
  });

  test("keeps no opaque data of Ceph's, however the delivery was proven and whatever is wrong with it", async () => {
    const opaque = 'the "topic\\s secret"';
    const record = { ...cephRecord(), opaqueData: opaque, s3: null };
    const text = JSON.stringify({ Records: [record] });
    const bodies = [
      text,
      text.slice(0, -1),
      text.slice(0, text.indexOf("secret")),
      text.replace("opaqueData", "opaque\\u0044ata"),
      JSON.stringify({ hello: text }),
      JSON.stringify({ ...cloudEvent(), subject: null, data: { records: [record] } }),
    ];
    for (const body of bodies) {
      const { deliver, quarantined } = door();
      await deliver("conn_bearer", trusted(body));
      expect(quarantined, body).toHaveLength(1);
      expect(JSON.stringify(quarantined), body).not.toMatch(/topic|secret/);
      expect(quarantined[0]?.raw).toMatch(/opaqueData/);
    }
  });

  test("does not parse, keep or quarantine what is not proven", async () => {
    const { deliver, quarantined, sent, fetched } = door();
    for (const body of ["{oops", records(s3Record())]) {
      expect(await deliver("conn_bearer", { headers: { authorization: "Bearer no" }, body })).toMatchObject({
        failure: { kind: "unproven" },
      });
    }
    expect([...quarantined, ...sent, ...fetched]).toEqual([]);
  });

  test("runs nine of ten records when one is malformed, and the sender hears success", async () => {
    const { deliver, sent, quarantined } = door();
    const list = Array.from({ length: 10 }, (_, n) => s3Record({ key: `k${n}`, sequencer: `A${n}1` }));
    const result = await deliver(
      "conn_bearer",
      trusted(records(...list.slice(0, 9), { ...list[9], s3: null })),
    );
    expect(result).toMatchObject({ ok: true, value: { quarantined: 1 } });
    expect(sent).toHaveLength(9);
    expect(quarantined).toMatchObject([{ index: 9 }]);
  });

  test("quarantines records of a bucket that is not the connection's", async () => {
    const { deliver, sent, quarantined } = door();
    await deliver("conn_bearer", trusted(records(s3Record({ bucket: "someone-elses" }), s3Record())));
    expect(sent).toMatchObject([{ bucket: "media" }]);
    expect(quarantined).toMatchObject([{ index: 0, failure: { kind: "forbidden", where: "bucket" } }]);
  });

  test("takes an empty list, and sends nothing", async () => {
    const { deliver } = door({ send: () => Promise.reject(new Error("nothing to send")) });
    expect(await deliver("conn_bearer", trusted(records()))).toMatchObject({
      value: { events: [], quarantined: 0 },
    });
  });

  describe("and a signature that is good for once", () => {
    const body = records(s3Record());
    const signed = () =>
      signSigV4({
        accessKeyId: "AKIDEXAMPLE",
        secretAccessKey: SECRETS.AWS_SECRET ?? "",
        region: "us-east-1",
        service: "execute-api",
        url: urlOf("conn_sigv4"),
        body,
        now: NOW,
      });

    test("is not used up when its events were not durable", async () => {
      const headers = await signed();
      const { deps, deliver } = door();
      const request = new Request(urlOf("conn_sigv4"), { method: "POST", headers, body });
      const broken = receiveWebhook(request, "conn_sigv4", {
        ...deps,
        send: () => Promise.reject(new Error("down")),
      });
      expect(await broken).toMatchObject({ failure: { kind: "unavailable" } });
      expect(await deliver("conn_sigv4", { headers, body })).toMatchObject({ ok: true });
      expect(await deliver("conn_sigv4", { headers, body })).toMatchObject({ failure: { kind: "unproven" } });
    });

    test("is used once by a hundred deliveries at the same time", async () => {
      const headers = await signed();
      const { deliver, sent } = door();
      const all = Array.from({ length: 100 }, () => deliver("conn_sigv4", { headers, body }));
      expect((await Promise.all(all)).filter(({ ok }) => ok)).toHaveLength(1);
      expect(sent).toHaveLength(1);
    });
  });
});

describe("the CloudEvents handshake", () => {
  const ask = (headers: Record<string, string>) =>
    handshakeResponse(new Request(urlOf("conn_bearer"), { method: "OPTIONS", headers }));

  test("allows the origin that asks, at any rate", () => {
    const answer = ask({ "WebHook-Request-Origin": "events.example.com", "WebHook-Request-Rate": "120" });
    expect(answer.status).toBe(200);
    expect(answer.headers.get("webhook-allowed-origin")).toBe("events.example.com");
    expect(answer.headers.get("webhook-allowed-rate")).toBe("*");
    expect(answer.headers.get("allow")).toBe("POST");
    expect(ask({ "WebHook-Request-Origin": "a.test" }).headers.has("webhook-allowed-rate")).toBe(false);
  });

  test("is refused without an origin, or with one that is no name", () => {
    for (const headers of [
      {},
      { "WebHook-Request-Origin": "a b" },
      { "WebHook-Request-Origin": "<script>" },
    ]) {
      expect(ask(headers as Record<string, string>).status).toBe(400);
    }
  });
});

describe("R2's queue", () => {
  const message = (body: unknown) => ({ id: "m", timestamp: new Date(NOW), body });

  test.each([
    ["PutObject", "created"],
    ["CopyObject", "created"],
    ["CompleteMultipartUpload", "created"],
    ["DeleteObject", "removed"],
    ["LifecycleDeletion", "removed"],
    ["SomethingNew", "other"],
  ])("%s is %s", (action, type) => {
    expect(receiveR2([message(r2Message("a b+%20", action))], connections)).toMatchObject({
      events: [{ connection: "conn_queue", sender: "r2", type, operation: action, key: "a b+%20" }],
      quarantined: [],
    });
  });

  test("a bucket of two connections is an event of each, and each its own", () => {
    const { events } = receiveR2([message(r2Message("k", "PutObject", "shared"))], connections);
    expect(events.map(({ connection }) => connection)).toEqual(["conn_queue", "conn_queue_too"]);
    expect(new Set(events.map(({ id }) => id)).size).toBe(2);
  });

  test("two messages for one action are one event; two puts of the same bytes are two", () => {
    const again = { ...r2Message(), eventTime: "2026-11-23T11:59:58.124Z" };
    const { events } = receiveR2([r2Message(), r2Message(), again].map(message), connections);
    expect(events).toHaveLength(3);
    expect(new Set(events.map(({ id }) => id)).size).toBe(2);
  });

  test("deletes carry neither size nor etag", () => {
    const { size: _, eTag: __, ...object } = r2Message().object;
    const { events } = receiveR2([message({ ...r2Message("k", "DeleteObject"), object })], connections);
    expect(events[0]).not.toHaveProperty("size");
    expect(events[0]).not.toHaveProperty("etag");
  });

  test("an unknown bucket and a malformed message are quarantined with the reason, the rest goes on", () => {
    const bodies = [r2Message("k", "PutObject", "unknown"), null, r2Message(), { bucket: "media" }];
    expect(receiveR2(bodies.map(message), connections)).toMatchObject({
      events: [{ key: "clips/a.mp4" }],
      quarantined: [
        { index: 0, failure: { kind: "forbidden", where: "bucket" }, raw: bodies[0] },
        { index: 1, failure: { kind: "malformed" } },
        { index: 3, failure: { kind: "malformed" } },
      ],
    });
  });
});
