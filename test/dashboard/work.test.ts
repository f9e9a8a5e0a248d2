// What is done from the dashboard, in a real browser on the real stack: keys, replays, filters, uploads, invocations.
import { existsSync } from "node:fs";
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

  test("a replay is planned first, by the address's fields, then run after a confirmation, and can be taken back", async () => {
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
});
