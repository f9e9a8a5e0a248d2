// No secret is seen anywhere. Each kind is planted with a marker of its own; then everything is driven, well and
// badly, and all that was answered, printed, logged and written to the ledger is searched for each of them. What
// `weir deploy` says is searched in test/deploy, with the real wrangler.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { D1Database, R2Bucket } from "@cloudflare/workers-types";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { packageRoot } from "../../cli/project/project.ts";
import { weirHere } from "../cli/support/run.ts";
import { startWeir, type Weir } from "../support/weir.ts";

const webhook = (marker: string) => `whsec_${Buffer.from(`${marker}-0123456789abcdef`).toString("base64")}`;
const PLANTED = {
  WEIR_API_KEY: "planted-root-key-1a2b3c4d",
  WEIR_SIGNING_KEY: 'planted "signing" key & more-5e6f',
  CONN_MEDIA_SECRET: webhook("planted-media"),
  CONN_PHOTOS_SECRET: webhook("planted-photos"),
  CONN_PEER_HOOK: webhook("planted-peer"),
  CONN_PEER_KEY: "planted-sigv4-secret-7a8b",
  CONN_PEER_TOKEN: "planted-bearer-token-9c0d",
  CONN_PEER_B2: "planted-backblaze-secret-1e2f",
  CONN_PEER_OPAQUE: "planted-ceph-opaque-3a4b",
  CONN_PEER_SECRET_ACCESS_KEY: "planted-s3-secret-key-5c6d",
  API_KEY: "planted-handler-key-7e8f",
};
const CLOUDFLARE_API_TOKEN = "planted-cloudflare-token-9a0b";
const ROOT = join(packageRoot, "test/project");

let weir: Weir;
let home: string;
/** Everything that anybody could see, with who showed it. */
const seen: { by: string; text: string }[] = [];
const created: string[] = [];
const compute: string[] = [];

beforeAll(async () => {
  for (const name of ["log", "info", "warn", "error"] as const)
    vi.spyOn(console, name).mockImplementation((...parts) => void compute.push(parts.map(String).join(" ")));
  home = mkdtempSync(join(tmpdir(), "weir-secrets-"));
  weir = await startWeir(PLANTED);
}, 120_000);
afterAll(async () => {
  vi.restoreAllMocks();
  rmSync(home, { recursive: true, force: true });
  await weir?.close();
});

/** Asks, and keeps what was answered, head and body. */
async function ask(path: string, init: RequestInit & { key?: string } = {}): Promise<Response> {
  const { key = PLANTED.WEIR_API_KEY, ...rest } = init;
  const headers = { authorization: `Bearer ${key}`, ...(init.headers as Record<string, string>) };
  const response = await weir.fetch(path, { ...rest, headers });
  const text = await response.clone().text();
  seen.push({
    by: `${init.method ?? "GET"} ${path}`,
    text: `${JSON.stringify([...response.headers])}\n${text}`,
  });
  return response;
}
const post = (path: string, body: unknown, key?: string) =>
  ask(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: typeof body === "string" ? body : JSON.stringify(body),
    ...(key !== undefined && { key }),
  });
async function cli(words: string[], env: Record<string, string> = {}) {
  const own = {
    XDG_CONFIG_HOME: home,
    WEIR_URL: weir.base,
    CLOUDFLARE_ACCOUNT_ID: "acc",
    ...PLANTED,
    ...env,
  };
  const { stdout, stderr, code } = await weirHere(["--root", ROOT, ...words], own);
  seen.push({ by: `weir ${words.join(" ")}`, text: stdout + stderr });
  return code;
}
const until = async (path: string, isSo: (text: string) => boolean) =>
  weir.until(async () => (await ask(path)).text(), isSo);

