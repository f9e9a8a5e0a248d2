// The work that one delivery can cause is bounded, whatever a proven sender puts into it, and memory stays
// flat. Time is this process's own, so that a busy machine is not taken for a slow door.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { signStandardWebhook } from "../../cli/senders/sign.ts";
import { MAX_BODY_BYTES } from "../../src/receive/body.ts";
import { receiveWebhook } from "../../src/receive/webhook.ts";
import { statusOf } from "../../src/shapes/failure.ts";
import { door, NOW, SECRETS, urlOf } from "./given.ts";
import { cephRecord, cloudEvent, eventBridgeEvent, records, s3Record } from "./records.ts";

const ROOM = MAX_BODY_BYTES - 4_000;
const filled = (unit: string) => unit.repeat(Math.floor(ROOM / unit.length));
/** A record with one of its object's fields as long as a delivery allows. */
const withField = (name: string, value: string) => {
  const record = s3Record();
  return records({ ...record, s3: { ...record.s3, object: { ...record.s3.object, [name]: value } } });
};

const HOSTILE: Record<string, string> = {
  "arrays in arrays": filled("["),
  "arrays in arrays, closed": "[".repeat(ROOM / 2) + "]".repeat(ROOM / 2),
  "a record that is nothing but depth": `{"Records":[${'{"s3":'.repeat(120_000)}1${"}".repeat(120_000)}]}`,
  "CloudEvents in CloudEvents": `${'{"specversion":"1.0","data":'.repeat(30_000)}1${"}".repeat(30_000)}`,
  "300,000 records that are none": `{"Records":[${filled("{},").slice(0, -1)}]}`,
  "300,000 events that are none": `{"events":[${filled("{},").slice(0, -1)}]}`,
  "records that are all one event": records(...Array(1300).fill(s3Record())),
  "a key of a megabyte": withField("key", filled("k")),
  "a key of nothing but escapes": withField("key", filled("%2B")),
  "a key of nothing but pluses": withField("key", filled("+")),
  "a sequencer of zeros that does not end in one": withField("sequencer", `${filled("0")}1`),
  "an etag of quotes": withField("eTag", filled('\\"').slice(0, ROOM / 2)),
  "an event name of colons": records(s3Record({ eventName: filled(":") })),
  "a time of digits": records(s3Record({ time: `2026-11-23T11:59:58.${filled("1")}Z` })),
  "metadata of 20,000 names": records({
    ...cephRecord(),
    s3: {
      ...cephRecord().s3,
      object: {
        ...cephRecord().s3.object,
        metadata: Array.from({ length: 20_000 }, (_, n) => ({ key: `x-amz-meta-${n}`, val: "" })),
      },
    },
  }),
  "a source of dots": JSON.stringify({ ...cloudEvent(), source: filled(".") }),
  "names of prototypes": JSON.stringify({ ...eventBridgeEvent(), "detail-type": "__proto__" }),
  "one string without an end": `"${filled("\\u0041")}`,
};

const cpuMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

describe("a proven delivery never takes past one second", () => {
  test.each(Object.entries(HOSTILE))("%s", async (_, body) => {
    const { deliver, quarantined, sent } = door();
    const headers = signStandardWebhook({ secret: SECRETS.HOOK ?? "", id: "m", timestamp: NOW / 1000, body });
    const began = cpuMs();
    const result = await deliver("conn_hook", { headers, body });
    expect(cpuMs() - began).toBeLessThan(1000);
    expect([202, 422]).toContain(result.ok ? 202 : statusOf(result.failure.kind));
    expect(quarantined.length).toBeLessThanOrEqual(101);
    // What is sent on fits a message of the queue.
    for (const event of sent) expect(JSON.stringify(event).length).toBeLessThan(100_000);
  });
});

test("an unproven delivery with headers of 16 KB never takes past one second", async () => {
  const long = ["Bearer ", "Basic ", "AWS4-HMAC-SHA256 Credential=", "v1,", "v1=", "Bearer a.b."].flatMap(
    (start) => ["a", " ", "=", ",", "/", "v1, "].map((unit) => start + unit.repeat(16_000 / unit.length)),
  );
  for (const value of long) {
    for (const name of ["authorization", "webhook-signature", "x-bz-event-notification-signature"]) {
      const headers = { [name]: `${value}x`, "webhook-id": "m", "webhook-timestamp": String(NOW / 1000) };
      const began = cpuMs();
      await door().deliver("conn_several", { headers, body: "{}" });
      expect(cpuMs() - began).toBeLessThan(1000);
    }
  }
});

test("a hundred chunked bodies without an end leave memory as it was", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const used = () => {
    collect();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return (heapUsed + arrayBuffers) / 1_048_576;
  };
  const { deps } = door({ reject: () => {} });
  let pulled = 0;
  const endless = async () => {
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled += 65_536;
        controller.enqueue(new Uint8Array(65_536));
      },
    });
    const headers = { "content-type": "application/json" };
    const request = new Request(urlOf("conn_bearer"), { method: "POST", headers, body, duplex: "half" });
    const result = await receiveWebhook(request, "conn_bearer", deps);
    expect(result).toMatchObject({ failure: { kind: "too_large" } });
  };
  for (let n = 0; n < 10; n++) await endless();
  const before = used();
  for (let n = 0; n < 100; n++) await endless();
  // What is no longer held may be given back a little later; what is held never is.
  await expect.poll(() => used() - before, { timeout: 15_000 }).toBeLessThan(4);
  expect(pulled / 110).toBeLessThan(MAX_BODY_BYTES + 4 * 65_536);
});
