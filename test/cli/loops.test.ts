// Pipelines that feed themselves are refused before they run; a filter that excludes their results for
// certain makes them sound.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { loadProject } from "../../cli/project/project.ts";
import { validate } from "../../cli/project/validate.ts";
import { compileFilter, evaluate, viewOf } from "../../src/match/index.ts";
import { eventSchema } from "../../src/shapes/event.ts";
import { metadataOf, objectKey, WRITTEN_TYPE } from "../../src/store/collections/written.ts";
import { config, project } from "./support/given.ts";

const connections = {
  connections: {
    inbox: { kind: "r2", buckets: ["inbox-files"], events: [{ scheme: "r2-queue" }] },
    lake: { kind: "r2", buckets: ["lake-files", "inbox-files"], events: [{ scheme: "r2-queue" }] },
    quiet: { kind: "r2", buckets: ["lake-files"] },
    results: { kind: "d1", database: "results" },
    far: {
      kind: "s3",
      region: "auto",
      buckets: ["inbox-files"],
      access_key_id: "A",
      secret_access_key: "B",
      events: [{ scheme: "bearer", secrets: ["C"] }],
    },
  },
};
const handler = 'import { definePipeline } from "weir";\nexport default definePipeline(() => []);\n';
const pipe = (alias: string, source: string, destination: string, filters: object = {}) => ({
  [`pipelines/${alias}/config.json`]: config({
    alias,
    source: { connection_id: source, filters },
    destination: { connection_id: destination, collection: `${alias}_items` },
  }),
  [`pipelines/${alias}/handler.ts`]: handler,
});
/** Of each loop, the pipeline it is told at, and what it says. */
const loops = (files: object) =>
  validate(loadProject(project({ "connections.json": connections, ...files })))
    .problems.filter(({ problem }) => problem.startsWith("loop"))
    .map((it) => `${it.file.split("/")[1]}: ${it.problem}`);
const itself = (filters: object) => loops(pipe("one", "inbox", "inbox", filters));

describe("a pipeline whose results are events of its own source", () => {
  test("is refused with the whole loop, and the filter that would break it", () => {
    const root = project({ "connections.json": connections, ...pipe("one", "inbox", "inbox") });
    expect(validate(loadProject(root)).problems).toMatchObject([
      {
        file: "pipelines/one/config.json",
        line: 5,
        problem: "loop: one → bucket inbox-files → one: stored items would be run again.",
        next: expect.stringContaining('"key": [{ "anything-but": { "prefix": "one_items/" } }]'),
      },
    ]);
  });

  test("is refused through another as well, once, with every step", () => {
    const through = {
      ...pipe("one", "inbox", "lake"),
      ...pipe("two", "lake", "results"),
      ...pipe("three", "lake", "inbox"),
    };
    expect(loops(through)).toEqual([
      "one: loop: one → bucket lake-files → three → bucket inbox-files → one: stored items would be run again.",
    ]);
  });

  test("is refused where one bucket is read by another connection's name", () => {
    expect(loops(pipe("one", "lake", "inbox"))).toHaveLength(1);
  });

  test.each<[string, object]>([
    ["nothing", {}],
    ["what cannot be known: who told of it", { sender: "r2" }],
    ["what cannot be known: its size", { size: "< 1KB" }],
    ["another type, which its own objects have too", { type: ["created", "removed"] }],
    ["its own suffix", { key: [{ suffix: ".ndjson" }] }],
    ["some of its own objects", { key: [{ prefix: "one_items/a" }] }],
    ["a branch that excludes and one that does not", { $or: [{ extension: "mp4" }, { size: "> 1MB" }] }],
    ["another collection's objects", { key: [{ "anything-but": { prefix: "two_items/" } }] }],
  ])("is refused with a filter on %s", (_, filters) => {
    expect(itself(filters)).toHaveLength(1);
  });

  test.each<[string, object]>([
    ["the collection's folder", { key: [{ "anything-but": { prefix: "one_items/" } }] }],
    ["its extension", { extension: ["mp4", "mov"] }],
    ["a folder that it is not in", { key: [{ prefix: "videos/" }] }],
    ["a glob", { key: [{ glob: "*.mp4" }] }],
    ["a type of content that it never has", { content_type: [{ prefix: "video/" }] }],
    ["metadata that its objects never have", { foo: "bar" }],
    ["what pipelines wrote", { "weir-hops": [{ exists: false }] }],
    ["another type of event", { type: "tagged" }],
    ["something unknown beside something certain", { size: "< 1KB", extension: "mp4" }],
  ])("is sound with a filter that excludes by %s", (_, filters) => {
    expect(itself(filters)).toEqual([]);
  });
});

