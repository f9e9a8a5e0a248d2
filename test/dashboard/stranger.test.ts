// A page of another origin, in a real browser, beside a running `weir dev`: whatever it tries on whatever port the stack
// listens on, it reads nothing, changes nothing and runs nothing.
import { existsSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { presigned } from "../support/client.ts";
import { type Dev, devProject } from "../support/dev.ts";
import { png } from "../support/png.ts";
import { portsOf, treeOf } from "../support/processes.ts";

const CHROMIUM = "/usr/bin/chromium";
const playwright = await import("playwright-core").catch(() => undefined);
const lacking = playwright ? (existsSync(CHROMIUM) ? undefined : CHROMIUM) : "playwright-core";
if (lacking) console.log(`skipped: a stranger's page in a browser, because ${lacking} is not here`);

/** Another name of this machine, which only this browser knows: what DNS rebinding comes to. */
const REBOUND = "attacker.test";
const CANARY = join(tmpdir(), `weir-canary-${process.pid}`);

/** A server that anybody's page may ask: that the attempts work where nothing hinders them. */
function openToAll(): Promise<Server & { hits: string[] }> {
  const hits: string[] = [];
  const server = createServer((request, response) => {
    hits.push(`${request.method} ${request.url}`);
    const isPicture = request.url?.endsWith(".png");
    response.writeHead(200, {
      "access-control-allow-origin": "*",
      "content-type": isPicture ? "image/png" : "text/html",
    });
    response.end(isPicture ? PICTURE : `<body><script>${SCRIPT}</script></body>`);
  });
  return new Promise((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve(Object.assign(server, { hits }))),
  );
}
const PICTURE = png(1, 1, () => [255, 0, 0]);
const SCRIPT = readFileSync(new URL("stranger.page.js", import.meta.url), "utf8");
const portOf = (server: Server) => (server.address() as AddressInfo).port;

describe.skipIf(lacking !== undefined)("a page of another origin", () => {
  const project = devProject(["echo"], ["conn_media", "conn_items"]);
  let dev: Dev;
  let browser: Browser;
  let page: Page;
  let elsewhere: Awaited<ReturnType<typeof openToAll>>;
  let ports: number[];

  beforeAll(async () => {
    dev = await project.start();
    elsewhere = await openToAll();
    await dev.client.put("test-media", "secret.txt", "only ours");
    await dev.client.put("test-media", "secret.png", PICTURE);
    ports = portsOf(treeOf(dev.pid));
    browser = await (playwright as NonNullable<typeof playwright>).chromium.launch({
      executablePath: CHROMIUM,
      args: ["--no-sandbox", `--host-resolver-rules=MAP ${REBOUND} 127.0.0.1`],
    });
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    elsewhere?.close();
    await dev?.kill();
    project.close();
    rmSync(CANARY, { force: true });
  });
  beforeEach(async () => {
    page = await browser.newPage();
    await page.goto(`http://localhost:${portOf(elsewhere)}/`);
  });

  const inPage = <T>(call: string, ...args: unknown[]) =>
    page.evaluate<T>(`window.${call}(${args.map((arg) => JSON.stringify(arg)).join()})`);
  const readable = (urls: string[]) => inPage<string[]>("readable", urls);
  const post = (url: string, body: string) => inPage<void>("post", url, body);
  const everywhere = (path: string) => ports.map((port) => `http://127.0.0.1:${port}${path}`);

  test("could read, show and post, were a server open to it", async () => {
    const base = `http://127.0.0.1:${portOf(elsewhere)}`;
    expect(await readable([`${base}/x.png`])).toEqual([`${base}/x.png`]);
    elsewhere.hits.length = 0;
    await post(`${base}/post`, '{"a":"b"}');
    expect(elsewhere.hits.filter((hit) => hit === "POST /post").length).toBeGreaterThanOrEqual(2);
    expect(ports.length).toBeGreaterThan(2);
    expect(ports).toContain(Number(new URL(dev.url).port));
  });

  test.each([
    "/",
    "/health",
    "/healthz",
    "/openapi.json",
    "/v1/pipelines",
    "/__local/cron",
    "/cdn-cgi/local/r2/public/test-media/secret.txt",
    "/cdn-cgi/local/r2/public/test-media/secret.png",
    "/cdn-cgi/local/explorer/api/d1/database",
    "/cdn-cgi/local/scheduled",
    "/cdn-cgi/handler/scheduled",
    "/json/list",
  ])("reads nothing of %s, on any port", async (path) => {
    expect(await readable(everywhere(path))).toEqual([]);
  });

  test("shows no object by a signature that every stack's known keys make", async () => {
    const url = await presigned(dev.url, "test-media", "secret.png");
    expect(await readable([url, url.replace("127.0.0.1", "localhost")])).toEqual([]);
  });

  test("runs no code, tells of no change and deletes no object", async () => {
    const run = "0b3c1d3e-5a70-4e0e-8c0f-2f6c6f9c1a11";
    const source = `open(${JSON.stringify(CANARY)}, "w")\ndef handler(event): return []`;
    const start = { pipeline: "stranger", source, event: {}, timeout_ms: 5000 };
    const change = {
      account: "a",
      action: "PutObject",
      bucket: "test-media",
      eventTime: new Date().toISOString(),
    };
    const told = JSON.stringify({ ...change, object: { key: "secret.txt", size: 9, eTag: "e" } });
    const doomed = "<Delete><Object><Key>secret.txt</Key></Object></Delete>";
    for (const port of ports) {
      const base = `http://127.0.0.1:${port}`;
      await post(`${base}/v1/python`, JSON.stringify({ run, start }));
      await post(`${base}/__local/r2-notification`, told);
      await post(await presigned(base, "test-media", "?delete", "POST"), doomed);
    }
    expect(existsSync(CANARY)).toBe(false);
    expect((await dev.client.read<{ data: object[] }>("/v1/events")).data).toEqual([]);
    expect(await dev.client.object("test-media", "secret.txt")).toMatchObject({ body: "only ours" });
  });

  test("opens no WebSocket: not of a debugger either", async () => {
    const paths = ["/", "/ws", "/core:user:weir", "/core:user:weir-local", "/core:user:weir-echo"];
    const urls = ports.flatMap((port) => paths.map((path) => `ws://127.0.0.1:${port}${path}`));
    expect(await inPage("openable", urls)).toEqual([]);
  });

  test("finds nothing under another name of this machine", async () => {
    const answered: string[] = [];
    for (const port of ports) {
      for (const path of ["/", "/healthz", "/health", "/cdn-cgi/local/r2/public/test-media/secret.txt"]) {
        const response = await page.goto(`http://${REBOUND}:${port}${path}`).catch(() => null);
        if (response?.ok()) answered.push(`${port}${path}`);
      }
    }
    expect(answered).toEqual([]);
  });

  test("may link to the page that shows what Weir does, which is itself", async () => {
    const response = await page.goto(`${dev.url}/`);
    expect(response?.status()).toBe(200);
  });
});
