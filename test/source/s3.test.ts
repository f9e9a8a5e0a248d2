// What an S3 store's answers mean to Weir. Refusals: busy is waited out, as long as it says; broken is tried again;
// a bucket that is not there is not an empty one. Listings and tags are read from a store that writes as Go does.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openEnv } from "../../src/env.ts";
import { s3Source } from "../../src/source/s3.ts";
import { readListing } from "../../src/source/s3-xml.ts";
import { type GoStore, type Manners, openGoStore } from "../support/go-store.ts";
import { AWKWARD_KEYS } from "../support/keys.ts";

let server: Server;
let answer: { status: number; headers?: Record<string, string>; body?: string };
let endpoint: string;
beforeAll(async () => {
  server = createServer((_, response) => response.writeHead(answer.status, answer.headers).end(answer.body));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());

const sourceAt = (base: string) =>
  s3Source(
    {
      kind: "s3",
      buckets: ["b"],
      region: "auto",
      endpoint: base,
      access_key_id: "ID",
      secret_access_key: "SECRET",
      events: [],
    },
    openEnv({ ID: "id", SECRET: "secret" }),
  );
const failureOf = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: { failure?: { kind: string; detail: string } }) => error.failure,
  );

test.each([
  [429, { "retry-after": "7" }, { kind: "overloaded", retry_after_seconds: 7 }],
  [503, {}, { kind: "overloaded" }],
  [503, { "retry-after": "999999" }, { kind: "overloaded", retry_after_seconds: 3600 }],
  [500, { "retry-after": "7" }, { kind: "unavailable" }],
  [403, {}, { kind: "source_refused" }],
])("%i %j", async (status, headers, failure) => {
  answer = { status, headers: headers as Record<string, string> };
  const refused = await sourceAt(endpoint)
    .observe("b", "k")
    .catch((error: { failure: object }) => error.failure);
  expect(refused).toEqual({ ...failure, detail: expect.stringContaining("b/k"), ...rest(status) });
});

const rest = (status: number) =>
  status === 403 ? { expected: expect.any(String), next: expect.any(String) } : {};

test("the region that a store names is what the connection should say", async () => {
  answer = { status: 301, headers: { "x-amz-bucket-region": "eu-west-1" } };
  expect(await failureOf(sourceAt(endpoint).observe("b", "k"))).toMatchObject({
    kind: "source_refused",
    expected: "region eu-west-1",
  });
});

describe("a store that writes as Go does", () => {
  const opened: GoStore[] = [];
  afterAll(() => Promise.all(opened.map((store) => store.close())));
  const open = async (manners: Manners = {}) => {
    const store = await openGoStore(["b"], manners);
    opened.push(store);
    return { store, source: sourceAt(store.base) };
  };
  const listAll = async (source: ReturnType<typeof sourceAt>, limit = 1000) => {
    const all = [];
    for (let cursor: string | undefined = ""; cursor !== undefined; ) {
      const page = await source.list("b", { cursor: cursor || undefined, limit });
      all.push(...page.objects);
      cursor = page.next;
    }
    return all;
  };

  test.each([
    ["encodes keys", {}],
    ["does not know how to encode them", { plainKeys: true }],
    ["gives a page of one", { pageSize: 1 }],
  ])("and %s: what is listed is what a look at each object says", async (_, manners) => {
    const { store, source } = await open(manners);
    const keys = [...Object.values(AWKWARD_KEYS), "a%20b", "1e3", "007", "__proto__"];
    for (const key of keys) store.put("b", key, `this is ${key}`);
    const listed = await listAll(source);
    expect(listed.map(({ key }) => key).sort()).toEqual([...new Set(keys)].sort());
    for (const { key, etag, size } of listed) {
      const seen = await source.observe("b", key);
      expect([etag, size], key).toEqual([seen?.etag, seen?.size]);
      expect(etag).toMatch(/^[0-9a-f]{32}$/);
    }
  });

  test("tags are text, whatever they look like", async () => {
    const { store, source } = await open();
    const tags = {
      camera: 'north "gate" & co',
      level: "007",
      flag: "true",
      empty: "",
      __proto__x: "1",
      lines: "a\nb",
    };
    store.put("b", "k", "x", { tags });
    expect(await source.tags("b", "k")).toEqual(tags);
    store.put("b", "one", "x", { tags: { only: "1.0" } });
    expect(await source.tags("b", "one")).toEqual({ only: "1.0" });
    store.put("b", "none", "x");
    expect(await source.tags("b", "none")).toEqual({});
    expect(await source.tags("b", "not there")).toEqual({});
  });

  test("a store that has no tags has none", async () => {
    const { store, source } = await open({ noTags: true });
    store.put("b", "k", "x");
    expect(await source.tags("b", "k")).toEqual({});
  });

  test("metadata that is not ASCII is what was put", async () => {
    const { store, source } = await open();
    store.put("b", "k", "x", { metadata: { title: "Grüße, 世界", plain: "a b" } });
    expect((await source.observe("b", "k"))?.metadata).toEqual({ title: "Grüße, 世界", plain: "a b" });
  });

  test.each([{}, { errorHeader: true }])(
    "an object that is gone is gone, a bucket is a refusal %j",
    async (manners) => {
      const { store, source } = await open(manners);
      expect(await source.observe("b", "gone")).toBeNull();
      expect(await listAll(source)).toEqual([]);
      store.dropBucket("b");
      const elsewhere = sourceAt(store.base.replace("127.0.0.1", "localhost"));
      const asked = [
        elsewhere.observe("b", "gone"),
        elsewhere.tags("b", "gone"),
        elsewhere.list("b", { limit: 10 }),
        source.list("b", { limit: 10 }),
      ];
      for (const failure of await Promise.all(asked.map(failureOf)))
        expect(failure).toMatchObject({
          kind: "source_refused",
          detail: expect.stringContaining("no such bucket"),
          next: expect.stringContaining("endpoint"),
        });
    },
  );

  test.each([
    ["a page of HTML", "<!DOCTYPE html><html><body>Welcome</body></html>"],
    ["a list of buckets", '<?xml version="1.0"?><ListAllMyBucketsResult/>'],
    ["an error that says 200", "<Error><Code>InternalError</Code></Error>"],
    ["JSON", "{}"],
    ["nothing", ""],
    ["a document that breaks off", "<ListBucketResult><Contents><Key>a</Key>"],
    ["more without where", "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>"],
    [
      "a size that is none",
      "<ListBucketResult><Contents><Key>a</Key><Size>x</Size></Contents></ListBucketResult>",
    ],
    [
      "entities that grow",
      '<!DOCTYPE l [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><ListBucketResult><Prefix>&b;</Prefix></ListBucketResult>',
    ],
  ])("a 200 with %s is a refusal, not an empty bucket", async (_, body) => {
    answer = { status: 200, body };
    expect(await failureOf(sourceAt(endpoint).list("b", { limit: 10 }))).toMatchObject({
      kind: "source_refused",
    });
  });

  test("any key comes back from any listing as it was put", () => {
    const anyKey = fc.string({ unit: "binary", minLength: 1 }).filter((key) => key.isWellFormed());
    fc.assert(
      fc.property(anyKey, fc.nat(), (key, size) => {
        const xml = `<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>${encodeURIComponent(
          key,
        )
          .replaceAll("%20", "+")
          .replaceAll(
            "'",
            "&#39;",
          )}</Key><Size>${size}</Size><ETag>&#34;e&#34;</ETag></Contents></ListBucketResult>`;
        expect(readListing(xml, "b").objects).toEqual([{ key, size, etag: "e" }]);
      }),
    );
  });
});
