// API keys as their holders meet them: what each may do, how long, and what is on record of it. Against the
// whole stack, so that a route that forgets its scope is found by walking all that /openapi.json has.
import type { D1Database } from "@cloudflare/workers-types";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { mayDo, SCOPES, type Scope } from "../../src/shapes/key.ts";
import { startWeir, type Weir } from "../support/weir.ts";

let weir: Weir;
beforeAll(async () => {
  weir = await startWeir();
}, 120_000);
afterAll(() => weir?.close());

interface Key {
  id: string;
  key: string;
  name: string;
  scopes: Scope[];
  prefix: string;
  status: string;
  expires_at: string | null;
  last_used_at: string | null;
  replaced_by: string | null;
}
interface Change {
  key: { id: string; name: string };
  action: string;
  target: string | null;
  detail: Record<string, unknown>;
  outcome: string | null;
  status: number | null;
  request_id: string;
}

const post = (path: string, body: object, key?: string, headers: Record<string, string> = {}) =>
  weir.api(path, {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "content-type": "application/json", ...as(key), ...headers },
  });
const as = (key: string | undefined): Record<string, string> =>
  key === undefined ? {} : { authorization: `Bearer ${key}` };
const get = (path: string, key: string) => weir.fetch(path, { headers: as(key) });
const makeKey = async (name: string, scopes: readonly Scope[], more: object = {}): Promise<Key> => {
  const response = await post("/v1/keys", { name, scopes, ...more });
  expect(response.status).toBe(201);
  return (await response.json()) as Key;
};
const keyById = async (id: string) => {
  const { data } = await weir.read<{ data: Key[] }>("/v1/keys?limit=200");
  return data.find((one) => one.id === id);
};
/** Rows of a key, newest first, once all have ended. */
const changesOf = async (id: string) =>
  (
    await weir.until(
      () => weir.read<{ data: Change[] }>(`/v1/audit-log?key=${id}`),
      ({ data }) => data.length > 0 && data.every(({ outcome }) => outcome !== null),
    )
  ).data;

interface Described {
  paths: Record<string, Record<string, { security?: { key: string[] }[] }>>;
}

describe("every route of /openapi.json", () => {
  test("says its scope, refuses whoever has no key, and each key without the scope, naming it", async () => {
    const { paths } = (await (await weir.fetch("/openapi.json")).json()) as Described;
    const only = new Map(
      await Promise.all(
        SCOPES.map(async (scope) => [scope, await makeKey(`only-${scope}`, [scope])] as const),
      ),
    );
    const seen = new Set<string>();
    for (const [template, methods] of Object.entries(paths)) {
      for (const [method, { security }] of Object.entries(methods)) {
        const path = `${template.replace(/\{\w+\}/g, "nothing")}${template === "/v1/live" ? "?seconds=1" : ""}`;
        const ask = (key?: string) =>
          weir.fetch(path, {
            method: method.toUpperCase(),
            headers: { "content-type": "application/json", ...as(key) },
            ...(method === "post" && { body: '{"nothing":"is so"}' }),
          });
        const [requirement] = security ?? [];
        expect(
          requirement?.key,
          `${method} ${template} declares its scope in src/http/gate/scopes.ts`,
        ).toBeDefined();
        const [needs] = requirement?.key ?? [];
        seen.add(needs ?? "any");
        expect([path, (await ask()).status]).toEqual([path, 401]);
        expect([path, (await ask("wrong")).status]).toEqual([path, 401]);
        for (const [scope, { key }] of only) {
          const response = await ask(key);
          const told = await response.text();
          if (needs === undefined || mayDo([scope], needs as Scope))
            expect([path, scope, response.status]).not.toEqual([path, scope, expect.toBeOneOf([401, 403])]);
          else {
            expect([path, scope, response.status]).toEqual([path, scope, 403]);
            expect(JSON.parse(told)).toMatchObject({
              type: "urn:weir:problem:missing_scope",
              detail: expect.stringContaining(`lacks the scope ${needs}`),
              next: expect.stringContaining(`--scope ${needs}`),
            });
            expect(response.headers.get("www-authenticate")).toBe(
              `Bearer error="insufficient_scope", scope="${needs}"`,
            );
          }
        }
      }
    }
    expect([...seen].sort()).toEqual(["any", "deploy", "invoke", "operate", "read", "search"]);
  });

  test("what is no route is 401 without a key, and 404 with one", async () => {
    expect((await weir.fetch("/v1/nothing")).status).toBe(401);
    expect((await weir.api("/v1/nothing")).status).toBe(404);
    expect((await weir.api("/v1/runs", { method: "PUT" })).status).toBe(404);
  });
});

