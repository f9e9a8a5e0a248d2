// The API's reference at /docs in a real browser: it shows every operation under a strict policy, and an operation that is
// tried there is answered.
import { existsSync } from "node:fs";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { API_KEY, startWeir, type Weir } from "../support/weir.ts";

const CHROMIUM = "/usr/bin/chromium";
const playwright = await import("playwright-core").catch(() => undefined);
const isLacking = !playwright || !existsSync(CHROMIUM);

let weir: Weir;
let browser: Browser | undefined;
beforeAll(async () => {
  weir = await startWeir();
  if (!isLacking)
    browser = await playwright?.chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
}, 120_000);
afterAll(async () => {
  await browser?.close();
  await weir?.close();
});

test("its files come without a key, from its own folder alone, with nothing inline", async () => {
  const response = await weir.fetch("/docs");
  const policy = response.headers.get("content-security-policy") ?? "";
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain(`script-src ${weir.base}/docs/;`);
  expect(policy.replaceAll(weir.base, "")).not.toMatch(/unsafe|https?:|\*/);
  const html = await response.text();
  expect(html).not.toMatch(/<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc="\/docs\/)/);
  for (const [, file = ""] of html.matchAll(/(?:src|href)="(\/[^"]*)"/g))
    expect((await weir.fetch(file)).status, file).toBe(200);
  expect((await weir.fetch("/docs/nothing.js")).status).toBe(404);
});

test.skipIf(isLacking)("every operation is shown, and one that is tried with a key is answered", async () => {
  const page = await (browser as Browser).newPage();
  const troubles: string[] = [];
  page.on("console", (message) => message.type() === "error" && troubles.push(message.text()));
  page.on("pageerror", (error) => troubles.push(String(error)));
  await page.goto(`${weir.base}/docs`);
  const { paths } = (await (await weir.fetch("/openapi.json")).json()) as { paths: Record<string, object> };
  const operations = Object.values(paths).flatMap(Object.keys).length;
  await page.waitForSelector(".opblock");
  expect(await page.locator(".opblock").count()).toBe(operations);
  expect(await page.locator(".servers").innerText()).toContain(weir.base);

  await page.locator("button.authorize").click();
  await page.locator(".auth-container input").fill(API_KEY);
  await page.locator(".auth-btn-wrapper .authorize").click();
  await page.locator(".auth-btn-wrapper .btn-done").click();
  await page.locator('.opblock:has([data-path="/v1/whoami"]) .opblock-summary-control').click();
  await page.locator(".opblock.is-open .execute").click();
  const answer = page.locator(".opblock.is-open .live-responses-table .response-col_status").first();
  await answer.waitFor();
  expect(await page.locator(".opblock.is-open .live-responses-table").innerText()).toContain("WEIR_API_KEY");
  expect(troubles).toEqual([]);
  expect(await page.evaluate("JSON.stringify([{ ...localStorage }, { ...sessionStorage }])")).not.toContain(
    API_KEY,
  );
  await page.close();
});