test("handlers that tell all they know, in logs, on the console and as errors", async () => {
  const object = { bucket: "test-media", key: "told.txt" };
  await weir.put(object.bucket, object.key, "hello");
  for (const form of ["told", "thrown"]) {
    const response = await post("/v1/pipelines/echo/invoke", { ...object, payload: { form } });
    expect(response.status).toBe(form === "told" ? 200 : 500);
    await post("/v1/pipelines/echo/invoke", { payload: { form } });
  }
  await post("/v1/pipelines/python-cases/invoke", { ...object, payload: { case: "leak" } });
  await post("/v1/pipelines/python-cases/invoke", { ...object, payload: { case: "fail_with_url" } });
  const told = await until("/v1/runs?alias=echo", (text) => text.includes("it is ***"));
  expect(told).toContain("not with");
});

test("senders that are believed, and all that are not", async () => {
  const photo = await weir.put("test-photos", "broken.jpg", "no picture");
  await weir.notifyR2(await weir.put("test-media", "told-2.txt", "x"));
  for (const connection of ["conn_media", "conn_photos", "conn_peer", "nobody"]) {
    await post(`/v1/connections/${connection}/events`, weir.s3Records(photo));
    await ask(`/v1/connections/${connection}/events`, {
      method: "POST",
      headers: {
        authorization: "Basic d2VpcjpndWVzc2Vk",
        "webhook-id": "m",
        "webhook-timestamp": "1",
        "webhook-signature": "v1,AAAA",
        "content-type": "application/json",
      },
      body: weir.s3Records(photo),
    });
  }
  for (const kind of [
    "sns",
    "standard-webhooks",
    "sigv4",
    "eventbridge",
    "b2",
    "gcs",
    "minio",
    "tigris",
    "ceph",
  ]) {
    await cli(["trigger", kind, "--connection", "conn_peer", "--dry-run"]);
    await cli([
      "trigger",
      kind,
      "--connection",
      "conn_peer",
      "--object",
      "test-peer/none.jpg",
      "--tamper",
      "--json",
    ]);
    await cli(["connect", kind, "--connection", "conn_peer", "--no-wait"]);
  }
  await cli([
    "trigger",
    "standard-webhooks",
    "--connection",
    "conn_photos",
    "--object",
    "test-photos/broken.jpg",
  ]);
  await until("/v1/runs?alias=image-catalog", (text) => /"status":"(dead|failed)"/.test(text));
});

test("the API, asked well and badly", async () => {
  const made = (await await weir
    .fetch("/v1/keys", {
      method: "POST",
      headers: { authorization: `Bearer ${PLANTED.WEIR_API_KEY}`, "content-type": "application/json" },
      body: '{"name":"planted","scopes":["read"]}',
    })
    .then((it) => it.json())) as { id: string; key: string };
  created.push(made.key);
  await post("/v1/dead-letters/drop", { all: true, reason: "not mine" }, made.key);
  for (const body of [
    "{",
    { form: true },
    { bucket: "elsewhere", key: "x" },
    { bucket: "test-media", key: "none" },
  ])
    await post("/v1/pipelines/echo/invoke", body);
  const signed = "/v1/objects/conn_media/x?bucket=test-media&expires=9999999999&signature=AAAA";
  await ask(signed);
  for (const path of Object.keys(((await (await ask("/openapi.json")).json()) as { paths: object }).paths)) {
    const filled = path
      .replace("{alias}", "echo")
      .replace("{name}", "echoes")
      .replace("/live", "/live?seconds=1")
      .replace(/\{\w+\}/g, "none");
    await ask(filled);
    await ask(filled, { key: made.key });
    await ask(filled, { key: "wrong" });
    // To exchange a key gives it up.
    await post(filled, "{}", filled.endsWith("/exchange") ? "wrong" : made.key);
  }
  await post(`/v1/keys/${made.id}/rotate`, {}).then(async (response) => {
    const { key } = (await response.json()) as { key: string };
    // This one answer is where a key is told.
    seen.pop();
    created.push(key);
  });
  await post(`/v1/keys/${made.id}/revoke`, {});
  await ask("/v1/runs", { key: made.key });
  for (const page of ["/", "/dashboard/main.js", "/healthz", "/nowhere"]) await ask(page);
});