describe("a key", () => {
  test("is shown once, kept as a hash, and listed by its first characters", async () => {
    const made = await makeKey("shown once", ["invoke", "read"]);
    expect(made.key).toMatch(/^weirkey_[0-9a-f]{48}$/);
    expect(made).toMatchObject({ scopes: ["read", "invoke"], status: "live", expires_at: null });
    const listed = await (await weir.api("/v1/keys?limit=200")).text();
    expect(listed).toContain(made.prefix);
    expect(listed).not.toContain(made.key);
    const { LEDGER } = (await weir.harness.getWorker("weir").getEnv()) as { LEDGER: D1Database };
    const { results } = await LEDGER.prepare("SELECT * FROM api_keys").all();
    expect(JSON.stringify(results)).not.toContain(made.key.slice(12));
    expect(await (await get("/v1/whoami", made.key)).json()).toEqual({
      id: made.id,
      name: "shown once",
      scopes: ["read", "invoke"],
      expires_at: null,
    });
  });

  test("that is not quite one is refused by its checksum alone", async () => {
    const { key } = await makeKey("checksum", ["read"]);
    const other = key.slice(0, 20) + (key[20] === "0" ? "1" : "0") + key.slice(21);
    expect((await get("/v1/runs", other)).status).toBe(401);
    expect((await get("/v1/runs", key.toUpperCase())).status).toBe(401);
  });

  test("leaves a note of its use, at most once a minute", async () => {
    const { id, key } = await makeKey("used", ["read"]);
    await Promise.all(Array.from({ length: 5 }, () => get("/v1/runs", key)));
    const used = await weir.until(
      () => keyById(id),
      (one) => typeof one?.last_used_at === "string",
    );
    await get("/v1/runs", key);
    expect((await keyById(id))?.last_used_at).toBe(used?.last_used_at);
  });

  test("ends when it is revoked, and says so to its holder", async () => {
    const { id, key } = await makeKey("to revoke", ["read"]);
    expect((await get("/v1/runs", key)).status).toBe(200);
    expect((await post(`/v1/keys/${id}/revoke`, {})).status).toBe(200);
    const refused = await get("/v1/runs", key);
    expect(refused.status).toBe(401);
    expect(await refused.text()).toContain("was revoked");
    expect((await keyById(id))?.status).toBe("revoked");
    expect((await post("/v1/keys/key_nope/revoke", {})).status).toBe(404);
  });

  test("ends when its time is over", async () => {
    const expires_at = new Date(Date.now() + 700).toISOString();
    const { key } = await makeKey("short-lived", ["read"], { expires_at });
    expect((await get("/v1/runs", key)).status).toBe(200);
    const status = await weir.until(
      async () => (await get("/v1/runs", key)).status,
      (code) => code !== 200,
    );
    expect(status).toBe(401);
    expect(await (await get("/v1/runs", key)).text()).toContain("has expired");
    expect(
      (await post("/v1/keys", { name: "x", scopes: ["read"], expires_at: "2020-01-01T00:00:00Z" })).status,
    ).toBe(400);
  });

  test("is rotated without a gap: both are valid for the overlap, and then only the new one", async () => {
    const old = await makeKey("rotating", ["read"]);
    const response = await post(`/v1/keys/${old.id}/rotate`, { overlap_seconds: 1 });
    const next = (await response.json()) as Key;
    expect(next).toMatchObject({ name: "rotating", scopes: ["read"], status: "live" });
    expect(
      await Promise.all([old, next].map(async ({ key }) => (await get("/v1/runs", key)).status)),
    ).toEqual([200, 200]);
    expect(await keyById(old.id)).toMatchObject({ status: "replaced", replaced_by: next.id });
    await weir.until(
      async () => (await get("/v1/runs", old.key)).status,
      (status) => status === 401,
    );
    expect((await get("/v1/runs", next.key)).status).toBe(200);
    const again = await post(`/v1/keys/${old.id}/rotate`, {});
    expect(again.status).toBe(409);
    expect(await again.text()).toContain(`replaced by ${next.id}`);
  });

  test("is given up for another that may do as much for as long, once", async () => {
    const soon = new Date(Date.now() + 3_600_000).toISOString();
    const old = await makeKey("linked", ["read"], { expires_at: soon });
    const response = await post("/v1/keys/exchange", {}, old.key);
    expect(response.status).toBe(201);
    const next = (await response.json()) as Key;
    expect(next).toMatchObject({ name: "linked", scopes: ["read"], status: "live", expires_at: soon });
    expect((await get("/v1/runs", next.key)).status).toBe(200);
    expect((await get("/v1/runs", old.key)).status).toBe(401);
    expect((await post("/v1/keys/exchange", {}, old.key)).status).toBe(401);
    // Revoked, it takes with it what it was given up for, in whosever hands that is.
    expect((await post(`/v1/keys/${old.id}/revoke`, {})).status).toBe(200);
    expect((await get("/v1/runs", next.key)).status).toBe(401);
    // The secret of the deployment is not Weir's to replace.
    expect((await post("/v1/keys/exchange", {})).status).toBe(409);
  });

  test("of two rotations at once, one is done", async () => {
    const { id } = await makeKey("twice", ["read"]);
    const both = await Promise.all([1, 2].map(() => post(`/v1/keys/${id}/rotate`, {})));
    expect(both.map(({ status }) => status).sort()).toEqual([201, 409]);
    const { data } = await weir.read<{ data: Key[] }>("/v1/keys?limit=200");
    expect(data.filter(({ name }) => name === "twice")).toHaveLength(2);
  });

  test("gives no more than it has: neither a scope, nor a longer life", async () => {
    const soon = new Date(Date.now() + 3_600_000).toISOString();
    const later = new Date(Date.now() + 7_200_000).toISOString();
    const deploy = await makeKey("deploy", ["deploy", "read"], { expires_at: soon });
    const operate = await makeKey("operate", ["operate"]);
    const ask = async (body: object) =>
      (await post("/v1/keys", { name: "child", ...body }, deploy.key)).status;
    expect(await ask({ scopes: ["read"], expires_at: soon })).toBe(201);
    expect(await ask({ scopes: ["read"], expires_at: later })).toBe(400);
    expect(await ask({ scopes: ["read"] })).toBe(400);
    expect(await ask({ scopes: ["operate"], expires_at: soon })).toBe(403);
    expect((await post(`/v1/keys/${operate.id}/rotate`, { expires_at: soon }, deploy.key)).status).toBe(403);
  });

  test("ends none that may do more than it, whether by revoking it or by putting another in its place", async () => {
    const deploy = await makeKey("deploy alone", ["deploy"]);
    const strong = await makeKey("strong", SCOPES);
    for (const [move, body] of [
      ["revoke", {}],
      ["rotate", { overlap_seconds: 0 }],
    ] as const) {
      const refused = await post(`/v1/keys/${strong.id}/${move}`, body, deploy.key);
      expect(refused.status).toBe(403);
      expect(await refused.text()).toContain('which \\"deploy alone\\"');
    }
    expect((await get("/v1/runs", strong.key)).status).toBe(200);
    const equal = await makeKey("equal", ["deploy"]);
    expect((await post(`/v1/keys/${equal.id}/revoke`, {}, deploy.key)).status).toBe(200);
    expect((await post(`/v1/keys/${deploy.id}/revoke`, {}, deploy.key)).status).toBe(200);
    expect((await post(`/v1/keys/${strong.id}/revoke`, {})).status).toBe(200);
  });

  test.each([
    ["no name", { scopes: ["read"] }],
    ["a name with a line break", { name: "a\nb", scopes: ["read"] }],
    ["no scope", { name: "a", scopes: [] }],
    ["a scope that there is not", { name: "a", scopes: ["admin"] }],
    ["an expiry that is no time", { name: "a", scopes: ["read"], expires_at: "soon" }],
  ])("is not made of %s", async (_, body) => {
    expect((await post("/v1/keys", body)).status).toBe(400);
  });
});

