import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { identify, lookups } from "../../src/receive/identity.ts";
import { normalise } from "../../src/receive/normalise/normalise.ts";
import { keyBitsOf, keyBitsOfId, minuteOfId } from "../../src/shapes/event-id.ts";
import { NOW } from "./given.ts";
import { cloudEvent, eventBridgeEvent, r2Message, s3Record } from "./records.ts";

type Told = Parameters<typeof identify>[0];

/** A ledger as `store/` keeps it: an event is known when anything it looks up was offered before. */
function ledger() {
  const offered = new Map<string, number>();
  let events = 0;
  return {
    tell(told: Told): number {
      const known = lookups(told).flatMap((name) => offered.get(name) ?? [])[0];
      const number = known ?? events++;
      for (const name of identify(told).identities) if (!offered.has(name)) offered.set(name, number);
      return number;
    },
    count: () => events,
  };
}
const count = (tellings: readonly Told[]) => {
  const { tell, count } = ledger();
  for (const told of tellings) tell(told);
  return count();
};
const write: Told = {
  connection: "c",
  bucket: "b",
  key: "k",
  type: "created",
  operation: "ObjectCreated:Put",
  time: "2026-11-23T12:00:00.000Z",
  etag: "e",
  sequencer: "0055AED6DCD90281E5",
};
const plain: Told = { ...write, sequencer: undefined };

/** A write as it really happened, in a bucket of AWS that may be versioned. */
const truth = (versioned: boolean) =>
  fc.record({
    key: fc.constantFrom("a", "b"),
    etag: fc.constantFrom("e1", "e2"),
    type: fc.constantFrom("created" as const, "removed" as const),
    ms: fc.integer({ min: 0, max: 2 }),
    nth: fc.nat(1_000_000),
    versioned: fc.constant(versioned),
  });
type Truth = {
  key: string;
  etag: string;
  type: "created" | "removed";
  ms: number;
  nth: number;
  versioned: boolean;
};

/** What a sender that knows everything says of it. */
const fully = (w: Truth): Told => ({
  connection: "c",
  bucket: "b",
  key: w.key,
  type: w.type,
  operation: w.type,
  time: new Date(NOW + w.ms).toISOString(),
  etag: w.etag,
  sequencer: `00A${w.nth.toString(16).toUpperCase().padStart(6, "0")}1`,
  ...(w.versioned && { version_id: `v${w.nth}` }),
});
const told = fc
  .boolean()
  .chain((versioned) =>
    fc.uniqueArray(truth(versioned), { minLength: 1, maxLength: 8, selector: ({ nth }) => nth }),
  );

describe("one event is one", () => {
  test("told in any order and any number of times by senders that name its sequencer", () => {
    fc.assert(
      fc.property(told, fc.infiniteStream(fc.nat()), (writes, random) => {
        const tellings = writes.flatMap((w) =>
          Array.from({ length: 1 + ((random.next().value ?? 0) % 3) }, () => fully(w)),
        );
        const shuffled = tellings
          .map((t) => [random.next().value ?? 0, t] as const)
          .sort(([a], [b]) => a - b)
          .map(([, t]) => t);
        expect(count(shuffled)).toBe(writes.length);
      }),
    );
  });

  test("told by a second sender that knows no sequencer, before, after or between", () => {
    fc.assert(
      fc.property(
        truth(true),
        fc.array(fc.constantFrom("full", "unsequenced", "unversioned", "plain"), {
          minLength: 1,
          maxLength: 6,
        }),
        (w, senders) => {
          const { sequencer, version_id, ...rest } = fully(w);
          const says = {
            full: fully(w),
            unsequenced: { ...rest, version_id },
            unversioned: { ...rest, sequencer },
            plain: rest,
          };
          // `unsequenced` and `unversioned` share only the moment, and each has a name that the other lacks.
          expect(count(senders.map((sender) => says[sender]))).toBe(1);
        },
      ),
    );
  });

  test("when it comes again in a new envelope", () => {
    const read = (body: object) => {
      const result = normalise(JSON.stringify(body), new Headers(), { connection: "c", receivedAt: NOW });
      return result.ok ? result.value.events : [];
    };
    const again = { ...eventBridgeEvent(), id: "another", time: "2026-11-23T11:59:58Z" };
    const tellings = [
      ...read({ Records: [s3Record()] }),
      ...read({ Records: [{ ...s3Record(), responseElements: { "x-amz-request-id": "again" } }] }),
      ...read(eventBridgeEvent()),
      ...read(again),
      ...read(cloudEvent("clips/a.mp4", s3Record())),
    ];
    expect(tellings).toHaveLength(5);
    expect(new Set(tellings.map(({ id }) => id)).size).toBe(1);
    expect(count(tellings)).toBe(1);
    const twice = [...read(r2Message()), ...read({ ...r2Message(), account: "x" })];
    expect(count(twice)).toBe(1);
  });

  test("whatever zeros and case its sequencer is written with", () => {
    expect(
      count([
        write,
        { ...write, sequencer: "0055aed6dcd90281e5" },
        { ...write, sequencer: "0055AED6DCD90281E500" },
      ]),
    ).toBe(1);
  });

  test("whatever zone its time is written in", () => {
    expect(count([plain, { ...plain, time: "2026-11-23T13:00:00+01:00" }])).toBe(1);
  });
});

