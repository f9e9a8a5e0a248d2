// The HTTP API as its callers meet it: invoking by alias, reading back, and every bad input.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { API_KEY, startWeir, type Weir } from "../support/weir.ts";

let weir: Weir;
beforeAll(async () => {
  weir = await startWeir();
}, 120_000);
afterAll(() => weir?.close());

const json = async (response: Response) => (await response.json()) as Record<string, unknown>;

describe("invoking a pipeline by its alias", () => {
  test("with a free payload, the handler's data comes back and nothing is stored", async () => {
    const response = await weir.invoke("echo", { payload: { form: "array", note: 7 } });
    expect(response.status).toBe(200);
    const answer = await json(response);
    const item = { key: "", payload: { form: "array", note: 7 } };
    expect(answer).toMatchObject({ status: "succeeded", processed_data: [item, item], error_details: null });
    const run = await weir.read<Record<string, unknown>>(`/v1/runs/${answer.run_id}`);
    expect(run).toMatchObject({ status: "succeeded", cause: "invoked", log: ["asked for array"] });
    expect((await weir.read<{ data: unknown[] }>("/v1/collections/echoes/items?key=")).data).toEqual([]);
  });

  test("with an object, its items are stored as for any event", async () => {
    await weir.put("test-media", "invoked.txt", "hello");
    const response = await weir.invoke("echo", { bucket: "test-media", key: "invoked.txt" });
    expect(await json(response)).toMatchObject({
      status: "succeeded",
      processed_data: [{ key: "invoked.txt" }],
    });
    expect(await weir.items("echoes", "invoked.txt")).toMatchObject([
      { data: { key: "invoked.txt" }, pipeline: "echo" },
    ]);
  });

  test("with a full event, the handler sees it", async () => {
    await weir.put("test-media", "event.txt", "hello");
    const event = {
      bucket: "test-media",
      key: "event.txt",
      type: "created",
      operation: "Mine",
      payload: { form: "object" },
    };
    expect(await json(await weir.invoke("echo", event))).toMatchObject({
      processed_data: [{ key: "event.txt" }],
    });
  });

  test("an async iterator's items are all stored", async () => {
    await weir.put("test-media", "iterated.txt", "hello");
    await weir.invoke("echo", { bucket: "test-media", key: "iterated.txt", payload: { form: "iterator" } });
    expect(await weir.items("echoes", "iterated.txt")).toHaveLength(3);
  });

  test("asynchronously, the answer is 202 with the run, which then succeeds", async () => {
    await weir.put("test-media", "later.txt", "hello");
    const response = await weir.invoke("echo", { bucket: "test-media", key: "later.txt" }, "?async=true");
    expect(response.status).toBe(202);
    const { run_id, status } = await json(response);
    expect(status).toBe("queued");
    expect(response.headers.get("location")).toBe(`/v1/runs/${run_id}`);
    await weir.until(
      () => weir.read<{ status: string }>(`/v1/runs/${run_id}`),
      (run) => run.status === "succeeded",
    );
  });

  test.each([
    ["undefined", "The handler returned undefined."],
    ["bigint", "items[0].count is a BigInt."],
    ["cycle", "items[0].self contains itself."],
    ["nan", "items[0].vector[1] is NaN."],
    ["huge", "items[0] is 3000011 bytes of JSON."],
    ["promise", "items[0].late is a Promise."],
    ["instance", "items[0].list[1] is a Score."],
    ["url", "items[0].link is a URL."],
    ["error", 'items[0]["what failed"] is a TypeError.'],
    ["regexp", "items[1] is a RegExp."],
    ["bulky", "The 14 items are 16800242 bytes together."],
  ])("a handler that returns %s fails clearly, and what was stored stays", async (form, detail) => {
    await weir.put("test-media", `${form}.txt`, "hello");
    await weir.invoke("echo", { bucket: "test-media", key: `${form}.txt` });
    const response = await weir.invoke("echo", {
      bucket: "test-media",
      key: `${form}.txt`,
      payload: { form },
    });
    expect(response.status).toBe(422);
    expect(await json(response)).toMatchObject({
      status: "dead",
      error_details: { kind: "invalid_return", detail },
    });
    expect(await weir.items("echoes", `${form}.txt`)).toHaveLength(1);
  });

  test("a handler that never ends is timed out", async () => {
    const response = await weir.invoke("echo", { payload: { form: "slow" } });
    expect(response.status).toBe(504);
    expect(await json(response)).toMatchObject({ error_details: { kind: "timeout" } });
  });

  test("a handler that throws fails the run with what it said", async () => {
    await weir.put("test-media", "thrown.txt", "hello");
    const response = await weir.invoke("always-throws", { bucket: "test-media", key: "thrown.txt" });
    expect(response.status).toBe(500);
    expect(await json(response)).toMatchObject({
      error_details: {
        detail: "TypeError: cannot read the bug of thrown.txt",
        // The handler's own frame, and none of Weir's or of this machine.
        where: expect.stringMatching(/^at Object\.handler \(worker\.js:\d+:\d+\)$/),
      },
    });
  });

  test("a handler that throws what cannot be asked what it is fails the run all the same", async () => {
    const response = await weir.invoke("echo", { payload: { form: "hostile" } });
    expect(response.status).toBe(500);
    expect(await json(response)).toMatchObject({
      error_details: { kind: "handler_failed", detail: "The handler threw an Object, which has no text." },
    });
  });

  test("an object that is not there is a 404 that names it, with the run", async () => {
    const response = await weir.invoke("echo", { bucket: "test-media", key: "missing.txt" });
    expect(response.status).toBe(404);
    expect(await json(response)).toMatchObject({ status: "skipped", error_details: { kind: "object_gone" } });
  });
});

