// Names of objects in texts: whatever characters a bucket and a key are of, they are found in JSON and in URLs, and
// nothing of them is left.
import fc from "fast-check";
import { expect, test } from "vitest";
import { mentionsOf } from "../../src/store/erasure/mentions.ts";

const MARK = "erased:0";
const bucket = fc.stringMatching(/^[a-z0-9][a-z0-9.-]{1,20}[a-z0-9]$/);
const key = fc.oneof(
  fc.stringMatching(/^[\w!.*'()&$@=;:+ ,?-]{1,30}$/),
  fc.string({ unit: "binary", minLength: 1, maxLength: 30 }),
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 30 }),
);
const contexts = (bucket: string, key: string) => {
  const url = encodeURIComponent(key);
  return [
    JSON.stringify({ object: { bucket, key } }),
    JSON.stringify({ body: JSON.stringify({ key }) }),
    `https://${bucket}.s3.amazonaws.com/${url.replaceAll("%2F", "/")}?versionId=1`,
    `https://weir.example/v1/objects/${bucket}/${url}`,
  ];
};

test("a key of any characters is found and replaced, in JSON and in URLs", () => {
  fc.assert(
    fc.property(bucket, key, fc.constantFrom("key", "prefix"), (bucket, key, by) => {
      const scope = { connection: "conn_1", bucket, [by]: key };
      const mentions = mentionsOf(scope, [key], MARK);
      for (const text of contexts(bucket, key)) {
        expect(mentions.isIn(text), text).toBe(true);
        expect(mentions.redact(text), text).toContain(MARK);
      }
    }),
    { numRuns: 300 },
  );
});

test.each(["videos/my-film.mp4", "a^b/c+d (1).mp4", "ключ-1.mp4", "x.[0]{1}|$.bin"])(
  "an object whose key only begins like %s is left alone",
  (key) => {
    const mentions = mentionsOf({ connection: "conn_1", bucket: "my-bucket", key }, [key], MARK);
    for (const text of contexts("my-bucket", `${key}-longer`)) expect(mentions.redact(text)).toBe(text);
    for (const text of contexts("my-bucket", `before/${key}`)) expect(mentions.redact(text)).toBe(text);
  },
);