describe("the audit log", () => {
  test("has each change with who, what, on what, how it ended and the request's id, and no more", async () => {
    const { id, key } = await makeKey("auditor", SCOPES);
    const headers = { "x-request-id": "req-42" };
    const invoked = await post(
      "/v1/pipelines/echo/invoke",
      { payload: { secret: "planted-payload" } },
      key,
      headers,
    );
    expect(invoked.headers.get("x-request-id")).toBe("req-42");
    const { run_id } = (await invoked.json()) as { run_id: string };
    await post("/v1/pipelines/reader/pause", { reason: "planted-reason" }, key);
    await post("/v1/pipelines/reader/resume", {}, key);
    const replay = (await (
      await post("/v1/replays", { select: { kind: "stale" }, aliases: ["echo"], dry_run: true }, key)
    ).json()) as { id: string };
    await post(`/v1/replays/${replay.id}/cancel`, {}, key);
    await post("/v1/audits", { alias: "echo", prefix: "none/" }, key);
    await post("/v1/dead-letters/redrive", { alias: "echo" }, key);
    await post("/v1/dead-letters/drop", { kind: "timeout", reason: "none" }, key);
    await post("/v1/pipelines/nope/invoke", {}, key);
    await get("/v1/runs", key);
    await post("/v1/filters/test", {}, key);
    const changes = (await changesOf(id)).reverse();
    expect(changes.map(({ action, target, outcome }) => [action, target, outcome])).toEqual([
      ["pipeline.invoke", "echo", "done"],
      ["pipeline.pause", "reader", "done"],
      ["pipeline.resume", "reader", "done"],
      ["replay.create", replay.id, "done"],
      ["replay.cancel", replay.id, expect.toBeOneOf(["done", "refused"])],
      ["audit.create", "echo", "done"],
      ["dead-letters.redrive", "echo", "done"],
      ["dead-letters.drop", null, "done"],
      ["pipeline.invoke", "nope", "refused"],
    ]);
    expect(changes[0]).toMatchObject({
      detail: { run_id },
      status: 200,
      request_id: "req-42",
      key: { name: "auditor" },
    });
    expect(JSON.stringify(changes)).not.toContain("planted");
  });

  test("has what was refused for want of a scope, or with a key that is over: once a minute", async () => {
    const { id, key } = await makeKey("curious", ["read"]);
    for (let time = 0; time < 3; time++)
      await post("/v1/dead-letters/drop", { all: true, reason: "mine" }, key);
    expect(await changesOf(id)).toMatchObject([
      { action: "dead-letters.drop", outcome: "refused", status: 403 },
    ]);
    await post(`/v1/keys/${id}/revoke`, {});
    await post("/v1/pipelines/echo/invoke", {}, key);
    expect((await changesOf(id))[0]).toMatchObject({
      action: "pipeline.invoke",
      outcome: "refused",
      status: 401,
    });
  });

  test("tells a repeated request from the first, and is paged", async () => {
    const { id, key } = await makeKey("repeater", ["invoke"]);
    for (let time = 0; time < 2; time++)
      await post("/v1/pipelines/echo/invoke", { payload: 1 }, key, { "idempotency-key": "audited" });
    expect((await changesOf(id)).map(({ outcome }) => outcome)).toEqual(["repeated", "done"]);
    const first = await weir.read<{ data: Change[]; next: string }>(`/v1/audit-log?key=${id}&limit=1`);
    const second = await weir.read<{ data: Change[]; next?: string }>(
      `/v1/audit-log?key=${id}&limit=1&cursor=${first.next}`,
    );
    expect([first, second].map(({ data }) => data[0]?.outcome)).toEqual(["repeated", "done"]);
    expect(second.next).toBeUndefined();
    expect((await weir.api("/v1/audit-log?cursor=made-up")).status).toBe(400);
  });

  test("has key changes with the key's id, never the key", async () => {
    const { id, key } = await makeKey("watched", ["read"]);
    await post(`/v1/keys/${id}/revoke`, {});
    const { data } = await weir.read<{ data: Change[] }>(`/v1/audit-log?target=${id}`);
    expect(data.map(({ action, key: by }) => [action, by.id])).toEqual([
      ["key.revoke", "root"],
      ["key.create", "root"],
    ]);
    expect(JSON.stringify(data)).not.toContain(key.slice(12));
  });
});