describe("a body that is meant to hurt", () => {
  const post = (path: string, body: string) =>
    weir.api(path, { method: "POST", body, headers: { "content-type": "application/json" } });
  const deep = (before: string, after: string) =>
    `${before}${'{"a":['.repeat(5_000)}1${"]}".repeat(5_000)}${after}`;

  test("10,000 objects and lists inside each other are a 400 at every door that takes JSON", async () => {
    const { paths } = (await (await weir.fetch("/openapi.json")).json()) as {
      paths: Record<string, Record<string, object>>;
    };
    const doors = Object.entries(paths).flatMap(([path, { post }]) => (post ? [path] : []));
    expect(doors.length).toBeGreaterThan(10);
    for (const door of doors) {
      const path = door.replace(/\{\w+\}/g, "echo");
      for (const body of [deep("", ""), deep('{"payload":', "}"), deep('{"filter":', ',"event":"evt_1"}')]) {
        const response = await post(path, body);
        expect([path, response.status]).toEqual([path, 400]);
        expect(await response.text()).toContain("inside each other");
      }
    }
    const nested = JSON.stringify({ payload: { form: "object", text: "[[[".repeat(10_000) } });
    expect((await post("/v1/pipelines/echo/invoke", nested)).status).toBe(200);
  });

  test("a refusal repeats no more of it than anybody reads", async () => {
    const wrong = Object.fromEntries(
      Array.from({ length: 2_000 }, (_, i) => [`unknown-${i}-${"x".repeat(20)}`, 1]),
    );
    for (const [path, body] of [
      ["/v1/filters/test", { filter: { key: [{ [`prefix${"x".repeat(400)}`]: "a" }] }, event: {} }],
      [
        "/v1/replays",
        { select: { kind: "stale" }, aliases: Array.from({ length: 900 }, (_, i) => `none-${i}`) },
      ],
      ["/v1/keys", { name: "x", scopes: ["read"], ...wrong }],
      [`/v1/pipelines/${"x".repeat(299)}/invoke`, { payload: 1 }],
    ] as const) {
      const response = await post(path, JSON.stringify(body));
      expect([path, response.status]).toEqual([path, expect.toBeOneOf([400, 404])]);
      expect((await response.text()).length, path).toBeLessThan(5_000);
    }
  });
});