test("the command, with every kind of answer", async () => {
  const token = { CLOUDFLARE_API_TOKEN, CLOUDFLARE_API_BASE_URL: `${weir.base}/nowhere` };
  const wrong = { WEIR_KEY: created[0] ?? "" };
  for (const words of [
    ["whoami"],
    ["doctor"],
    ["pipelines"],
    ["runs", "--limit", "50"],
    ["dead-letters", "list"],
    ["audit-log"],
    ["keys"],
    ["audit", "echo"],
    ["validate"],
    ["preview", "--base", "HEAD"],
    ["deploy", "--plan"],
    ["put", "/nowhere", "test-media/x"],
    ["replay", "show", "none"],
  ]) {
    await cli([...words, "--json"], token);
    if (["deploy", "preview", "validate"].includes(words[0] ?? "")) continue;
    await cli(words);
    await cli(words, wrong);
    await cli(words, { WEIR_URL: "http://0.0.0.0:9" });
  }
}, 120_000);

test("and none of it was seen, anywhere", async () => {
  seen.push({ by: "the Workers' logs", text: JSON.stringify(weir.harness.getLogs()) });
  seen.push({ by: "compute's log", text: compute.join("\n") });
  const { LEDGER, ARCHIVE } = (await weir.harness.getWorker("weir").getEnv()) as Record<string, never> & {
    LEDGER: D1Database;
    ARCHIVE: R2Bucket;
  };
  const { objects } = await ARCHIVE.list({ prefix: "log" });
  expect(objects.length).toBeGreaterThan(5);
  for (const { key } of objects) {
    const bytes = Buffer.from((await (await ARCHIVE.get(key))?.arrayBuffer()) ?? new ArrayBuffer(0));
    seen.push({ by: `the log's ${key}`, text: unpacked(bytes) });
  }
  // What the shards hold is read as people read it.
  for (const path of ["/v1/runs?limit=200", "/v1/dead-letters?limit=200"]) {
    const answer = await weir.fetch(path, { headers: { authorization: `Bearer ${PLANTED.WEIR_API_KEY}` } });
    expect(answer.status).toBe(200);
    seen.push({ by: `all of ${path}`, text: await answer.text() });
  }
  const { results: tables } = await LEDGER.prepare(
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\' AND name NOT LIKE 'sqlite%'",
  ).all<{ name: string }>();
  for (const { name } of tables) {
    const { results } = await LEDGER.prepare(`SELECT * FROM ${name}`).all();
    seen.push({ by: `the table ${name}`, text: JSON.stringify(results) });
  }
  expect(seen.length).toBeGreaterThan(150);
  expect(seen.find(({ by }) => by === "the Workers' logs")?.text).toContain("***");
  const values = {
    ...PLANTED,
    CLOUDFLARE_API_TOKEN,
    ...Object.fromEntries(created.map((key, at) => [`key ${at}`, key])),
  };
  const found = seen.flatMap(({ by, text }) => [
    ...Object.entries(values)
      .filter(([, value]) => formsOf(value).some((form) => text.includes(form)))
      .map(([name]) => `${name}: ${by}`),
    // Whatever signs a URL is as good as a secret, but for those that a search hands out to be opened. What the test
    // itself made up is none.
    ...(!by.endsWith("/search") && /[?&](signature|X-Amz-Signature)=(?!\*\*\*|AAAA|…)[\w%-]{16,}/i.test(text)
      ? [`a signature: ${by}`]
      : []),
  ]);
  expect([...new Set(found)]).toEqual([]);
});

/** An object's text, unpacked where it is packed. */
const unpacked = (bytes: Buffer) => (bytes[0] === 0x1f ? gunzipSync(bytes) : bytes).toString();

/** As it stands, as JSON has it (once and twice), and as a URL does. */
const formsOf = (value: string) => {
  const json = JSON.stringify(value).slice(1, -1);
  return [value, json, JSON.stringify(json).slice(1, -1), encodeURIComponent(value)];
};
