// MCP as a model's host speaks it, by the SDK's own client: over HTTP at /mcp with a key that can only read, and over
// stdio by `weir mcp`; and `weir search` and `weir eval` on the same collection.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { run } from "../../cli/program.ts";
import { packageRoot } from "../../cli/project/project.ts";
import { WeirClient } from "../../src/client/client.ts";
import { png } from "../support/png.ts";
import { API_KEY, startWeir, type Weir } from "../support/weir.ts";

let weir: Weir;
let root: string;
let readKey: string;

beforeAll(async () => {
  weir = await startWeir();
  root = mkdtempSync(join(tmpdir(), "weir-mcp-"));
  const red = png(16, 12, () => [255, 0, 0]);
  await weir.put("test-photos", "harbour red.png", red);
  await weir.put(
    "test-photos",
    "meadow.png",
    png(16, 12, () => [0, 200, 0]),
  );
  for (const key of ["harbour red.png", "meadow.png"])
    expect((await weir.invoke("image-catalog", { bucket: "test-photos", key })).status).toBe(200);
  const api = new WeirClient({ url: weir.base, key: API_KEY });
  readKey = (await api.createKey({ name: "model", scopes: ["read"] })).key;
}, 200_000);
afterAll(async () => {
  await weir?.close();
  rmSync(root, { recursive: true, force: true });
});

const overHttp = (key: string) =>
  new StreamableHTTPClientTransport(new URL("/mcp", weir.base), {
    requestInit: { headers: { authorization: `Bearer ${key}` } },
  });
const overStdio = () =>
  new StdioClientTransport({
    command: process.execPath,
    args: [join(packageRoot, "cli/bin.mjs"), "mcp", "--url", weir.base],
    env: { PATH: process.env.PATH ?? "", WEIR_API_KEY: readKey },
    stderr: "ignore",
  });

/** A connected client; each call of a tool gives the JSON that it answers. */
async function connect(transport: Transport) {
  const client = new Client({ name: "test", version: "1" });
  await client.connect(transport);
  const call = async (name: string, args: Record<string, unknown> = {}) => {
    const answer = await client.callTool({ name, arguments: args });
    const [part] = answer.content as { text: string }[];
    return { isError: answer.isError ?? false, value: JSON.parse(part?.text ?? "null") };
  };
  return { client, call };
}

describe.each([
  ["over HTTP", () => overHttp(readKey)],
  ["over stdio", overStdio],
])("a model %s", (_, open) => {
  test("has at most six tools, which only read, in few words", { timeout: 60_000 }, async () => {
    const { client } = await connect(open());
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual([
      "search_collection",
      "get_item",
      "get_lineage",
      "explain_decision",
      "get_status",
    ]);
    expect(tools.every(({ annotations }) => annotations?.readOnlyHint)).toBe(true);
    // About four characters are a token: all of it is below 2,000.
    expect(JSON.stringify(tools).length / 4).toBeLessThan(2_000);
    await client.close();
  });

  test("finds a picture, reads where it came from and why, and sees the status", {
    timeout: 60_000,
  }, async () => {
    const { client, call } = await connect(open());
    const found = await call("search_collection", { collection: "image_catalog", text: "harbour" });
    expect(found.value.hits).toMatchObject([{ object: "test-photos/harbour red.png" }]);
    const { item } = found.value.hits[0];
    expect((await call("get_item", { collection: "image_catalog", item })).value).toMatchObject({ id: item });
    const { value: lineage } = await call("get_lineage", { collection: "image_catalog", item });
    expect(lineage.pipeline.alias).toBe("image-catalog");
    const why = await call("explain_decision", { event: lineage.event.id, pipeline: "image-catalog" });
    expect(why.value).toMatchObject({ alias: "image-catalog", runs: [{ status: "succeeded" }] });
    const { value: status } = await call("get_status");
    expect(status.pipelines.map(({ collection }: { collection: string }) => collection)).toContain(
      "image_catalog",
    );
    const alike = await call("search_collection", { collection: "image_catalog", like: item });
    expect(alike.value.hits).toMatchObject([{ object: "test-photos/meadow.png" }]);
    await client.close();
  });

  test("is told what is wrong in words that it can act on", { timeout: 60_000 }, async () => {
    const { client, call } = await connect(open());
    const answer = await call("search_collection", { collection: "nothing", text: "x" });
    expect(answer).toMatchObject({
      isError: true,
      value: { status: 404, expected: expect.stringContaining("image_catalog") },
    });
    await client.close();
  });
});

test("/mcp takes no key that may not read, and none at all", async () => {
  const { key } = await new WeirClient({ url: weir.base, key: API_KEY }).createKey({
    name: "caller",
    scopes: ["invoke"],
  });
  await expect(connect(overHttp(key))).rejects.toThrow(/403/);
  await expect(connect(overHttp("wrong"))).rejects.toThrow(/401/);
  expect((await weir.fetch("/mcp")).status).toBe(401);
  expect((await weir.api("/mcp")).status).toBe(405);
});

describe("at the command line", () => {
  const weirCommand = async (...words: string[]) => {
    const lines: string[] = [];
    const write = process.stdout.write;
    process.stdout.write = (text: string | Uint8Array) => {
      lines.push(String(text));
      return true;
    };
    const before = { ...process.env };
    Object.assign(process.env, { WEIR_URL: weir.base, WEIR_API_KEY: API_KEY });
    try {
      return { code: await run(["--root", root, ...words]), out: lines };
    } finally {
      process.stdout.write = write;
      process.env = before;
    }
  };

  test("weir search prints hits, and all of the answer as JSON", async () => {
    const { code, out } = await weirCommand("search", "image_catalog", "harbour");
    expect([code, out.join("")]).toEqual([0, expect.stringContaining("test-photos/harbour red.png")]);
    const asJson = await weirCommand("search", "image_catalog", "--like", "meadow.png", "--json");
    expect(JSON.parse(asJson.out.join(""))).toMatchObject({ hits: [{ object: { key: "harbour red.png" } }] });
    expect((await weirCommand("search", "nothing", "x")).code).toBe(4);
  });

  test("weir eval measures, fails with 5 below --min, and names the queries that fell", async () => {
    mkdirSync(join(root, "collections"));
    const queries = [
      { text: "harbour", expect: [{ key: "harbour red.png" }] },
      { text: "meadow", expect: [{ key: "harbour red.png" }] },
    ];
    writeFileSync(join(root, "collections/image_catalog.queries.json"), JSON.stringify({ queries }));
    const { code, out } = await weirCommand("eval", "image_catalog", "--json");
    const report = JSON.parse(out.join(""));
    expect([code, report.results]).toMatchObject([
      0,
      [
        {
          pipeline: "image-catalog",
          recall: 0.5,
          mrr: 0.5,
          ndcg: 0.5,
          queries: [{ recall: 1 }, { recall: 0 }],
        },
      ],
    ]);
    expect((await weirCommand("eval", "image_catalog", "--min", "0.5")).code).toBe(0);
    expect((await weirCommand("eval", "image_catalog", "--min", "0.6")).code).toBe(5);
    report.results[0].queries[1].ndcg = 1;
    writeFileSync(join(root, "before.json"), JSON.stringify(report));
    const against = await weirCommand("eval", "image_catalog", "--against", join(root, "before.json"));
    expect(against.out.join("")).toMatch(/meadow .*nDCG 1\.000 +0\.000/);
  });
});
