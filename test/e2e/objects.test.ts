// Signed, ranged reads of R2 objects through the router: what compute reads by, and nothing else.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PAYLOADS, signingKeyOf, signObjectUrl } from "../../src/source/signed-url.ts";
import { API_KEY, startWeir, type Weir } from "../support/weir.ts";

const BODY = "0123456789";
let weir: Weir;
beforeAll(async () => {
  weir = await startWeir();
}, 120_000);
afterAll(() => weir?.close());

const keyOf = (connection: string) => signingKeyOf(weir.secrets.WEIR_SIGNING_KEY, connection);
const sign = (
  key: string,
  more: { bucket?: string; connection?: string; expires?: number; secret?: string } = {},
) =>
  signObjectUrl(weir.base, more.secret ?? keyOf(more.connection ?? "conn_media"), {
    connection: more.connection ?? "conn_media",
    bucket: more.bucket ?? "test-media",
    key,
    expires: more.expires ?? Math.floor(Date.now() / 1000) + 60,
  });

describe("a signed URL", () => {
  test.each(["plain.bin", "a b/c+d%2B✓.bin", "../up.bin", "line\nbreak.bin", `${"x".repeat(900)}.bin`])(
    "opens the object that it names, whatever its key: %j",
    async (key) => {
      const bucket = (await weir.harness.getWorker<{ R2_TEST_MEDIA: R2Like }>("weir").getEnv()).R2_TEST_MEDIA;
      await bucket.put(key, BODY);
      const response = await fetch(await sign(key));
      expect(response.status).toBe(200);
      expect(await response.text()).toBe(BODY);
    },
  );

  test.each([
    ["bytes=0-3", 206, "0123", "bytes 0-3/10"],
    ["bytes=7-", 206, "789", "bytes 7-9/10"],
    ["bytes=-2", 206, "89", "bytes 8-9/10"],
    ["bytes=8-100", 206, "89", "bytes 8-9/10"],
    ["bytes=10-", 416, "", "bytes */10"],
    [`bytes=${"9".repeat(30)}-`, 416, "", "bytes */10"],
    [`bytes=0-${"9".repeat(30)}`, 206, BODY, "bytes 0-9/10"],
    [`bytes=-${"9".repeat(30)}`, 206, BODY, "bytes 0-9/10"],
    ["bytes=0-1,4-5", 200, BODY, null],
    ["lines=1-2", 200, BODY, null],
  ])("read with Range %s answers %d", async (range, status, body, contentRange) => {
    await weir.put("test-media", "ranged.bin", BODY);
    const response = await fetch(await sign("ranged.bin"), { headers: { range } });
    expect(response.status).toBe(status);
    expect(await response.text()).toBe(body);
    expect(response.headers.get("content-range")).toBe(contentRange);
  });

  test.each(["bytes=0-1", "bytes=0-", "bytes=-5"])(
    "of an empty object read with Range %s says that it is empty",
    async (range) => {
      await weir.put("test-media", "empty.bin", "");
      const url = await sign("empty.bin");
      const response = await fetch(url, { headers: { range } });
      expect([response.status, response.headers.get("content-range")]).toEqual([416, "bytes */0"]);
      expect((await fetch(url)).status).toBe(200);
    },
  );

  test("is of somebody's file, which never becomes a page on this origin", async () => {
    await weir.put("test-media", "page.html", "<script>parent.x = 1</script>");
    for (const method of ["GET", "HEAD"]) {
      const { headers } = await fetch(await sign("page.html"), { method });
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("content-security-policy")).toContain("sandbox");
      expect(headers.get("cache-control")).toBe("private");
    }
  });

  test("read with If-Match notices that the object was overwritten", async () => {
    await weir.put("test-media", "matched.bin", "old");
    const url = await sign("matched.bin");
    const etag = (await fetch(url)).headers.get("etag") ?? "";
    expect((await fetch(url, { headers: { "if-match": etag, range: "bytes=0-0" } })).status).toBe(206);
    await weir.put("test-media", "matched.bin", "new");
    expect((await fetch(url, { headers: { "if-match": etag, range: "bytes=0-0" } })).status).toBe(412);
  });

  test("read with If-None-Match does not send again what the reader has", async () => {
    await weir.put("test-media", "known.bin", "old");
    const url = await sign("known.bin");
    const etag = (await fetch(url)).headers.get("etag") ?? "";
    const again = () => fetch(url, { headers: { "if-none-match": etag, range: "bytes=0-0" } });
    const same = await again();
    expect([same.status, await same.text(), same.headers.get("etag")]).toEqual([304, "", etag]);
    await weir.put("test-media", "known.bin", "new");
    const other = await again();
    expect([other.status, await other.text()]).toEqual([206, "n"]);
  });

  test("answers HEAD, and 404 for what is gone", async () => {
    await weir.put("test-media", "head.bin", BODY);
    const url = await sign("head.bin");
    expect((await fetch(url, { method: "HEAD" })).status).toBe(200);
    await weir.remove("test-media", "head.bin");
    expect((await fetch(url)).status).toBe(404);
    expect((await fetch(url, { method: "HEAD" })).status).toBe(404);
  });

  test("opens nothing else: another key, bucket, connection, time or secret is 403", async () => {
    await weir.put("test-media", "mine.bin", BODY);
    const good = new URL(await sign("mine.bin"));
    const changed = (change: (url: URL) => void) => {
      const url = new URL(good);
      change(url);
      return url;
    };
    const refused = [
      changed((url) => url.searchParams.set("bucket", "test-lake")),
      changed((url) => url.searchParams.set("expires", "9999999999")),
      changed((url) => url.searchParams.delete("signature")),
      changed((url) => {
        url.pathname = "/v1/objects/conn_media/other.bin";
      }),
      changed((url) => {
        url.pathname = "/v1/objects/conn_lake/mine.bin";
      }),
      await sign("mine.bin", { secret: "another" }),
      await sign("mine.bin", { expires: Math.floor(Date.now() / 1000) - 1 }),
      await sign("mine.bin", { bucket: "test-photos" }),
      await sign("mine.bin", { connection: "conn_items" }),
    ];
    for (const url of refused) expect((await fetch(url)).status, String(url)).toBe(403);
    expect((await fetch(good)).status).toBe(200);
  });
});

