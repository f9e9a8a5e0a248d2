import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { signBackblaze, signStandardWebhook, snsNotification } from "../../cli/senders/sign.ts";
import { normalise } from "../../src/receive/normalise/normalise.ts";
import { receiveR2 } from "../../src/receive/r2-queue.ts";
import { statusOf } from "../../src/shapes/failure.ts";
import { connections, door, NOW, SECRETS, snsSigner, TOPIC } from "./given.ts";
import {
  b2Event,
  cephRecord,
  cloudEvent,
  eventBridgeEvent,
  gcsPush,
  minioRecord,
  r2Message,
  records,
  s3Record,
  tigrisEvent,
} from "./records.ts";

const BODIES = [
  records(s3Record(), s3Record({ key: "b", sequencer: "B" })),
  records(minioRecord()),
  records(cephRecord()),
  JSON.stringify(eventBridgeEvent()),
  JSON.stringify({ events: [b2Event()] }),
  JSON.stringify({ events: [tigrisEvent()] }),
  JSON.stringify(gcsPush()),
  JSON.stringify(cloudEvent()),
  JSON.stringify([cloudEvent("a", s3Record())]),
  JSON.stringify(r2Message()),
];
const GOOGLE_KEYS = "https://www.googleapis.com/oauth2/v3/certs";
const STRANGE = [
  "",
  "null",
  "{}",
  "[]",
  "-1",
  "1e999",
  '"__proto__"',
  "true",
  '"\\ud800"',
  "[[[[]]]]",
  '"%zz"',
];

/** A real body with a piece cut out, doubled, or replaced by something strange. */
const mutated = (bodies: readonly string[]) =>
  fc
    .record({
      body: fc.constantFrom(...bodies),
      at: fc.nat(),
      length: fc.nat(40),
      by: fc.oneof(fc.constantFrom(...STRANGE), fc.string()),
    })
    .map(({ body, at, length, by }) => {
      const start = at % body.length;
      return body.slice(0, start) + by + body.slice(start + length);
    });
