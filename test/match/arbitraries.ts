// Random events, look-ups and filters over a few names and values, so that they often meet.
import fc from "fast-check";
import type { ObjectAttributes } from "../../src/match/index.ts";
import type { Event } from "../../src/shapes/event.ts";
import { anEvent } from "./given.ts";

const word = fc.constantFrom("a", "b", "ab", "B", "10.0.0.1", "10.1.2.3", "7", "");
const key = fc
  .array(fc.constantFrom("a", "b", "ab", "B.jpg", "x.y.MP4", "é", "😀"), { minLength: 1, maxLength: 3 })
  .map((parts) => parts.join("/"));
const size = fc.constantFrom(0, 5, 999, 1000, 10_000_000);
const time = fc.constantFrom("2026-01-01T00:00:00Z", "2026-06-01T12:30:00+02:00", "2026-11-23T23:59:59.500Z");
const table = fc.dictionary(fc.constantFrom("a", "B", "constructor", "x.y"), word, { maxKeys: 3 });
const scalar = fc.oneof(word, fc.constantFrom<number | boolean | null>(0, 5, 7, -1, true, null));
const record = fc.dictionary(
  fc.constantFrom("p", "q", "r"),
  fc.oneof(scalar, fc.array(scalar, { maxLength: 2 })),
);
/** JSON with arrays of objects, arrays of those, dotted names and scalars, as payload or as a raw event. */
export const json = fc.record(
  {
    s: scalar,
    list: fc.array(scalar, { maxLength: 3 }),
    items: fc.array(fc.oneof(record, fc.array(record, { maxLength: 2 }), scalar), { maxLength: 3 }),
    deep: fc.record({
      items: fc.array(fc.record({ p: scalar, items: fc.array(record, { maxLength: 2 }) }), { maxLength: 2 }),
    }),
    "s.t": scalar,
  },
  { requiredKeys: [] },
);

const said = fc.record(
  { size, etag: word, content_type: word, metadata: table, tags: table },
  { requiredKeys: [] },
);
const happened = fc.record(
  {
    bucket: fc.constantFrom("a", "b"),
    key,
    type: fc.constantFrom("created", "removed", "tagged"),
    time,
    version_id: word,
    payload: json,
  },
  { requiredKeys: ["bucket", "key", "type", "time"] },
);
/** Events of which most say nothing about the object's state, as those of real senders. */
export const events: fc.Arbitrary<Event> = fc
  .tuple(happened, fc.oneof({ arbitrary: fc.constant({}), weight: 2 }, said))
  .map(([what, state]) => {
    const { size: _, etag: __, ...base } = anEvent();
    return { ...base, ...what, ...state } as Event;
  });

const someLookups: fc.Arbitrary<ObjectAttributes> = fc.record(
  { size, etag: word, content_type: fc.option(word), metadata: fc.option(table), tags: table },
  { requiredKeys: [] },
);
/** What a look-up may have found: nothing, or any part. */
export const lookups = fc.oneof({ arbitrary: fc.constant({}), weight: 2 }, someLookups);
/** What complete look-ups found. */
export const completeLookups: fc.Arbitrary<Required<ObjectAttributes>> = fc.record({
  size,
  etag: word,
  content_type: fc.option(word),
  metadata: fc.option(table),
  tags: table,
  version_id: fc.option(word),
});

const affix = fc.constantFrom("a", "b", "a/", "B", ".jpg", "é");
const folded = fc.record({ "equals-ignore-case": affix });
const stars = fc.constantFrom("*", "a*", "*b", "a*b", "*a*", "10.*", "*.jpg", "ab");
const eventbridge = fc.oneof(
  word,
  scalar,
  fc.record({ prefix: fc.oneof(affix, folded) }),
  fc.record({ suffix: fc.oneof(affix, folded) }),
  fc.record({ "equals-ignore-case": word }),
  fc.record({ wildcard: stars }),
  fc.record({
    "anything-but": fc.oneof(
      word,
      fc.constantFrom(["a", "b"], [5, 7], { prefix: "a" }, { wildcard: ["*b"] }),
    ),
  }),
  fc.record({ numeric: fc.constantFrom([">", 0], ["<=", 7], ["=", 5], [">=", 5, "<", 1000]) }),
  fc.record({ exists: fc.boolean() }),
  fc.record({ cidr: fc.constantFrom("10.0.0.0/8", "10.0.0.0/16", "0.0.0.0/0", "::/0") }),
);
const glob = fc.record({
  glob: fc.constantFrom("*", "**", "a/*", "**/*.{jpg,MP4}", "?", "[a-c]*", "a/**/B*"),
});
const matcher = fc.letrec<{ one: unknown }>((tie) => ({
  one: fc.oneof(
    { depthSize: "small" },
    eventbridge,
    glob,
    fc.record({ not: fc.oneof(tie("one"), fc.array(tie("one"), { minLength: 1, maxLength: 2 })) }),
  ),
})).one;
const listOf = (one: fc.Arbitrary<unknown>) => fc.oneof(one, fc.array(one, { minLength: 1, maxLength: 3 }));
const sizes = fc.constantFrom("> 1KB", "<= 1KiB", "10MB", ">= 5, < 1000");
const windows = fc.constantFrom(
  { after: "2026-06-01" },
  { before: "2026-06-01T10:30:00Z" },
  { daily: ["22:00", "06:00"] },
);

const conditions = fc.record({
  bucket: listOf(matcher),
  key: listOf(matcher),
  name: listOf(matcher),
  type: listOf(fc.constantFrom("created", "removed")),
  size: listOf(
    fc.oneof(
      sizes,
      eventbridge.filter((one) => typeof one !== "string"),
    ),
  ),
  time: listOf(fc.oneof(windows, glob)),
  etag: listOf(matcher),
  content_type: listOf(matcher),
  version_id: listOf(matcher),
  metadata: fc.dictionary(fc.constantFrom("a", "b", "constructor", "x.y"), listOf(matcher), {
    minKeys: 1,
    maxKeys: 2,
  }),
  tags: fc.dictionary(fc.constantFrom("a", "B"), listOf(matcher), { minKeys: 1, maxKeys: 1 }),
  payload: fc.dictionary(
    fc.constantFrom("s", "list", "items.p", "items.q", "deep.items.items.p", "s.t"),
    fc.array(matcher, { minLength: 1, maxLength: 2 }),
    { minKeys: 1, maxKeys: 3 },
  ),
});
const NAMES = ["bucket", "key", "name", "type", "size", "time", "etag", "content_type", "version_id"];
const names = fc.subarray([...NAMES, "metadata", "tags", "payload"], { minLength: 1, maxLength: 2 });
/** One or two conditions, so that a random filter sometimes holds. */
const few = fc
  .tuple(conditions, names)
  .map(([all, chosen]) => Object.fromEntries(Object.entries(all).filter(([name]) => chosen.includes(name))));

export const filters: fc.Arbitrary<object> = fc
  .tuple(fc.oneof(few, fc.constant({})), fc.option(fc.array(few, { minLength: 1, maxLength: 2 })))
  .map(([all, either]) => (either === null ? all : { ...all, $or: either }));

const fields = fc.constantFrom(
  "s",
  "list",
  "items.p",
  "items.q",
  "items.r",
  "deep.items.p",
  "deep.items.items.p",
  "s.t",
);
/** Plain patterns on `json` events. */
export const patterns: fc.Arbitrary<object> = fc.dictionary(
  fields,
  fc.array(eventbridge, { minLength: 1, maxLength: 2 }),
  {
    minKeys: 1,
    maxKeys: 3,
  },
);
