// `Idempotency-Key` on the whole stack: the same request is done once, however often and however close
// together it is sent, and what failed satisfies nobody.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Run, startWeir, type Weir } from "../support/weir.ts";

let weir: Weir;
beforeAll(async () => {
  weir = await startWeir();
}, 120_000);
afterAll(() => weir?.close());

interface Answer {
  status: number;
  replayed: boolean;
  location: string | null;
  body: { run_id: string; id: string; title: string; where: string; redriven: number; run_ids: string[] };
}
async function post(path: string, key: string, body: unknown, apiKey?: string): Promise<Answer> {
  const headers = {
    "content-type": "application/json",
    "idempotency-key": key,
    ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
  };
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const response = await weir.api(path, { method: "POST", headers, body: text });
  return {
    status: response.status,
    replayed: response.headers.has("idempotent-replayed"),
    location: response.headers.get("location"),
    body: (await response.json()) as Answer["body"],
  };
}
const invoke = (alias: string, key: string, body: unknown, query = "", apiKey?: string) =>
  post(`/v1/pipelines/${alias}/invoke${query}`, key, body, apiKey);
const runsOf = async (alias: string) =>
  (await weir.read<{ data: Run[] }>(`/v1/runs?alias=${alias}&limit=200`)).data;
const ledger = async () => (await weir.harness.getWorker<{ LEDGER: D1Like }>("weir").getEnv()).LEDGER;

describe("an invocation with an Idempotency-Key", () => {
  test("sent again has the same answer, and ran once", async () => {
    const body = { payload: { form: "array" } };
    const first = await invoke("echo", "again-1", body);
    const before = await runsOf("echo");
    const second = await invoke("echo", "again-1", body);
    expect(first).toMatchObject({ status: 200, replayed: false });
    expect(second).toEqual({ ...first, replayed: true });
    expect(await runsOf("echo")).toEqual(before);
  });

  test("is its caller's: the same key from another API key is another request, with another answer", async () => {
    const made = await weir.api("/v1/keys", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ name: "other caller", scopes: ["invoke"] }),
    });
    const { key } = (await made.json()) as { key: string };
    const body = { payload: { mine: true } };
    const first = await invoke("echo", "shared-1", body);
    const other = await invoke("echo", "shared-1", body, "", key);
    expect(other).toMatchObject({ status: 200, replayed: false });
    expect(other.body.run_id).not.toBe(first.body.run_id);
    expect(await invoke("echo", "shared-1", { payload: { mine: false } }, "", key)).toMatchObject({
      status: 422,
    });
    expect(await invoke("echo", "shared-1", body)).toEqual({ ...first, replayed: true });
  });

  test("sent many times at once runs once; who comes while it runs is told so", async () => {
    const before = (await runsOf("echo")).length;
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => invoke("echo", "at-once", { payload: {} })),
    );
    expect((await runsOf("echo")).length - before).toBe(1);
    const done = answers.filter(({ status }) => status === 200);
    expect(done.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(new Set(done.map(({ body }) => body.run_id)).size).toBe(1);
    const others = answers.filter(({ status }) => status !== 200);
    for (const other of others)
      expect(other).toMatchObject({ status: 409, body: { title: "conflict", where: "Idempotency-Key" } });
    expect(await invoke("echo", "at-once", { payload: {} })).toMatchObject({ status: 200, replayed: true });
  });

  test("is refused with 409 while the first is in progress", async () => {
    // "slow" runs into the pipeline's timeout of two seconds.
    const slow = { payload: { form: "slow" } };
    const first = invoke("echo", "slow-1", slow);
    const second = await weir.until(
      () => invoke("echo", "slow-1", slow),
      ({ status }) => status === 409,
    );
    expect(second.body.title).toBe("conflict");
    expect((await first).status).toBe(504);
  });

  test("is refused with 422 for another body or query; another pipeline is another key", async () => {
    await weir.put("test-media", "idempotent/x.txt", "x");
    const body = { bucket: "test-media", key: "idempotent/x.txt" };
    expect(await invoke("echo", "reused", body)).toMatchObject({ status: 200 });
    const reused = { status: 422, body: { title: "key reused", where: "Idempotency-Key" } };
    expect(await invoke("echo", "reused", { payload: 1 })).toMatchObject(reused);
    expect(await invoke("echo", "reused", body, "?async=true")).toMatchObject(reused);
    expect(await invoke("r2-reader", "reused", body)).toMatchObject({ status: 200, replayed: false });
  });

  test("that failed satisfies nobody: each further one runs", async () => {
    const failing = { payload: 1 };
    const [first, second] = [
      await invoke("always-throws", "fails", failing),
      await invoke("always-throws", "fails", failing),
    ];
    expect([first.status, second.status]).toEqual([500, 500]);
    expect(first.body.run_id).not.toBe(second.body.run_id);
    // Nor does what was refused: the corrected body may have the key.
    expect((await invoke("echo", "corrected", { nonsense: 1 })).status).toBe(400);
    expect((await invoke("echo", "corrected", { payload: 1 })).status).toBe(200);
  });

  test("that is queued is one run, with its address, and one that ends dead may be asked for again", async () => {
    const [first, second] = [
      await invoke("echo", "queued", { payload: 1 }, "?async=true"),
      await invoke("echo", "queued", { payload: 1 }, "?async=true"),
    ];
    expect(first).toMatchObject({ status: 202, location: `/v1/runs/${first.body.run_id}` });
    expect(second).toEqual({ ...first, replayed: true });

    const failing = () => invoke("always-throws", "queued", { payload: 1 }, "?async=true");
    const dead = await failing();
    await weir.until(
      () => weir.read<Run>(`/v1/runs/${dead.body.run_id}`),
      (run) => run.status === "dead",
    );
    const anew = await failing();
    expect(anew).toMatchObject({ status: 202, replayed: false });
    expect(anew.body.run_id).not.toBe(dead.body.run_id);
  });

  test("is not kept where its answer is over 500 KB: it runs each time", async () => {
    // Each 1e20 of the body comes back as 21 digits, twice.
    const body = (numbers: number) =>
      `{"payload":{"form":"array","numbers":[${Array(numbers).fill("1e20")}]}}`;
    for (const [numbers, key, replayed] of [
      [2_000, "fits", true],
      [15_000, "large", false],
    ] as const) {
      expect(await invoke("echo", key, body(numbers))).toMatchObject({ status: 200 });
      expect(await invoke("echo", key, body(numbers))).toMatchObject({ status: 200, replayed });
    }
  });

  test("in quotes, as a structured field has it, is the same key", async () => {
    const first = await invoke("echo", "plain", { payload: 1 });
    expect(await invoke("echo", '"plain"', { payload: 1 })).toEqual({ ...first, replayed: true });
  });

  test("is another after 24 hours, or after a request that vanished", async () => {
    const first = await invoke("echo", "old", { payload: 1 });
    const db = await ledger();
    const age = (ms: number, set = "") =>
      db.prepare(`UPDATE idempotency SET at = at - ?${set} WHERE key = 'old'`).bind(ms).run();
    await age(24 * 3_600_000);
    const second = await invoke("echo", "old", { payload: 2 });
    expect(second).toMatchObject({ status: 200, replayed: false });
    expect(second.body.run_id).not.toBe(first.body.run_id);

    await age(0, ", status = NULL");
    expect((await invoke("echo", "old", { payload: 2 })).status).toBe(409);
    await age(900_000);
    expect(await invoke("echo", "old", { payload: 2 })).toMatchObject({ status: 200, replayed: false });
  });

  test.each(["", "x".repeat(201), "two words", "a,b", '"'])("%j is refused", async (key) => {
    expect(await invoke("echo", key, { payload: 1 })).toMatchObject({
      status: 400,
      body: { where: "Idempotency-Key" },
    });
  });
});

