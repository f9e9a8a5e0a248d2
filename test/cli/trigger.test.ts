import { describe, expect, test } from "vitest";
import { r2Message, s3Event } from "../../cli/trigger/messages.ts";
import { prove } from "../../cli/trigger/prove.ts";
import { receiveR2 } from "../../src/receive/r2-queue.ts";
import { keyCache } from "../../src/receive/verify/keys.ts";
import { receiveWebhook } from "../../src/receive/webhook.ts";
import { type Connections, connectionsSchema, type Scheme } from "../../src/shapes/connection.ts";
import type { Event } from "../../src/shapes/event.ts";

const NOW = Date.parse("2026-11-23T12:00:00Z");
const secrets = { HOOK: `whsec_${Buffer.alloc(24, 1).toString("base64")}`, OLD: "old", TOKEN: "a-token" };
const change = {
  type: "created",
  bucket: "photos",
  key: "2026/red flower+✓%2B.jpg",
  size: 3,
  etag: "d41d8cd98f00b204e9800998ecf8427e",
  time: "2026-11-23T11:59:59.000Z",
  region: "us-east-1",
} as const;

const connectionsWith = (scheme: Scheme): Connections =>
  connectionsSchema.parse({
    connections: {
      photos: {
        kind: "s3",
        buckets: ["photos"],
        region: "us-east-1",
        access_key_id: "ID",
        secret_access_key: "KEY",
        events: [scheme],
      },
    },
  });

/** What the real door makes of a body that the command has proven. */
async function received(scheme: Scheme): Promise<Event[]> {
  const url = "https://weir.test/v1/connections/photos/events";
  const body = JSON.stringify(s3Event(change));
  const signed = await prove(scheme, { secrets, url, body, id: "msg_1", now: NOW });
  const events: Event[] = [];
  const accepted = await receiveWebhook(new Request(url, { method: "POST", ...signed }), "photos", {
    connections: connectionsWith(scheme),
    trust: { secret: (name) => ({ ...secrets })[name], fetch, cache: keyCache() },
    now: () => NOW,
    send: async (sent) => void events.push(...sent),
    reject: () => {},
    quarantine: async () => {},
  });
  expect(accepted).toMatchObject({ ok: true });
  return events;
}

describe("weir trigger and weir put", () => {
  const rotated = { name: "OLD", expires: "2026-11-23T11:00:00Z" };
  test.each<[string, Scheme]>([
    ["Standard Webhooks", { scheme: "standard-webhooks", secrets: ["HOOK"] }],
    ["a bearer token", { scheme: "bearer", secrets: ["TOKEN"] }],
    ["a rotated bearer token", { scheme: "bearer", secrets: [rotated, "TOKEN"] }],
    ["Basic credentials", { scheme: "basic", username: "weir", secrets: ["TOKEN"] }],
    [
      "AWS Signature Version 4",
      { scheme: "sigv4", access_key_id: "AKID", secrets: ["TOKEN"], region: "us-east-1", service: "lambda" },
    ],
  ])("prove an S3 event by %s so that the door accepts it, key unharmed", async (_, scheme) => {
    expect(await received(scheme)).toMatchObject([{ bucket: "photos", key: change.key, type: "created" }]);
  });

  test("sign nothing that only the real sender can sign, or whose secret is elsewhere", async () => {
    const proving = { secrets, url: "https://weir.test/", body: "{}", id: "msg_1", now: NOW };
    const sns: Scheme = { scheme: "sns", topic_arns: ["arn:aws:sns:us-east-1:123456789012:uploads"] };
    expect(await prove(sns, proving)).toBeUndefined();
    expect(await prove({ scheme: "bearer", secrets: ["ELSEWHERE"] }, proving)).toBeUndefined();
  });

  test.each(["created", "removed"] as const)(
    "an R2 notification of a %s is one that R2 could have sent",
    (type) => {
      const connections = connectionsSchema.parse({
        connections: { inbox: { kind: "r2", buckets: ["photos"], events: [{ scheme: "r2-queue" }] } },
      });
      const message = { id: "m1", timestamp: new Date(NOW), body: r2Message({ ...change, type }) };
      const { events, quarantined } = receiveR2([message], connections);
      expect(quarantined).toEqual([]);
      expect(events).toMatchObject([{ key: change.key, type }]);
    },
  );
});