describe("what a pipeline's handler holds", () => {
  const envOf = (worker: string) =>
    weir.harness.getWorker<Record<string, unknown>>(worker).getEnv() as Promise<Record<string, unknown>>;
  const keysOf = async (worker: string) =>
    Object.entries(await envOf(worker)).filter(([name, value]) => /SIGN/.test(name) && value !== "");

  test("signs for its own source and is not the key of all", async () => {
    expect(await keysOf("weir-echo")).toEqual([["WEIR_CONN_MEDIA_SIGNING_KEY", keyOf("conn_media")]]);
    expect(await keysOf("weir-image-catalog")).toEqual([]);
    await weir.put("test-media", "own.bin", BODY);
    const [[, held] = []] = await keysOf("weir-echo");
    expect((await fetch(await sign("own.bin", { secret: String(held) }))).status).toBe(200);
  });

  test("opens neither another connection's objects nor a payload, whatever it signs", async () => {
    const [[, held] = []] = await keysOf("weir-echo");
    const secret = String(held);
    await weir.put("test-lake", "other.bin", BODY);
    const forged = [
      { connection: "conn_lake", bucket: "test-lake" },
      { connection: "conn_media", bucket: "test-lake" },
      { connection: PAYLOADS, bucket: PAYLOADS },
      { connection: PAYLOADS, bucket: "weir-archive" },
    ];
    for (const at of forged)
      expect((await fetch(await sign("other.bin", { ...at, secret }))).status, at.connection).toBe(403);
    expect((await fetch(await sign("other.bin", forged[0]))).status).toBe(200);
  });
});

test("a look tells what is there now, and gives a URL that opens it; nothing is recorded", async () => {
  await weir.put("test-media", "looked/at.txt", "four", { Color: "red" });
  const look = (asked: object, key = API_KEY) =>
    fetch(`${weir.base}/v1/objects`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: JSON.stringify({
        connection: "conn_media",
        bucket: "test-media",
        key: "looked/at.txt",
        ...asked,
      }),
    });
  const answer = (await (await look({ tags: true })).json()) as { url: string };
  expect(answer).toMatchObject({ seen: { size: 4, metadata: { color: "red" } }, tags: {} });
  expect(await (await fetch(answer.url)).text()).toBe("four");
  expect(await (await look({ key: "not/there" })).json()).toMatchObject({ seen: null, url: null });
  expect((await look({ bucket: "another" })).status).toBe(403);
  expect((await look({ connection: "conn_items" })).status).toBe(404);
  expect((await look({ key: "" })).status).toBe(400);
  expect((await look({}, "no-key")).status).toBe(401);
  expect((await weir.read<{ data: object[] }>("/v1/events?key=looked%2Fat.txt")).data).toEqual([]);
});

interface R2Like {
  put(key: string, body: string): Promise<unknown>;
}