test.each([
  ["a replay", "/v1/replays", { select: { kind: "stale" }, aliases: ["echo"], dry_run: true }],
  ["an audit", "/v1/audits", { alias: "echo", prefix: "none/" }],
])("%s with an Idempotency-Key is created once", async (_, path, body) => {
  const answers = await Promise.all([post(path, "create-1", body), post(path, "create-1", body)]);
  const created = answers.filter(({ status }) => status === 202);
  const first = created[0];
  expect(await post(path, "create-1", body)).toMatchObject({ replayed: true, body: { id: first?.body.id } });
  expect(new Set(created.map(({ body }) => body.id)).size).toBe(1);
});

test("a redrive with an Idempotency-Key answers again what it did", async () => {
  const { body } = await invoke("always-throws", "to-redrive", { payload: 1 }, "?async=true");
  await weir.until(
    () => weir.read<Run>(`/v1/runs/${body.run_id}`),
    (run) => run.status === "dead",
  );
  const choice = { run_ids: [body.run_id] };
  const letters = () => weir.read<{ data: { run_id: string }[] }>("/v1/dead-letters?alias=always-throws");
  await weir.until(letters, ({ data }) => data.some((letter) => letter.run_id === body.run_id));
  const first = await post("/v1/dead-letters/redrive", "redrive-1", choice);
  const second = await post("/v1/dead-letters/redrive", "redrive-1", choice);
  expect(first).toMatchObject({ status: 200, body: { redriven: 1, run_ids: [body.run_id] } });
  expect(second).toEqual({ ...first, replayed: true });
});

interface D1Like {
  prepare(sql: string): { bind(...values: unknown[]): { run(): Promise<unknown> } };
}
