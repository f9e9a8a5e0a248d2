// The dashboard in a real browser, on the real stack: what a person sees, clicks and types.
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { makeVideo } from "../../cli/sample-media/media.ts";
import { buildPage } from "../../scripts/page.mjs";
import { API_KEY, startWeir, type Weir } from "../support/weir.ts";

const CHROMIUM = "/usr/bin/chromium";
const playwright = await import("playwright-core").catch(() => undefined);
const lacking = playwright ? (existsSync(CHROMIUM) ? undefined : CHROMIUM) : "playwright-core";
if (lacking) console.log(`skipped: the dashboard in a browser, because ${lacking} is not here`);

const VIEWS = [
  "overview",
  "find",
  "events",
  "runs",
  "collections",
  "pipelines",
  "pipelines/echo",
  "sandbox",
  "replays",
  "dead-letters",
  "connections",
  "rejections",
  "keys",
  "audit",
];
const HOSTILE = '<img src=x onerror=document.title="owned">.txt';

let weir: Weir;
let closed: Weir;
beforeAll(async () => {
  weir = await startWeir();
}, 120_000);
afterAll(() => weir?.close());

describe("the page's files", () => {
  test("come without a key, allow nothing from elsewhere and nothing inline, and hold no inline code", async () => {
    const response = await weir.fetch("/");
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toContain("text/html");
    const policy = response.headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'");
    // Not from the whole origin, which serves other people's files under /v1/objects/.
    expect(policy).toContain(`script-src ${weir.base}/dashboard/;`);
    expect(policy).toContain("require-trusted-types-for 'script'");
    expect(policy.replaceAll(weir.base, "")).not.toMatch(/unsafe|https?:|\*/);
    const html = await response.text();
    expect(html).not.toMatch(/<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc="\/dashboard\/)/);
    const files = [...html.matchAll(/(?:src|href)="(\/[^"]*)"/g)].map((match) => match[1] ?? "");
    expect(files.filter((file) => /\/dashboard\/page-\w+\.js$/.test(file))).toHaveLength(1);
    for (const file of files) expect((await weir.fetch(file)).status, file).toBe(200);
  });

  test("every script that a script imports is served, as a script that may be kept for ever", async () => {
    const seen = new Set(/page-\w+\.js/.exec(await (await weir.fetch("/")).text()) ?? []);
    for (const name of seen) {
      const response = await weir.fetch(`/dashboard/${name}`);
      expect(response.status, name).toBe(200);
      expect(response.headers.get("content-type")).toContain("text/javascript");
      expect(response.headers.get("cache-control")).toContain("immutable");
      for (const [, imported] of (await response.text()).matchAll(/(?:from|import\()"\.\/([^"]+)"/g))
        if (imported) seen.add(imported);
    }
    expect(seen.size).toBeGreaterThan(10);
  });

  test("are at most 120 kB for the first view, compressed", async () => {
    const { files, first } = await buildPage();
    const size = first.reduce((sum, name) => sum + gzipSync(files[name] ?? "").length, 0);
    expect(size).toBeGreaterThan(10_000);
    expect(size).toBeLessThanOrEqual(120_000);
  });
});

describe.skipIf(lacking !== undefined)("the dashboard", () => {
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let faults: string[];

  beforeAll(async () => {
    if (!playwright) return;
    browser = await playwright.chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
  });
  afterAll(() => browser?.close());
  beforeEach(async () => {
    faults = [];
    context = await browser.newContext({ viewport: { width: 1400, height: 900 } });
    page = await context.newPage();
    page.setDefaultTimeout(10_000);
    page.on("pageerror", (error) => faults.push(String(error)));
    page.on("console", (message) => {
      if (/Content Security|Trusted/.test(message.text())) faults.push(message.text());
    });
  });
  afterEach(async () => {
    await context.close();
    expect(faults).toEqual([]);
  });

  const open = (fragment = "") => page.goto(`${weir.base}/#key=${API_KEY}`).then(() => goto(fragment));
  const goto = async (fragment: string) => {
    if (fragment) await page.goto(`${weir.base}/${fragment}`);
  };
  const see = (text: string | RegExp) => page.getByText(text).first().waitFor();
  const forget = async () => {
    const button = page.getByRole("button", { name: "Forget key" });
    if (!(await button.isVisible())) await page.locator(".who > summary").click();
    await button.click();
  };
  const heading = (name: string) => page.getByRole("heading", { name, exact: true }).waitFor();

  test("takes the key out of the address, once, and shows the pipelines and that nothing has come yet", async () => {
    await open();
    await heading("Overview");
    expect(page.url()).toBe(`${weir.base}/`);
    await page.getByRole("link", { name: "Events" }).click();
    await see("No events yet.");
    await page.getByRole("link", { name: "Pipelines" }).click();
    for (const name of ["echo", "video-processor", "always-throws", "image-catalog"])
      await page.getByRole("rowheader", { name }).waitFor();
    await page.getByRole("link", { name: "Dead letters" }).click();
    await see("No dead letters");
    await page.getByRole("link", { name: "Rejections" }).click();
    await see("Nothing was refused");
    await page.reload();
    await see("Nothing was refused");
  });

  test("asks for the key, says when one is not valid, and forgets it when told to", async () => {
    await page.goto(weir.base);
    await page.getByLabel("Key", { exact: true }).fill("wrong");
    await page.keyboard.press("Enter");
    await see("the API key is not valid");
    await page.keyboard.type(API_KEY);
    await page.keyboard.press("Enter");
    await heading("Overview");
    await forget();
    await page.getByLabel("Key", { exact: true }).waitFor();
    expect(await page.evaluate("Object.values(sessionStorage).length")).toBe(0);
    expect(await page.getByText("video-processor").count()).toBe(0);
  });

  test("works with a key that can only read, says what it may not do, and refuses one that cannot read", async () => {
    const keyWith = async (name: string, scope: string) => {
      const body = JSON.stringify({ name, scopes: [scope] });
      const headers = { "content-type": "application/json" };
      const response = await weir.api("/v1/keys", { method: "POST", body, headers });
      return ((await response.json()) as { key: string }).key;
    };
    await page.goto(`${weir.base}/#key=${await keyWith("looker", "read")}`);
    await page.locator(".who > summary").click();
    await see("You look with the key looker, which may read and may not invoke, operate, deploy.");
    await page.getByRole("link", { name: "Rejections" }).click();
    await heading("Rejections");
    await goto("#/pipelines/echo");
    await page.getByRole("button", { name: "Pause" }).click({ force: true });
    await see("The key looker may not operate.");
    await forget();
    await page.getByLabel("Key", { exact: true }).fill(await keyWith("caller", "invoke"));
    await page.keyboard.press("Enter");
    await see("The key caller may invoke, and not read.");
    expect(await page.evaluate("Object.values(sessionStorage).length")).toBe(0);
  });

  test("a link with another key does not replace the one that the page has, unless its reader says so", async () => {
    await open();
    await heading("Overview");
    const held = () => page.evaluate("sessionStorage.getItem('weir-key')");
    const follow = async (answer: "accept" | "dismiss") => {
      const asked = page.waitForEvent("dialog");
      const done = page.evaluate("location.hash = '#key=weirkey_of_somebody_else'");
      const dialog = await asked;
      expect(dialog.message()).toContain("another API key");
      await dialog[answer]();
      await done;
      return held();
    };
    expect(await follow("dismiss")).toBe(API_KEY);
    expect(page.url()).not.toContain("weirkey_of_somebody_else");
    await follow("accept");
    await page.getByLabel("Key", { exact: true }).waitFor();
    expect(await held()).toBe(null);
  });

  test("a link with a created key opens the page once, and the key that it held is worth nothing afterwards", async () => {
    const body = JSON.stringify({ name: "link", scopes: ["read"] });
    const headers = { "content-type": "application/json" };
    const { key } = (await (await weir.api("/v1/keys", { method: "POST", body, headers })).json()) as {
      key: string;
    };
    const link = `${weir.base}/#key=${key}&to=${encodeURIComponent("#/rejections")}`;
    await page.goto(link);
    await heading("Rejections");
    expect(await page.evaluate("sessionStorage.getItem('weir-key')")).not.toBe(key);
    expect((await weir.fetch("/v1/whoami", { headers: { authorization: `Bearer ${key}` } })).status).toBe(
      401,
    );
    await page.reload();
    await heading("Rejections");
    const stranger = await browser.newPage();
    await stranger.goto(link);
    await stranger.getByText(/the API key "link" .* has expired/).waitFor();
    await stranger.close();
  });

  test("shows an event that comes while it is open, and leads by keyboard to its reasons, its run and its log", async () => {
    await open("#/events");
    await see(/^Live$/);
    await weir.notifyR2(await weir.put("test-media", "live/note.txt", "hello"));
    const row = page.getByRole("link", { name: /live\/note\.txt/ });
    await row.waitFor();
    await row.focus();
    await page.keyboard.press("Enter");
    await see('metadata.broken is absent, expected "yes"');
    const run = page.getByRole("article", { name: "Run of echo" });
    await run.getByText("succeeded", { exact: true }).waitFor();
    await run.getByText("attempt 1").waitFor();
    expect(await row.getAttribute("aria-current")).toBe("true");
    await run.getByText("Log, 1 line").click();
    await run.getByText("asked for object").waitFor();
    // With other events drawn, it is still open and still chosen.
    await weir.notifyR2(await weir.put("test-media", "live/another.txt", "hello"));
    await page.getByRole("link", { name: /live\/another\.txt/ }).waitFor();
    expect(await row.getAttribute("aria-current")).toBe("true");
    expect(await run.getByText("asked for object").isVisible()).toBe(true);
  });

  test("draws a video's items where they lie in its time, with their models, and the lineage of each", async () => {
    const folder = await mkdtemp(join(tmpdir(), "weir-dashboard-"));
    const path = join(folder, "film.mp4");
    await makeVideo(path, { seconds: 25, width: 160, height: 90, fps: 8, gopSeconds: 2 });
    const film = await weir.put("test-media", "seen/film.mp4", await readFile(path), { foo: "bar" });
    await rm(folder, { recursive: true });
    await weir.notifyR2(film);
    const [run] = await weir.settled("seen/film.mp4", 1);
    await open(`#/events/${run?.event_id}`);
    const bar = page.locator(".track a");
    await bar.nth(2).waitFor();
    expect(await bar.evaluateAll((all) => all.map((each) => each.getAttribute("aria-label")))).toEqual([
      "Item 0, 0:00–0:10",
      "Item 1, 0:10–0:20",
      "Item 2, 0:20–0:25",
    ]);
    const widths = await bar.evaluateAll((all) => all.map((each) => each.getBoundingClientRect().width));
    expect((widths[0] ?? 0) / (widths[2] ?? 1)).toBeCloseTo(2, 1);
    await see("embedding: 512 numbers, weir/hog-512");
    await bar.nth(1).focus();
    await page.keyboard.press("Enter");
    const lineage = page.getByRole("complementary", { name: "Lineage" });
    for (const text of [film.eTag, run?.event_id, run?.id, "test-commit", "weir/hog-512"])
      await lineage
        .getByText(text ?? "?")
        .first()
        .waitFor();
    // The film itself, from where the item begins; when something changes, it is the same element and goes on.
    await lineage.getByRole("button", { name: "Play from here" }).click();
    const video = lineage.locator("video");
    await expect
      .poll(() => video.evaluate((it: { currentTime: number }) => it.currentTime), { timeout: 10_000 })
      .toBe(10);
    await video.evaluate((it) => Object.assign(it, { marked: true }));
    await weir.notifyR2(await weir.put("test-media", "seen/note.txt", "hello"));
    await page.getByRole("link", { name: /seen\/note\.txt/ }).waitFor();
    expect(await video.evaluate((it) => "marked" in it)).toBe(true);
    await page.keyboard.press("Escape");
    await lineage.waitFor({ state: "detached" });
    await page.getByRole("link", { name: "data_bucket" }).first().click();
    await page
      .getByRole("link", { name: /^Show seen\/film\.mp4/ })
      .first()
      .waitFor();
  });

  test("says where a file is: by whom it came, which pipeline took it and which did not and why, and since when it can be found", async () => {
    await weir.notifyR2(await weir.put("test-media", "where/is/it.txt", "hello"));
    await weir.settled("where/is/it.txt", 1);
    await open();
    await heading("Overview");
    await page.getByRole("searchbox", { name: "Where is my file?" }).fill("where/is/it.txt");
    await page.keyboard.press("Enter");
    const timeline = page.getByRole("list", { name: "What happened" });
    for (const step of ["received", "decided", "stored", "findable"])
      await timeline.getByText(step, { exact: true }).waitFor();
    await see('metadata.broken is absent, expected "yes"');
    // The beginning of a name finds all that begin so.
    await goto("#/find?q=where/");
    await see("Objects whose names begin so");
    await goto("#/find?q=nowhere/at/all.txt");
    await see("Weir knows of no such object");
  });

  test("draws a run step by step, with its log, and names what differs from another run of its object", async () => {
    const object = { bucket: "test-media", key: "twice/note.txt" };
    for (const text of ["one", "another one"]) {
      await weir.notifyR2(await weir.put(object.bucket, object.key, text));
      await weir.until(
        () => weir.read<{ data: { status: string }[] }>(`/v1/runs?key=${object.key}`),
        ({ data }) => data.length > 0 && data.every(({ status }) => status === "succeeded"),
      );
    }
    await open(`#/find?q=${object.key}`);
    await page.getByRole("link", { name: "All its runs" }).click();
    // The object's key is none of Weir's, and nobody is asked about it.
    await page.waitForURL(/#\/runs\?.*key=twice/);
    await page.getByRole("list", { name: "Runs" }).getByRole("link").first().click();
    const steps = page.getByRole("region", { name: "Where the time went" });
    for (const step of ["received", "decided", "started", "handled", "stored"])
      await steps
        .getByRole("rowheader", { name: new RegExp(`^${step}`) })
        .first()
        .waitFor();
    await page.getByRole("list", { name: "Log" }).getByText("asked for object").waitFor();
    await page.getByRole("link", { name: "compare" }).click();
    await page.getByRole("region", { name: "Comparison" }).getByText("etag").waitFor();
  });

  test("counts on its overview what has passed through, with lines of the last day", async () => {
    await weir.notifyR2(await weir.put("test-media", "counted/note.txt", "hello"));
    await weir.settled("counted/note.txt", 1);
    await open("#/overview");
    await page.locator(".panel", { hasText: "Events" }).first().getByRole("link").first().waitFor();
    await page
      .getByRole("img", { name: /^Events\. events: now/ })
      .locator("canvas")
      .waitFor();
    await page.getByRole("rowheader", { name: "echo" }).waitFor();
  });

  test("leads anywhere by the command palette, and says what each key does", async () => {
    await open();
    await heading("Overview");
    await page.keyboard.press("Control+k");
    await page.keyboard.type("pipeline echo");
    await page.getByRole("option", { name: "Pipeline echo", exact: true }).waitFor();
    await page.keyboard.press("Enter");
    await heading("echo");
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keyboard" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await page.goBack();
    await heading("Overview");
  });

  test("shows a hostile key, as text, wherever it comes up, and runs nothing of it", async () => {
    const object = await weir.put("test-media", HOSTILE, HOSTILE, { broken: "yes", x: "<b>bold</b>" });
    await weir.notifyR2(object);
    const runs = await weir.settled(HOSTILE, 2);
    await weir.until(
      () => weir.read<{ data: unknown[] }>("/v1/dead-letters"),
      ({ data }) => data.length > 0,
    );
    const echoed = `#/events/${runs[0]?.event_id}`;
    const select = { kind: "listing", prefix: HOSTILE };
    const asked = { method: "POST", body: JSON.stringify({ select, aliases: ["echo"], dry_run: true }) };
    await weir.api("/v1/replays", { ...asked, headers: { "content-type": "application/json" } });
    for (const view of ["#/events", echoed, "#/collections/echoes", "#/replays", "#/dead-letters"]) {
      await open(view);
      await see(HOSTILE);
      expect(await page.locator("main img, main b, main script").count(), view).toBe(0);
      expect(await page.title()).toMatch(/Weir$/);
    }
    await see("cannot read the bug of");
    await goto(`#/find?q=${encodeURIComponent(HOSTILE)}`);
    await see(HOSTILE);
    expect(await page.title()).toMatch(/Weir$/);
  });

  test("shows replays and audits with what they come to, and which pipeline is paused and why", async () => {
    await weir.put("test-media", "again/one.txt", "one");
    const body = { select: { kind: "listing", prefix: "again/" }, aliases: ["echo"] };
    const post = (path: string, asked: unknown) =>
      weir.api(path, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(asked),
      });
    expect((await post("/v1/replays", body)).status).toBe(202);
    expect((await post("/v1/replays", { ...body, dry_run: true })).status).toBe(202);
    await open("#/replays");
    const ran = page.locator(".run", { hasText: "1 of 1" });
    await ran.getByText("done", { exact: true }).waitFor();
    await ran.getByText("1 succeeded").waitFor();
    await ran.getByText("Listing of again/").waitFor();
    await ran.getByText("Its objects").click();
    await ran.getByText("again/one.txt").waitFor();
    await page.locator(".run", { hasText: "planned" }).getByText("1 object, 3 B").waitFor();
    await goto("#/pipelines");
    expect((await post("/v1/pipelines/reader/pause", { reason: "its model moves" })).status).toBe(200);
    await see("paused: its model moves");
    expect((await post("/v1/pipelines/reader/resume", {})).status).toBe(200);
    await page.getByText("paused: its model moves").waitFor({ state: "hidden" });
  });

  test("shows what the doors refused, and why", async () => {
    const response = await weir.fetch("/v1/connections/conn_media/events", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{}",
    });
    expect(response.status).toBe(401);
    await open("#/rejections");
    await see("conn_media");
    await see("unproven");
  });

  test("draws of a long list what can be seen, and the rest as it is scrolled", async () => {
    const eventTime = new Date().toISOString();
    const one = (key: string) =>
      JSON.parse(weir.s3Records({ bucket: "test-media", key, size: 1, eTag: key, eventTime })).Records;
    const keys = Array.from({ length: 60 }, (_, index) => `many/${index}.bin`);
    await weir.deliver("conn_media", JSON.stringify({ Records: keys.flatMap(one) }));
    const events = () => weir.read<{ data: unknown[] }>("/v1/events?limit=200");
    await weir.until(events, ({ data }) => data.length >= 60);
    await open("#/events");
    const list = page.getByRole("list", { name: "Events" });
    await list.getByRole("link").first().waitFor();
    const drawn = await list.getByRole("link").count();
    expect(drawn).toBeLessThan(45);
    const oldest = list.getByRole("link", { name: /many\/|live\/|seen\/|again\// });
    await expect
      .poll(
        async () => {
          await list.evaluate((it: { scrollTo(x: number, y: number): void }) => it.scrollTo(0, 1e6));
          return list.locator("[aria-posinset]").last().getAttribute("aria-posinset").then(Number);
        },
        { timeout: 10_000 },
      )
      .toBeGreaterThanOrEqual(60);
    expect(await oldest.count()).toBeLessThan(45);
    // By keyboard, row after row.
    await page.keyboard.press("k");
    expect(await page.evaluate("document.activeElement.hasAttribute('data-row')")).toBe(true);
  });

  test("says when Weir does not answer, keeps what it had, and goes on when it does", async () => {
    await open("#/pipelines");
    await page.getByRole("rowheader", { name: "echo" }).waitFor();
    await see(/^Live$/);
    await page.context().setOffline(true);
    await see("Weir does not answer");
    expect(await page.getByRole("rowheader", { name: "echo" }).isVisible()).toBe(true);
    await page.context().setOffline(false);
    await page.getByText("Weir does not answer").waitFor({ state: "hidden" });
    await see(/^Live$/);
  });

  test("says what is not there, and keeps the way to the rest", async () => {
    await open("#/events/evt_none?collection=data_bucket&item=itm_none");
    await see("there is no event evt_none");
    await see("there is no item itm_none");
    await goto("#/collections/nowhere");
    await see("no pipeline writes a collection nowhere");
    await page.getByRole("link", { name: "Rejections" }).click();
    await heading("Rejections");
  });

  test("a second tab has the key of the first, and forgetting it is of all tabs", async () => {
    await open();
    await heading("Overview");
    const other = await context.newPage();
    await other.goto(weir.base);
    await other.getByRole("heading", { name: "Overview" }).waitFor();
    await forget();
    await other.getByLabel("Key", { exact: true }).waitFor();
    expect(
      await other.evaluate("Object.values(sessionStorage).length + Object.values(localStorage).length"),
    ).toBe(0);
  });

  test("is free of faults that axe finds, in light and dark, wide and on a phone", async () => {
    const source = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
    for (const [colorScheme, width] of [
      ["light", 1400],
      ["dark", 420],
    ] as const) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 900 });
      for (const view of VIEWS) {
        await open(`#/${view}`);
        await page.locator("main h1").first().waitFor();
        await expect.poll(() => page.locator("main .awaited").count(), { timeout: 10_000 }).toBe(0);
        // The page's policy lets nobody add a script to it; the debugger may.
        const found = await page.evaluate(`(() => { const module = undefined, exports = undefined; ${source};
          return window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] }) })()`);
        const { violations } = found as { violations: { id: string; nodes: { html: string }[] }[] };
        const faults = violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`);
        expect(faults, `${view}, ${colorScheme}`).toEqual([]);
      }
    }
  }, 120_000);
});

describe.skipIf(lacking !== undefined)("the dashboard of a Weir that has no key", () => {
  beforeAll(async () => {
    closed = await startWeir({ WEIR_API_KEY: "" });
  }, 120_000);
  afterAll(() => closed?.close());

  test("says so, and what to do, before it asks anybody for a key", async () => {
    if (!playwright) return;
    const browser = await playwright.chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
    const page = await browser.newPage();
    await page.goto(closed.base);
    await page.getByText("wrangler secret put WEIR_API_KEY").waitFor();
    expect(await page.getByLabel("Key", { exact: true }).count()).toBe(0);
    await browser.close();
  });
});
