// Asking a collection in a real browser, on the real stack: words, thumbnails, a click that plays from the moment, more
// like this, filters as chips, links that can be passed on, and the keyboard.
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { makeImage, makeVideo } from "../../cli/sample-media/media.ts";
import { API_KEY, startWeir, type Weir } from "../support/weir.ts";

const CHROMIUM = "/usr/bin/chromium";
const playwright = await import("playwright-core").catch(() => undefined);
const lacking = playwright ? (existsSync(CHROMIUM) ? undefined : CHROMIUM) : "playwright-core";
if (lacking) console.log(`skipped: searching in a browser, because ${lacking} is not here`);

const HOSTILE = '<img src=x onerror=document.title="owned">';

describe.skipIf(lacking !== undefined)("a collection is asked", () => {
  let weir: Weir;
  let browser: Browser;
  let page: Page;
  let faults: string[];

  beforeAll(async () => {
    weir = await startWeir();
    const folder = await mkdtemp(join(tmpdir(), "weir-asking-"));
    const path = join(folder, "shore.mp4");
    await makeVideo(path, { seconds: 25, width: 160, height: 90, fps: 8, gopSeconds: 2, scenes: 5 });
    await weir.notifyR2(
      await weir.put("test-media", "films/shore.mp4", await readFile(path), { foo: "bar" }),
    );
    await weir.settled("films/shore.mp4", 1);
    await rm(folder, { recursive: true });
    for (const [index, key] of ["harbour at dawn.jpg", `${HOSTILE}.jpg`].entries()) {
      const photo = await makeImage({ format: "jpeg", width: 96, height: 64, seed: index });
      await weir.put("test-photos", key, photo);
      expect((await weir.invoke("image-catalog", { bucket: "test-photos", key })).status).toBe(200);
    }
    if (playwright)
      browser = await playwright.chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
  }, 200_000);
  afterAll(async () => {
    await browser?.close();
    await weir?.close();
  });
  beforeEach(async () => {
    faults = [];
    page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
    page.setDefaultTimeout(15_000);
    page.on("pageerror", (error) => faults.push(String(error)));
    page.on("console", (message) => {
      if (/Content Security|Trusted/.test(message.text())) faults.push(message.text());
    });
    await page.goto(`${weir.base}/#key=${API_KEY}`);
    await page.getByRole("heading", { name: "Overview" }).waitFor();
  });
  afterEach(async () => {
    await page.close();
    expect(faults).toEqual([]);
  });

  const hits = () => page.locator(".hits > li");
  const isDrawn = (at: number) =>
    hits()
      .nth(at)
      .locator("img")
      .evaluate((it: { complete: boolean; naturalWidth: number }) => it.complete && it.naturalWidth > 0);

  test("in words, by keyboard, and shows thumbnails with the words marked and what was left out", async () => {
    await page.goto(`${weir.base}/#/collections/image_catalog`);
    await page.getByRole("search", { name: "Search image_catalog" }).waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type("harbour");
    await page.keyboard.press("Enter");
    await expect.poll(() => hits().count(), { timeout: 15_000 }).toBe(1);
    expect(await hits().first().textContent()).toContain("harbour at dawn.jpg");
    await expect.poll(() => isDrawn(0), { timeout: 20_000 }).toBe(true);
    await page.getByText("weir/hog-512 takes video and image, no text.").waitFor();
    expect(page.url()).toContain("q=harbour");
    // A link to the answer is the answer.
    await page.reload();
    await expect.poll(() => hits().count(), { timeout: 15_000 }).toBe(1);
    expect(await page.getByLabel("Search", { exact: true }).inputValue()).toBe("harbour");
  });

  test("for more like a moment, and a click plays the film from the second that matches", async () => {
    await page.goto(`${weir.base}/#/collections/data_bucket?q=shore`);
    await expect.poll(() => hits().count(), { timeout: 15_000 }).toBe(3);
    await page.getByRole("link", { name: "More like this" }).first().click();
    await expect.poll(() => hits().count(), { timeout: 15_000 }).toBe(2);
    const second = hits().filter({ hasText: "0:20" });
    await second.getByRole("link", { name: /Show .* at 0:2/ }).click();
    const video = page.locator(".player video");
    await expect
      .poll(() => video.evaluate((it: { currentTime: number }) => it.currentTime), { timeout: 15_000 })
      .toBeGreaterThanOrEqual(20);
    await page.keyboard.press("Escape");
    await video.waitFor({ state: "detached" });
  });

  test("and the strip below a film leads to each of its items, with its frame", async () => {
    await page.goto(`${weir.base}/#/collections/data_bucket?q=shore`);
    await page
      .getByRole("link", { name: /^Show films\/shore\.mp4/ })
      .first()
      .click();
    const at = page.getByRole("button", { name: "Play 0:10–0:20" });
    await at.hover();
    await page.locator(".frame-of").waitFor();
    await at.click();
    await expect
      .poll(() => page.locator(".player video").evaluate((it: { currentTime: number }) => it.currentTime))
      .toBeGreaterThanOrEqual(10);
  });

  test("and is shown as a table, in the order of any column", async () => {
    await page.goto(`${weir.base}/#/collections/data_bucket`);
    await page.getByRole("link", { name: "As a table" }).click();
    const spans = page.locator("tbody tr td:nth-child(2)");
    const begins = async () => (await spans.allTextContents()).map((text) => text.split("–")[0]);
    await page.getByRole("link", { name: "Span" }).click();
    await expect.poll(begins, { timeout: 15_000 }).toEqual(["0:00", "0:10", "0:20"]);
    await page.getByRole("link", { name: "Span" }).click();
    await expect.poll(begins, { timeout: 15_000 }).toEqual(["0:20", "0:10", "0:00"]);
    expect(page.url()).toContain("sort=-span.start");
  });

  test("among what passes filters, each a chip that can be taken away", async () => {
    await page.goto(`${weir.base}/#/collections/data_bucket?q=shore`);
    await page.getByLabel("Add a filter").fill("span.start=10");
    await page.keyboard.press("Enter");
    await expect.poll(() => hits().count(), { timeout: 15_000 }).toBe(1);
    const chip = page.getByRole("link", { name: "Take away span.start = 10" });
    await chip.click();
    await expect.poll(() => hits().count(), { timeout: 15_000 }).toBe(3);
    await page.getByLabel("Add a filter").fill("span.start>=10");
    await page.keyboard.press("Enter");
    await expect.poll(() => hits().count(), { timeout: 15_000 }).toBe(2);
    await page.getByRole("link", { name: "Take away span.start >= 10" }).click();
    await expect.poll(() => hits().count(), { timeout: 15_000 }).toBe(3);
    await page.getByRole("link", { name: "Only this object" }).first().click();
    await page.getByRole("link", { name: "Take away object.key = films/shore.mp4" }).waitFor();
  });

  test("and markup in a name stays text", async () => {
    await page.goto(`${weir.base}/#/collections/image_catalog?q=onerror`);
    await expect.poll(() => hits().count(), { timeout: 15_000 }).toBe(1);
    expect(await hits().first().textContent()).toContain(HOSTILE);
    expect(await page.title()).toBe("image_catalog · Collections · Weir");
  });
});
