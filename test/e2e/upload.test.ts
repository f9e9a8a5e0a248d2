// Uploads: a file goes into its bucket with what its headers say, its event comes by the bucket's own way, and what cannot go
// is refused with what to do.
import { afterAll, beforeAll, expect, test } from "vitest";
import { WeirClient } from "../../src/client/client.ts";
import { API_KEY, startWeir, type Weir } from "../support/weir.ts";

let weir: Weir;
beforeAll(async () => {
  weir = await startWeir();
}, 120_000);
afterAll(() => weir?.close());

const put = (path: string, init: RequestInit = {}) =>
  weir.api(`/v1/uploads/${path}`, { method: "PUT", body: "hello", ...init });

test("a file in R2 has its type and metadata, its event comes by itself, and who put it is on record", async () => {
  const api = new WeirClient({ url: weir.base, key: API_KEY });
  const headers = { "content-type": "text/plain", "x-amz-meta-color": "red" };
  const answer = await api.uploadObject("conn_media", "test-media", "up/a b.txt", new Blob(["hello"]), {
    headers,
  });
  expect(answer).toMatchObject({
    ...{ connection: "conn_media", bucket: "test-media", key: "up/a b.txt", size: 5 },
    etag: "5d41402abc4b2a76b9719d911017c592",
    reported_by: ["r2-queue", "standard-webhooks"],
  });
  expect(await weir.object("test-media", "up/a b.txt")).toEqual({
    body: "hello",
    metadata: { color: "red" },
  });
  expect((await weir.settled("up/a b.txt", 1))[0]).toMatchObject({ alias: "echo", status: "succeeded" });
  const { data } = await weir.until(
    () => weir.read<{ data: object[] }>("/v1/audit-log?action=object.upload"),
    (page) => page.data.every((change) => "outcome" in change && change.outcome !== null),
  );
  expect(data).toMatchObject([
    {
      action: "object.upload",
      target: "conn_media/test-media/up/a b.txt",
      detail: { bytes: 5 },
      outcome: "done",
    },
  ]);
});

test("a file behind S3 goes by a signed request, an empty one too", async () => {
  const headers = { "content-type": "image/png", "x-amz-meta-who": "me" };
  const response = await put("conn_photos/test-photos/up%2Fa.png", { headers });
  expect([response.status, await response.json()]).toMatchObject([
    201,
    { size: 5, reported_by: ["standard-webhooks"] },
  ]);
  expect(await weir.object("test-photos", "up/a.png")).toEqual({ body: "hello", metadata: { who: "me" } });
  expect((await put("conn_photos/test-photos/up%2Fempty", { body: "" })).status).toBe(201);
  expect(await weir.object("test-photos", "up/empty")).toMatchObject({ body: "" });
});

test("what is too large, of no length, or not of a connection is refused, with what to do", async () => {
  const detailOf = async (response: Response) => ({
    status: response.status,
    ...((await response.json()) as { detail: string; next?: string; expected?: string }),
  });
  const large = new Blob([new Uint8Array(100_000_001)]);
  expect(await detailOf(await put("conn_media/test-media/large", { body: large }))).toMatchObject({
    status: 413,
    next: expect.stringContaining("npx wrangler r2 object put test-media/large --file FILE --remote"),
  });
  const endless = new Blob(["x"]).stream();
  expect(
    await detailOf(
      await put("conn_media/test-media/endless", { body: endless, duplex: "half" } as RequestInit),
    ),
  ).toMatchObject({ status: 400, expected: "the length of the file in bytes" });
  expect(await detailOf(await put("conn_media/elsewhere/a"))).toMatchObject({
    status: 404,
    expected: "test-media",
  });
  expect(await detailOf(await put("conn_items/test-items/a"))).toMatchObject({ status: 404 });
  expect(await weir.object("test-media", "large")).toBeNull();
});

test("a key that may only read puts nothing", async () => {
  const { key } = await weir.post<{ key: string }>("/v1/keys", { name: "reads", scopes: ["read"] });
  const response = await put("conn_media/test-media/not.txt", {
    headers: { authorization: `Bearer ${key}` },
  });
  expect(response.status).toBe(403);
  expect(await weir.object("test-media", "not.txt")).toBeNull();
});
