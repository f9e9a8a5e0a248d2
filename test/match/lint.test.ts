// Filters that are valid and yet doubtful.
import { describe, expect, test } from "vitest";
import { lintFilter } from "../../src/match/index.ts";

const DOUBTED: [sentence: string, filter: object, path: string, suggestion?: string][] = [
  ["a misspelt attribute", { buckett: "photos" }, "buckett", "bucket"],
  ["an operator where an attribute should be", { sufix: ".jpg" }, "sufix", '{"key": [{"suffix": …}]}'],
  ["a misspelt attribute in $or", { $or: [{ kye: "a" }, { key: "b" }] }, "$or[0].kye", "key"],
  [
    "EventBridge's names",
    { detail: { object: { key: "a" } } },
    "detail.object.key",
    "bucket, key, size …, without `detail`",
  ],
  ["HTTP's name", { "Content-Type": "image/png" }, "Content-Type", "content_type"],
  ["a number where text is", { key: ["a", 5] }, "key[1]", '"5"'],
  ["a number where metadata is text", { width: 1920 }, "width", '"1920"'],
  ["a range of text", { key: [{ numeric: [">", 1] }] }, "key[0]"],
  ["text where a number is", { size: [{ prefix: "1" }] }, "size[0]", '">= 10MB"'],
  ["a size below nothing", { size: [{ numeric: ["<", 0] }] }, "size[0]"],
  ["a type that does not exist", { type: "creatd" }, "type", "created"],
  ["a sender that does not exist", { sender: ["s4"] }, "sender[0]", "s3"],
  ["an extension with a dot", { extension: ".MP4" }, "extension", "mp4"],
  ["a name with a slash", { name: "a/b" }, "name", "key"],
  ["a quoted etag", { etag: '"abc"' }, "etag", "abc"],
  ["an exclusion of nothing", { bucket: [{ not: 5 }] }, "bucket[0]", '"5"'],
  ["a presence that is always met", { region: [{ exists: true }, { exists: false }] }, "region"],
  ["two values at once", { "metadata.a": "x", metadata: { a: "y" } }, "metadata.a"],
  ["a value and its absence", { key: "a", $or: [{ key: [{ exists: false }] }] }, "$or[0].key"],
  [
    "two prefixes that exclude each other",
    { key: [{ prefix: "a/" }], $or: [{ key: [{ prefix: "b/" }] }] },
    "$or[0].key",
  ],
  ["an extension that the key cannot have", { extension: "mp4", key: [{ suffix: ".jpg" }] }, "key"],
  ["a name that the key cannot have", { key: ["a/b.jpg"], name: "c.jpg" }, "name"],
  ["two sizes that exclude each other", { size: "> 1MB", $or: [{ size: "< 1KB" }] }, "$or[0].size"],
];

describe("doubted", () => {
  test.each(DOUBTED)("%s", (_, filter, path, suggestion) => {
    const [warning, ...more] = lintFilter(filter);
    expect(more).toEqual([]);
    expect({ path: warning?.path, suggestion: warning?.suggestion }).toEqual({ path, suggestion });
  });
});

describe("not doubted", () => {
  const FINE: object[] = [
    {},
    { foo: "bar", camera: "X100", owner: "a" },
    { key: [{ prefix: "a/" }], $or: [{ key: [{ suffix: ".jpg" }] }, { key: [{ prefix: "a/b" }] }] },
    { width: [{ numeric: [">", 100] }], payload: { n: 5, type: "creatd" } },
    { type: [{ not: "removed" }], sender: ["s3", "r2"] },
    { extension: "jpg", key: [{ suffix: ".JPG" }, { prefix: "a/" }], name: [{ suffix: "s.JPG" }] },
    { key: "a", bucket: "b", region: "c" },
    { extension: [{ "equals-ignore-case": "MP4" }] },
    { metadata: { buckett: "meant so" } },
  ];
  test.each(FINE.map((filter) => [JSON.stringify(filter), filter] as const))("%s", (_, filter) => {
    expect(lintFilter(filter)).toEqual([]);
  });
});
