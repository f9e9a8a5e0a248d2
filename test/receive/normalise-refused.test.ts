import { describe, expect, test } from "vitest";
import { normalise } from "../../src/receive/normalise/normalise.ts";
import { NOW } from "./given.ts";
import { eventBridgeEvent, s3Record } from "./records.ts";

const context = { connection: "conn", receivedAt: NOW };
const read = (body: unknown) =>
  normalise(typeof body === "string" ? body : JSON.stringify(body), new Headers(), context);
const eventsOf = (body: unknown) => {
  const result = read(body);
  return result.ok && result.value.quarantined.length === 0 ? result.value.events : undefined;
};

describe("records that are none", () => {
  test("ten records, one malformed: nine events, one quarantined in its place", () => {
    const list: unknown[] = Array.from({ length: 10 }, (_, n) =>
      s3Record({ key: `k${n}`, sequencer: `A${n}1` }),
    );
    list[4] = { ...s3Record(), s3: { bucket: {} } };
    const result = read({ Records: list });
    expect(result).toMatchObject({
      value: { quarantined: [{ index: 4, failure: { kind: "malformed" }, raw: list[4] }] },
    });
    expect(result.ok && result.value.events).toHaveLength(9);
  });

  test.each(["2.0", "2.1", "2.6", "2.99"])("version %s is read", (eventVersion) => {
    expect(eventsOf({ Records: [{ ...s3Record(), eventVersion }] })).toHaveLength(1);
  });
  test.each(["1.0", "3.0", "20", "2", "", 2.1, null])(
    "version %j is quarantined, not guessed at",
    (eventVersion) => {
      expect(read({ Records: [{ ...s3Record(), eventVersion }] })).toMatchObject({
        value: { events: [], quarantined: [{ failure: { kind: "malformed", where: "eventVersion" } }] },
      });
    },
  );

  test.each([
    ["null", null],
    ["a number", 1],
    ["a list", []],
    ["an unknown source", { ...s3Record(), eventSource: "evil:s3" }],
    ["a source on the prototype", { ...s3Record(), eventSource: "constructor" }],
    ["a bad escape", s3Record({ key: "" })],
    ["a time that is none", { ...s3Record(), eventTime: "0.000000" }],
    ["a time without a zone", { ...s3Record(), eventTime: "2026-11-23T11:59:58" }],
    ["a time beyond dates", { ...s3Record(), eventTime: "2026-13-45T11:59:58Z" }],
    ["a size below nothing", s3Record({ size: -1 })],
    ["a size beyond numbers", s3Record({ size: 1e300 })],
  ])("%s is quarantined", (_, record) => {
    expect(read({ Records: [record] })).toMatchObject({ value: { events: [], quarantined: [{ index: 0 }] } });
  });

  test("a percent-escape that is none is quarantined", () => {
    const record = s3Record();
    record.s3.object.key = "%E0%A4%A";
    expect(read({ Records: [record] })).toMatchObject({
      value: { quarantined: [{ failure: { where: "s3.object.key" } }] },
    });
  });

  test.each([
    "",
    "{",
    "null",
    "1",
    '"Records"',
    "{}",
    "[1]",
    '{"Records":{}}',
    '{"hello":"world"}',
    "\u0000",
  ])("the body %j is malformed as a whole", (body) =>
    expect(read(body)).toMatchObject({ failure: { kind: "malformed" } }),
  );

  test.each([
    ["EventBridge's bare detail", eventBridgeEvent().detail, /bare detail/, /InputTransformer/],
    [
      "its bare detail in Records",
      { Records: [eventBridgeEvent().detail] },
      /bare detail/,
      /InputTransformer/,
    ],
    [
      "its event without a type",
      { ...eventBridgeEvent(), "detail-type": undefined },
      /no detail-type/,
      /Remove/,
    ],
    ["an event that was encoded twice", JSON.stringify(JSON.stringify(eventBridgeEvent())), /twice/, /again/],
    [
      "a batch of SQS",
      { Records: [{ messageId: "1", body: "{}", eventSource: "aws:sqs" }] },
      /SQS/,
      /each message's body/,
    ],
    [
      "a batch of SNS",
      { Records: [{ EventSource: "aws:sns", Sns: { Message: "{}" } }] },
      /SNS/,
      /Sns.Message/,
    ],
    ["SNS's document, forwarded", { Type: "Notification", Message: "{}" }, /SNS/, /subscribe/],
  ])("%s is refused by what it is, with what to change", (_, body, detail, next) => {
    const result = read(body);
    const failure = result.ok ? result.value.quarantined[0]?.failure : result.failure;
    expect(failure).toMatchObject({
      kind: "malformed",
      detail: expect.stringMatching(detail),
      expected: expect.stringMatching(/^the /),
      next: expect.stringMatching(next),
    });
  });

  test("bytes that are not UTF-8 are malformed", () => {
    expect(normalise(new Uint8Array([0x7b, 0xff, 0x7d]), new Headers(), context)).toMatchObject({
      failure: { kind: "malformed" },
    });
  });

  test("an empty list is a delivery of nothing", () => {
    expect(eventsOf({ Records: [] })).toEqual([]);
    expect(eventsOf({ events: [] })).toEqual([]);
  });

  test("test events are probes", () => {
    expect(read({ Service: "Amazon S3", Event: "s3:TestEvent" })).toMatchObject({
      value: { probe: "s3:TestEvent", events: [] },
    });
    expect(read({ events: [{ eventType: "b2:TestEvent", eventVersion: 1 }] })).toMatchObject({
      value: { probe: "b2:TestEvent", events: [] },
    });
  });
});