describe("two events are two", () => {
  test("genuine writes of the same bytes, however close, when sequencers or versions tell them apart", () => {
    expect(count([write, { ...write, sequencer: "0055AED6DCD90281E6" }])).toBe(2);
    expect(
      count([
        { ...plain, version_id: "v1" },
        { ...plain, version_id: "v2" },
      ]),
    ).toBe(2);
    expect(count([plain, { ...plain, time: "2026-11-23T12:00:00.001Z" }])).toBe(2);
  });

  test.each([
    ["connection", { connection: "d" }],
    ["bucket", { bucket: "d" }],
    ["key", { key: "d" }],
    ["type", { type: "removed" as const }],
  ])("of another %s, with everything else the same", (_, other) => {
    for (const one of [write, plain, { ...plain, version_id: "v" }])
      expect(count([one, { ...one, ...other }])).toBe(2);
  });

  test("whose names run into each other", () => {
    expect(
      count([
        { ...plain, bucket: "a", key: "b|c" },
        { ...plain, bucket: "a|b", key: "c" },
      ]),
    ).toBe(2);
  });

  test("a delete marker, and the later end of that very marker", () => {
    const removed = { ...plain, type: "removed" as const, etag: undefined, version_id: "m1" };
    const marker = { ...removed, operation: "ObjectRemoved:DeleteMarkerCreated" };
    const ended = { ...removed, operation: "ObjectRemoved:Delete", time: "2026-11-23T12:05:00.000Z" };
    expect(count([marker, ended])).toBe(2);
  });

  test("changes of one version's tags", () => {
    const tagged = { ...plain, type: "tagged" as const, version_id: "v1" };
    expect(count([tagged, { ...tagged, time: "2026-11-23T12:00:01.000Z" }])).toBe(2);
  });

  test("overwrites in a bucket without versions, which all say null", () => {
    const nothing = { ...plain, version_id: "null" };
    expect(count([nothing, { ...nothing, time: "2026-11-23T12:00:01.000Z" }])).toBe(2);
    expect(count([nothing, nothing, plain])).toBe(1);
  });
});

test("the id names the strongest identity, the minute and the key, and identities are short", () => {
  const { id, identities } = identify(write);
  expect(id).toMatch(/^evt_[0-9a-f]{32}$/);
  expect(identities[0]).toMatch(new RegExp(`^${id.slice(-15)}`));
  expect(minuteOfId(id)).toBe(Math.floor(Date.parse(write.time) / 60_000));
  expect(keyBitsOfId(id)).toBe(keyBitsOf(write.key));
  for (const name of [...identities, ...lookups(write)]) expect(name).toMatch(/^[0-9a-f]{32}$/);
  expect(identify(write)).toEqual(identify({ ...write, operation: "Object Created" } satisfies Told));
});
