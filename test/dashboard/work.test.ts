// What is done from the dashboard, in a real browser on the real stack: keys, replays, filters, uploads, invocations.
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { API_KEY, startWeir, type Weir } from "../support/weir.ts";

const CHROMIUM = "/usr/bin/chromium";
const playwright = await import("playwright-core").catch(() => undefined);
const lacking = playwright ? (existsSync(CHROMIUM) ? undefined : CHROMIUM) : "playwright-core";
if (lacking) console.log(`skipped: work from the dashboard in a browser, because ${lacking} is not here`);

describe.skipIf(lacking !== undefined)("work from the dashboard", () => {
  let weir: Weir;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let faults: string[];

  beforeAll(async () => {
    if (!playwright) return;
    weir = await startWeir();
    browser = await playwright.chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await weir?.close();
  });
  beforeEach(async () => {
    faults = [];
    context = await browser.newContext({ viewport: { width: 1400, height: 900 } });
    await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: weir.base });
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

  const open = async (fragment: string, key = API_KEY) => {
    await page.goto(`${weir.base}/#key=${key}`);
    await page.goto(`${weir.base}/${fragment}`);
  };
  const see = (text: string | RegExp) => page.getByText(text).first().waitFor();
  const press = (name: string) => page.getByRole("button", { name, exact: true }).click();
  const dialog = () => page.getByRole("dialog");
  const clipboard = () => page.evaluate("navigator.clipboard.readText()") as Promise<string>;
  const statusWith = async (key: string) => {
    const headers = { authorization: `Bearer ${key}` };
    return (await weir.fetch("/v1/whoami", { headers })).status;
  };
  /** An object whose runs have ended, as its sender reported it. */
  const stored = async (key: string, runs: number, metadata: Record<string, string> = {}) => {
    await weir.notifyR2(await weir.put("test-media", key, `text of ${key}`, metadata));
    return weir.settled(key, runs);
  };

  test("a key is created, shown once, rotated with an overlap, and revoked; the audit log has each step", async () => {
    await open("#/keys");
    await press("Create a key");
    await dialog().getByRole("textbox", { name: "Name" }).fill("night watch");
    await dialog()
      .getByRole("checkbox", { name: /^operate/ })
      .check();
    await dialog().getByLabel("Ends").selectOption("in a week");
    await dialog().getByRole("button", { name: "Create" }).click();
    await dialog().getByText("It may read, operate.").waitFor();
    await dialog().getByRole("button", { name: "Copy" }).click();
    await see("Copied the key.");
    const first = await clipboard();
    expect(await statusWith(first)).toBe(200);
    await dialog().getByRole("button", { name: "Done" }).click();
    const row = page.getByRole("row", { name: /night watch/ });
    await row.getByText("live", { exact: true }).waitFor();
    expect(await page.getByText(first).count()).toBe(0);

    await row.getByRole("button", { name: "Rotate" }).click();
    await dialog().getByLabel("The old one goes on for").selectOption("an hour");
    await dialog().getByRole("button", { name: "Rotate" }).click();
    await dialog().getByRole("button", { name: "Copy" }).click();
    await expect.poll(clipboard).not.toBe(first);
    const second = await clipboard();
    expect([await statusWith(first), await statusWith(second)]).toEqual([200, 200]);
    await dialog().getByRole("button", { name: "Done" }).click();
    await page
      .getByRole("row", { name: /night watch/ })
      .getByText("replaced")
      .waitFor();

    const live = page.getByRole("row", { name: /night watch live/ });
    await live.getByRole("button", { name: "Revoke" }).click();
    await dialog().getByLabel("Type night watch").fill("night watch");
    await dialog().getByRole("button", { name: "Revoke" }).click();
    await see("night watch is revoked.");

    await page.goto(`${weir.base}/#/audit`);
    await page.getByLabel("Action").fill("key.rotate");
    await press("Filter");
    await see("key.rotate");
    await expect.poll(() => page.locator("article").count()).toBe(1);
    await page.getByLabel("Action").fill("key.none");
    await press("Filter");
    await see("No change of this kind.");
  });

  test("a key that only reads sees why a button does nothing", async () => {
    const { key } = await weir.post<{ key: string }>("/v1/keys", { name: "looker", scopes: ["read"] });
    await open("#/pipelines/echo", key);
    await page.getByRole("button", { name: "Pause" }).click({ force: true });
    await see("The key looker may not operate.");
  });

  test("a replay is planned first, by the address's fields, then run after a confirmation, and its plan opens again", async () => {
    await stored("again/one.txt", 1);
    await stored("again/two.txt", 1);
    await open("#/replays?select=listing&prefix=again%2F&alias=echo");
    expect(await page.getByLabel("Keys that begin with").inputValue()).toBe("again/");
    expect(await page.getByRole("checkbox", { name: "echo" }).isChecked()).toBe(true);
    await press("Plan");
    const plan = page.getByRole("region", { name: "The plan" });
    await plan.getByText("2 items of 2 objects").waitFor();
    await plan.getByText("Its objects").click();
    await plan.getByText("again/two.txt").waitFor();
    const planned = page.url();
    await press("Replay 2 objects");
    await dialog().getByText("2 items are replaced or removed.").waitFor();
    await dialog().getByRole("button", { name: "Replay 2 objects" }).click();
    await see("It is on the way.");
    await page.locator(".run", { hasText: "2 of 2" }).getByText("done", { exact: true }).waitFor();
    const before = page.locator(".run", { hasText: "planned" });
    await before.getByRole("link", { name: "The plan" }).click();
    await plan.getByText("2 items of 2 objects").waitFor();
    await page.goto(planned);
    await page.getByRole("link", { name: "Change it" }).click();
    expect(await page.getByLabel("Keys that begin with").inputValue()).toBe("again/");
  });

  test("a filter that is none is refused in the form, with what was expected", async () => {
    await open("#/replays?select=stale&alias=echo");
    await page.getByLabel("A filter beside the pipeline's own").fill('{"key": [{"prefx": "a"}]}');
    await press("Plan");
    await page
      .getByRole("alert")
      .getByText(/prefix/)
      .first()
      .waitFor();
    await page.getByLabel("A filter beside the pipeline's own").fill('{"key": ');
    await press("Plan");
    await page.getByRole("alert").getByText(/JSON/).first().waitFor();
  });

  test("an audit finds what is missing; a repair that removes much stops, and goes on when a person says so", async () => {
    const keys = Array.from({ length: 4 }, (_, index) => `audited/${index}.txt`);
    for (const key of keys) await stored(key, 1);
    for (const key of keys) await weir.remove("test-media", key);
    await open("#/replays?select=drift&prefix=audited%2F&alias=echo");
    await press("Plan");
    const plan = page.getByRole("region", { name: "The plan" });
    await plan.getByRole("button", { name: /^Repair/ }).click();
    await dialog()
      .getByRole("button", { name: /^Repair/ })
      .click();
    const stopped = page.locator(".run", { hasText: "The repair would remove the items" });
    await stopped.getByRole("button", { name: "Resume all the same" }).click();
    await dialog().getByLabel(/^Type/).fill("4");
    await dialog().getByRole("button", { name: "Resume all the same" }).click();
    await see("Goes on.");
  });

  test("a pipeline shows its filter in words, its code, what failed, and runs by a form on a payload or an object", async () => {
    await weir.put("test-media", "by-hand/note.txt", "by hand");
    await open("#/pipelines/echo");
    await see('key ends with ".txt"');
    await see("Every item is of the deployed version.");
    await see("pipelines/echo/handler.ts");
    await press("Invoke");
    await dialog().getByLabel("Key").fill("by-hand/note.txt");
    await dialog().getByRole("button", { name: "Invoke" }).click();
    await dialog().getByText("succeeded", { exact: true }).waitFor();
    await dialog().getByText('"by-hand/note.txt"').first().waitFor();
    await dialog().getByLabel("a payload").check();
    await dialog().getByLabel("Payload, JSON").fill('{\n  "a": 1,\n  b\n}');
    await dialog().getByRole("button", { name: "Invoke" }).click();
    await dialog()
      .getByRole("alert")
      .getByText(/line 3, expected a name in double quotes/)
      .waitFor();
    await weir.put("test-media", "by-hand/broken.txt", "x", { broken: "yes" });
    await page.goto(`${weir.base}/#/pipelines/always-throws`);
    await press("Invoke");
    await dialog().getByLabel("Key").fill("by-hand/broken.txt");
    await dialog().getByRole("button", { name: "Invoke" }).click();
    await dialog().getByText("handler failed").waitFor();
    await dialog().getByRole("link", { name: "its run" }).waitFor();
    await dialog().getByLabel("Wait for what it returns").uncheck();
    await dialog().getByRole("button", { name: "Invoke" }).click();
    await dialog().getByText("queued", { exact: true }).waitFor();
  });

  test("a file is uploaded by the bar or by being dropped, and followed to its items", async () => {
    await open("#/overview");
    await press("Upload");
    await dialog()
      .getByLabel("Files")
      .setInputFiles({ name: "dropped.txt", mimeType: "text/plain", buffer: Buffer.from("hello") });
    await dialog().getByLabel("Into").selectOption("test-media (conn_media)");
    await dialog().getByLabel("Key prefix").fill("up/");
    await dialog()
      .getByLabel(/^Metadata/)
      .fill("camera = north\nnothing");
    await dialog().getByRole("button", { name: "Upload" }).click();
    await dialog()
      .getByRole("alert")
      .getByText(/Line 2 of the metadata/)
      .waitFor();
    await dialog()
      .getByLabel(/^Metadata/)
      .fill("camera = north");
    await dialog().getByRole("button", { name: "Upload" }).click();
    await page.waitForURL(/find\?q=up%2Fdropped\.txt/);
    await page.locator(".located").getByText("up/dropped.txt").first().waitFor();
    await page.locator(".located").getByText("stored", { exact: true }).first().waitFor();
    await page.goto(`${weir.base}/#/audit?action=object.upload`);
    await see("object.upload");
    await page.evaluate(`(() => {
      const data = new DataTransfer();
      data.items.add(new File(["x"], "fallen.txt"));
      document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
    })()`);
    await dialog().getByText("fallen.txt").waitFor();
  });

  test("a filter is tried on recent events and over history, its faults are named by line, and the link keeps it", async () => {
    await stored("tried/yes.txt", 1);
    await weir.notifyR2(await weir.put("test-media", "tried/no.bin", "no"));
    await weir.until(
      () => weir.read<{ data: unknown[] }>("/v1/events?key=tried/no.bin"),
      ({ data }) => data.length > 0,
    );
    await open("#/sandbox?alias=echo");
    const recent = page.getByRole("region", { name: "Recent events" });
    const event = (key: string) => recent.locator("details", { hasText: key });
    await event("tried/yes.txt").getByText("passes").waitFor();
    await event("tried/no.bin").getByText("refused").waitFor();
    const box = page.getByLabel("Filter", { exact: true });
    await box.fill('{\n  "key": [\n    { "prefx": "tried/" }\n  ]\n}');
    await page.getByRole("button", { name: "Line 3" }).waitFor();
    await see(/did you mean .*prefix/);
    await box.fill('{\n  "key": [{ "suffix": ".bin" }]\n}');
    await event("tried/no.bin").getByText("passes").waitFor();
    await event("tried/yes.txt").locator("summary").click();
    await event("tried/yes.txt").getByText("not met").waitFor();
    await press("Try over history");
    const history = page.getByRole("region", { name: "Over history" });
    await history.getByText("Some that are gained").click();
    await history.getByRole("link", { name: "tried/no.bin" }).waitFor();
    await history.getByText("Some that are lost").click();
    await history.getByRole("link", { name: "tried/yes.txt" }).waitFor();
    await history.getByText(/which own \d+ items/).waitFor();
    await press("Copy for config.json");
    await expect.poll(clipboard).toContain('"filters": {');
    await expect.poll(() => page.url()).toContain("suffix");
    await page.reload();
    await event("tried/no.bin").getByText("passes").waitFor();
  });

  test("a connection shows what to type, explains a refusal on the spot, and its first event as it comes", async () => {
    await open("#/connections");
    await page
      .getByRole("row", { name: /conn_items/ })
      .getByText("d1 test-items")
      .waitFor();
    await page.getByRole("link", { name: "conn_media" }).click();
    await page.getByLabel("Sender").selectOption("standard-webhooks");
    await see(`curl ${weir.base}/v1/connections/conn_media/events`);
    const watch = page.getByLabel("First event");
    await watch.getByText("Waiting for the first event").waitFor();
    await see(/^Live$/);
    const headers = { "content-type": "application/json" };
    await weir.fetch("/v1/connections/conn_media/events", { method: "POST", headers, body: "{}" });
    await watch.getByText("unproven").first().waitFor();
    await weir.notifyR2(await weir.put("test-media", "connected/first.txt", "x"));
    await watch.getByText("connected/first.txt").waitFor();
  });

  test("forms and dialogs are free of faults that axe finds, wide in light and narrow in dark", async () => {
    const source = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
    const places: [fragment: string, button?: string][] = [
      ["#/keys", "Create a key"],
      ["#/pipelines/echo", "Invoke"],
      ["#/replays?select=events", "Upload"],
      ["#/replays?select=produced_by"],
      ["#/sandbox?alias=echo"],
      ["#/sandbox?filter=%7B"],
      ["#/connections/conn_media"],
    ];
    for (const [colorScheme, width] of [
      ["light", 1400],
      ["dark", 420],
    ] as const) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 900 });
      for (const [fragment, button] of places) {
        await open(fragment);
        await page.locator("main h1").first().waitFor();
        await expect.poll(() => page.locator("main .awaited").count(), { timeout: 10_000 }).toBe(0);
        if (button) {
          await press(button);
          await dialog().locator("form").waitFor();
        }
        // The page's policy lets nobody add a script to it; the debugger may.
        const found = await page.evaluate(`(() => { const module = undefined, exports = undefined; ${source};
          return window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] }) })()`);
        const { violations } = found as { violations: { id: string; nodes: { html: string }[] }[] };
        const named = violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`);
        expect.soft(named, `${fragment}, ${colorScheme}`).toEqual([]);
        if (button) await page.keyboard.press("Escape");
      }
    }
  }, 120_000);
});