describe("what a caller gets wrong is a 4xx that says what to do", () => {
  const post = (
    path: string,
    body: string,
    headers: Record<string, string> = { "content-type": "application/json" },
  ) => weir.api(path, { method: "POST", body, headers });
  const echo = "/v1/pipelines/echo/invoke";
  const cases: [string, () => Promise<Response>, number, string][] = [
    ["malformed JSON", () => post(echo, "{"), 400, "not valid JSON"],
    ["an unknown alias", () => post("/v1/pipelines/ecko/invoke", '{"payload":1}'), 404, "no pipeline ecko"],
    [
      "neither object nor payload",
      () => post(echo, "{}"),
      400,
      "expected `bucket` and `key`, or a `payload`",
    ],
    ["a bucket without a key", () => post(echo, '{"bucket":"test-media"}'), 400, "`bucket` and `key`"],
    [
      "a key that no object has",
      () => post(echo, JSON.stringify({ bucket: "test-media", key: "x".repeat(1025) })),
      400,
      "1024",
    ],
    ["an empty key", () => post(echo, '{"bucket":"test-media","key":""}'), 400, "`key` is empty"],
    [
      "a bucket of another connection",
      () => post(echo, '{"bucket":"other","key":"x"}'),
      400,
      "bucket other is not one of",
    ],
    ["a wrong type", () => post(echo, '{"bucket":1,"key":"x"}'), 400, "json.bucket"],
    [
      "another content type",
      () => post(echo, "a=b", { "content-type": "application/x-www-form-urlencoded" }),
      415,
      "content type",
    ],
    [
      "no content type",
      () => weir.api(echo, { method: "POST", body: new Uint8Array([123, 125]) }),
      415,
      "content type",
    ],
    [
      "an oversized body",
      () => post(echo, JSON.stringify({ payload: "x".repeat(5_100_000) })),
      413,
      "too large",
    ],
    ["an unknown event", () => weir.api("/v1/events/evt_nope"), 404, "no event evt_nope"],
    ["an unknown run", () => weir.api("/v1/runs/run_nope"), 404, "no run run_nope"],
    [
      "an unknown collection",
      () => weir.api("/v1/collections/nope/items"),
      404,
      "no pipeline writes a collection nope",
    ],
    [
      "a collection named in SQL",
      () => weir.api(`/v1/collections/${encodeURIComponent("x';DROP TABLE items;--")}/items`),
      404,
      "no pipeline writes",
    ],
    [
      "a collection's name of 400 characters",
      () => weir.api(`/v1/collections/${"x".repeat(400)}/items`),
      400,
      "param.name",
    ],
    ["an unknown item", () => weir.api("/v1/collections/echoes/items/itm_nope"), 404, "no item"],
    [
      "lineage of an unknown item",
      () => weir.api("/v1/collections/echoes/items/itm_nope/lineage"),
      404,
      "no item",
    ],
    ["a limit of zero", () => weir.api("/v1/events?limit=0"), 400, "query.limit"],
    ["a limit that is no number", () => weir.api("/v1/runs?limit=many"), 400, "query.limit"],
    ["an unknown status", () => weir.api("/v1/runs?status=lost"), 400, "query.status"],
    ["a made-up cursor", () => weir.api("/v1/events?cursor=bm9wZQ"), 400, "cursor"],
    [
      "a made-up cursor of items",
      () => weir.api("/v1/collections/echoes/items?cursor=%F0%9F%98%80"),
      400,
      "cursor",
    ],
    ["a made-up cursor of dead letters", () => weir.api("/v1/dead-letters?cursor=x"), 400, "cursor"],
    ["a made-up cursor of rejections", () => weir.api("/v1/rejections?cursor=x"), 400, "cursor"],
    ["a route that is not", () => weir.api("/v1/nothing"), 404, "there is no GET /v1/nothing"],
    [
      "an object URL with a forged signature",
      () => weir.fetch("/v1/objects/conn_media/x?bucket=test-media&expires=9999999999&signature=AAAA"),
      403,
      "signature",
    ],
    [
      "an object URL that no encoding is, without any credential",
      () => weir.fetch("/v1/objects/conn_media/%E0%A4%A"),
      400,
      "percent-encoded",
    ],
    ["an object URL without one", () => weir.fetch("/v1/objects/conn_media/x"), 403, "signature"],
    [
      "webhook: unknown connection",
      () => weir.fetch("/v1/connections/nope/events", { method: "POST", body: "{}" }),
      404,
      "connection",
    ],
    [
      "webhook: no proof",
      () =>
        weir.fetch("/v1/connections/conn_media/events", {
          method: "POST",
          body: "{}",
          headers: { "content-type": "application/json" },
        }),
      401,
      "",
    ],
    [
      "webhook: other content type",
      () =>
        weir.fetch("/v1/connections/conn_media/events", {
          method: "POST",
          body: "<x/>",
          headers: { "content-type": "application/xml" },
        }),
      415,
      "JSON",
    ],
    [
      "webhook: oversized body",
      () =>
        weir.fetch("/v1/connections/conn_media/events", {
          method: "POST",
          body: "x".repeat(1_100_000),
          headers: { "content-type": "application/json" },
        }),
      413,
      "",
    ],
    ["webhook: proven, not JSON", () => weir.deliver("conn_media", "{nope"), 422, ""],
    ["webhook: proven, no event", () => weir.deliver("conn_media", '{"hello":"world"}'), 422, ""],
  ];
  test.each(cases)("%s", async (_, call, status, says) => {
    const response = await call();
    const text = await response.text();
    expect(text, `status ${response.status}`).toContain(says);
    expect(response.status).toBe(status);
    expect(response.headers.get("content-type")).toContain("application/problem+json");
  });

  test.each([
    "/v1/pipelines",
    "/v1/events",
    "/v1/runs",
    "/v1/collections/echoes/items",
    "/v1/dead-letters",
    "/v1/rejections",
    "/metrics",
  ])("%s needs the key", async (path) => {
    expect((await weir.fetch(path)).status).toBe(401);
    expect((await weir.fetch(path, { headers: { authorization: "Bearer wrong" } })).status).toBe(401);
    expect((await weir.fetch(path, { headers: { authorization: `Basic ${API_KEY}` } })).status).toBe(401);
    expect((await weir.api(path)).status).toBe(200);
  });

  test("health and the API's description need none", async () => {
    expect((await weir.fetch("/healthz")).status).toBe(200);
    const { paths } = await json(await weir.fetch("/openapi.json"));
    expect(Object.keys(paths as object)).toContain("/v1/pipelines/{alias}/invoke");
  });
});