/** A real body in which one value, anywhere, is another. */
const revalued = fc
  .record({
    body: fc.constantFrom(...BODIES),
    at: fc.nat(),
    by: fc.oneof(fc.constantFrom(...STRANGE.filter(Boolean)), fc.json()),
  })
  .map(({ body, at, by }) => {
    const values = [...body.matchAll(/(?<=:)("[^"]*"|\d+|\{|\[)/g)];
    const value = values[at % values.length];
    if (value?.index === undefined || /[[{]/.test(value[0])) return body;
    return body.slice(0, value.index) + by + body.slice(value.index + value[0].length);
  });
const anyBody = fc.oneof(mutated(BODIES), revalued, fc.json(), fc.string());
const EXPECTED = [202, 401, 403, 413, 415, 422];

describe("whatever comes, a door answers and does not throw", () => {
  const headerValue = fc.string({ unit: fc.constantFrom(..."abcdefXYZ0189+/=,.-_ :;%") });
  const hooked = (body: string) =>
    signStandardWebhook({ secret: SECRETS.HOOK ?? "", id: "m", timestamp: NOW / 1000, body });

  test("to any headers at every connection", async () => {
    const names = [
      "authorization",
      "webhook-id",
      "webhook-timestamp",
      "webhook-signature",
      "x-amz-sns-message-type",
      "x-amz-date",
      "x-amz-content-sha256",
      "x-bz-event-notification-signature",
      "x-weir-key",
      "content-type",
      "ce-specversion",
    ];
    const start = fc.constantFrom(
      "",
      "Bearer ",
      "Basic ",
      "AWS4-HMAC-SHA256 Credential=",
      "v1,",
      "v1=",
      "Bearer a.b.",
    );
    const headers = fc.dictionary(
      fc.constantFrom(...names),
      fc.tuple(start, headerValue).map((parts) => parts.join("")),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...Object.keys(connections.connections)),
        headers,
        anyBody,
        async (id, given, body) => {
          const { deliver, sent, rejected, fetched } = door();
          const result = await deliver(id, { headers: given, body });
          expect(fetched.filter((url) => url !== GOOGLE_KEYS)).toEqual([]);
          if (result.ok) return; // only by guessing a secret
          expect([...EXPECTED, 404, 503]).toContain(statusOf(result.failure.kind));
          expect(rejected).toHaveLength(1);
          expect(sent).toEqual([]);
        },
      ),
      { numRuns: 400 },
    );
  });

  test("to any header that a signature is in, put through changes", async () => {
    const body = BODIES[0] ?? "";
    const genuine = { ...hooked(body), ...signBackblaze(SECRETS.B2_SECRET ?? "", body) };
    const change = fc.record({
      name: fc.constantFrom(...Object.keys(genuine)),
      at: fc.nat(),
      by: headerValue,
    });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom("conn_hook", "conn_b2"), change, async (id, { name, at, by }) => {
        const value = Object.entries(genuine).find(([known]) => known === name)?.[1] ?? "";
        const headers = { ...genuine, [name]: value.slice(0, at % value.length) + by };
        const result = await door().deliver(id, { headers, body });
        expect([202, 401]).toContain(result.ok ? 202 : statusOf(result.failure.kind));
      }),
      { numRuns: 300 },
    );
  });

  test("to any body that is proven", async () => {
    await fc.assert(
      fc.asyncProperty(anyBody, async (body) => {
        const deliveries = [
          ["conn_hook", { headers: hooked(body), body }],
          ["conn_b2", { headers: signBackblaze(SECRETS.B2_SECRET ?? "", body), body }],
          [
            "conn_bearer",
            { headers: { authorization: `Bearer ${SECRETS.TOKEN}`, "ce-specversion": "1.0" }, body },
          ],
        ] as const;
        for (const [id, message] of deliveries) {
          const result = await door().deliver(id, message);
          expect([202, 422]).toContain(result.ok ? 202 : statusOf(result.failure.kind));
        }
      }),
      { numRuns: 500 },
    );
  });

  test("to any SNS document", async () => {
    const genuine = snsNotification({
      topicArn: TOPIC,
      message: BODIES[0] ?? "",
      messageId: "m",
      now: NOW,
      privateKey: snsSigner.privateKey,
    });
    await fc.assert(
      fc.asyncProperty(mutated([genuine.body]), fc.constantFrom("conn_sns", "conn_aws"), async (body, id) => {
        const { deliver, sent, fetched } = door();
        const result = await deliver(id, { headers: genuine.headers, body });
        const status = result.ok ? 202 : statusOf(result.failure.kind);
        // Fields that the signature does not cover may change; conn_aws would fetch a certificate, from AWS only.
        if (id === "conn_sns") expect([202, 401]).toContain(status);
        // Any region's host of SNS, and nothing else: a changed region is still AWS's.
        for (const url of fetched)
          expect(url).toMatch(
            /^https:\/\/sns\.(cn-[a-z]+-\d{1,2}\.amazonaws\.com\.cn|eusc-[a-z]+-[a-z]+-\d{1,2}\.amazonaws\.eu|(?!cn)[a-z]{2}(-[a-z]+)+-\d{1,2}\.amazonaws\.com)\/SimpleNotif/,
          );
        if (status !== 202) expect(sent).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  test("to any message of R2's queue", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.jsonValue(),
            revalued.map((text) => safely(text)),
          ),
        ),
        (bodies) => {
          const messages = bodies.map((body, n) => ({ id: String(n), timestamp: new Date(NOW), body }));
          const { events, quarantined } = receiveR2(messages, connections);
          expect(events.length + quarantined.length).toBeGreaterThanOrEqual(bodies.length);
        },
      ),
    );
  });

  test("and every event it makes can be sent as JSON and comes back the same", () => {
    fc.assert(
      fc.property(anyBody, (body) => {
        const result = normalise(body, new Headers(), { connection: "c", receivedAt: NOW });
        if (!result.ok) return;
        expect(JSON.parse(JSON.stringify(result.value.events))).toEqual(result.value.events);
      }),
      { numRuns: 500 },
    );
  });
});

function safely(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