test("what is called sound excludes every object that the collection could write, whoever tells of it", () => {
  const condition = fc.constantFrom<object>(
    { extension: ["ndjson", "mp4"] },
    { extension: "mp4" },
    { key: [{ prefix: "one_items/" }] },
    { key: [{ "anything-but": { prefix: "one_items/" } }] },
    { name: [{ not: { suffix: ".ndjson" } }] },
    { key: [{ glob: "*/*" }] },
    { type: ["created"] },
    { type: [{ "anything-but": "created" }] },
    { sender: ["s3", "invoke"] },
    { operation: [{ prefix: "Put" }] },
    { size: ["> 1KB"] },
    { size: [{ not: { numeric: [">=", 0] } }] },
    { time: [{ after: "2026-06-01" }] },
    { etag: [{ exists: false }] },
    { region: [{ exists: true }] },
    { content_type: [{ prefix: "video/" }] },
    { content_type: ["application/x-ndjson"] },
    { "weir-hops": [{ exists: true }] },
    { "weir-hops": [{ numeric: [">", 3] }] },
    { foo: [{ exists: false }] },
    { foo: "bar" },
    { tags: { a: ["b"] } },
  );
  const both = fc
    .array(condition, { minLength: 1, maxLength: 2 })
    .map((all) => Object.assign({}, ...all) as object);
  const filters = fc.oneof(
    both,
    fc.array(both, { minLength: 1, maxLength: 2 }).map((either) => ({ $or: either })),
  );
  const hex = fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: 32, maxLength: 32 });
  const told = fc.record({
    sender: fc.constantFrom("r2" as const, "s3" as const),
    operation: fc.constantFrom("PutObject", "ObjectCreated:Put"),
    size: fc.nat(5000),
    etag: fc.constantFrom("e", "f"),
    time: fc.constantFrom("2026-01-01T00:00:00.000Z", "2026-12-01T00:00:00.000Z"),
    region: fc.constantFrom("auto", ""),
  });
  let sound = 0;
  fc.assert(
    fc.property(filters, hex, told, fc.integer({ min: 1, max: 4 }), (filter, set, more, hops) => {
      if (itself(filter).length > 0) return;
      sound++;
      const event = eventSchema.parse({
        ...more,
        ...{ id: "evt_1", connection: "inbox", type: "created", bucket: "inbox-files" },
        ...{ key: objectKey("one_items", set), received_at: "2026-01-01T00:00:00.000Z" },
      });
      const object = { content_type: WRITTEN_TYPE, metadata: metadataOf(hops), tags: {} };
      expect(evaluate(compileFilter(filter), viewOf(event, object))).toBe(false);
    }),
    { numRuns: 300 },
  );
  expect(sound).toBeGreaterThan(50);
});

describe("what is no loop", () => {
  test("a collection in D1", () => expect(loops(pipe("one", "inbox", "results"))).toEqual([]));
  test("a chain that ends", () => {
    expect(
      loops({ ...pipe("one", "inbox", "lake", { extension: "txt" }), ...pipe("two", "quiet", "results") }),
    ).toEqual([]);
  });
  test("a bucket that nobody tells events of", () =>
    expect(loops(pipe("one", "quiet", "quiet"))).toEqual([]));
  test("a bucket of the same name at another store", () => {
    expect(loops(pipe("one", "far", "inbox"))).toEqual([]);
  });
});