test("a monitor reads counts as Prometheus's text", async () => {
  const response = await weir.api("/metrics");
  expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  expect(await response.text()).toContain("# TYPE weir_runs_open gauge\n");
});

describe("lists", () => {
  test("come in pages that together are the whole, and a cursor is good for its own list only", async () => {
    for (const name of ["a", "b", "c"]) {
      await weir.put("test-media", `page/${name}.txt`, name);
      await weir.invoke("echo", {
        bucket: "test-media",
        key: `page/${name}.txt`,
        payload: { form: "array" },
      });
    }
    type Page = { data: { id: string; object: { key: string } }[]; next?: string };
    const whole = await weir.read<Page>("/v1/collections/echoes/items?limit=200");
    const paged: Page["data"] = [];
    let next: string | undefined;
    do {
      const page: Page = await weir.read(
        `/v1/collections/echoes/items?limit=2${next === undefined ? "" : `&cursor=${next}`}`,
      );
      expect(page.data.length).toBeLessThanOrEqual(2);
      paged.push(...page.data);
      next = page.next;
    } while (next !== undefined);
    expect(paged).toEqual(whole.data);
    expect(paged.filter((item) => item.object.key.startsWith("page/"))).toHaveLength(6);
    const { next: ofRuns } = await weir.read<Page>("/v1/runs?limit=1");
    expect((await weir.api(`/v1/events?cursor=${ofRuns}`)).status).toBe(400);
  });
});

describe("refusals", () => {
  test("are on record with connection and cause, and without secret or signature", async () => {
    const headers = {
      "content-type": "application/json",
      "webhook-id": "m",
      "webhook-timestamp": "17",
      "webhook-signature": "v1,c2VjcmV0LXNpZ25hdHVyZQ==",
    };
    expect(
      (await weir.fetch("/v1/connections/conn_photos/events", { method: "POST", body: "{}", headers }))
        .status,
    ).toBe(401);
    const { data } = await weir.until(
      () =>
        weir.read<{ data: { connection: string; failure: { kind: string } }[] }>(
          "/v1/rejections?connection=conn_photos",
        ),
      (page) => page.data.length > 0,
    );
    expect(data[0]).toMatchObject({ connection: "conn_photos", failure: { kind: "unproven" } });
    expect(JSON.stringify(data)).not.toContain("c2VjcmV0LXNpZ25hdHVyZQ");
  });
});
