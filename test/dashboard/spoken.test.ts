// Ten minutes of talk on the whole of Weir, as a person has it: a film and a file of sound alone are put into the bucket,
// Weir's own speech-to-text pipeline has a real recogniser write them down, search finds a planted word at its second, and
// a click on the hit in a real browser plays from there.
import { existsSync, readFileSync } from "node:fs";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseEnv } from "node:util";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { packageRoot } from "../../cli/project/project.ts";
import type { SearchAnswer } from "../../src/client/client.ts";
import { type Dev, devProject } from "../support/dev.ts";
import { canListen, listener } from "../support/listener.ts";
import { startSpeechEndpoint } from "../support/speech-endpoint.ts";
import { GRAMMAR, SENTENCES, type Talk, talkIn } from "../support/talk.ts";

const CHROMIUM = "/usr/bin/chromium";
const playwright = await import("playwright-core").catch(() => undefined);
const lacking = playwright ? (existsSync(CHROMIUM) ? undefined : CHROMIUM) : "playwright-core";
if (lacking) console.log(`skipped: playing from a word in a browser, because ${lacking} is not here`);

/** Seconds by which a word may be off. */
const WITHIN = 0.5;
/** Where the page notes at which second something began to play. */
type Noting = { began?: number };
type Playing = { currentTime: number; paused: boolean };

describe.skipIf(!canListen || lacking !== undefined)("ten minutes of talk", () => {
  let folder: string;
  let talk: Talk;
  let endpoint: Awaited<ReturnType<typeof startSpeechEndpoint>>;
  let project: ReturnType<typeof devProject>;
  let dev: Dev;
  let browser: Browser;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "weir-talk-"));
    talk = await talkIn(folder);
    endpoint = await startSpeechEndpoint(listener(GRAMMAR));
    project = devProject([], ["conn_media", "conn_photos", "conn_items"]);
    for (const connection of ["conn_media", "conn_photos"]) {
      const alias = `speech-of-${connection.slice("conn_".length)}`;
      const pipeline = join(project.root, "pipelines", alias);
      await cp(join(packageRoot, "pipelines/speech-to-text"), pipeline, { recursive: true });
      const config = JSON.parse(await readFile(join(pipeline, "config.json"), "utf8"));
      config.alias = alias;
      config.enabled = true;
      config.source.connection_id = connection;
      config.destination.connection_id = "conn_items";
      await writeFile(join(pipeline, "config.json"), JSON.stringify(config));
    }
    const speech = { kind: "http", task: "transcribe", url: endpoint.url, model: "pocketsphinx" };
    await writeFile(join(project.root, "models.json"), JSON.stringify({ speech }));
    dev = await project.start();
    if (playwright)
      browser = await playwright.chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
  }, 200_000);
  afterAll(async () => {
    await browser?.close();
    project?.close();
    endpoint?.close();
    await rm(folder, { recursive: true });
  });

  const found = (text: string, key: string) =>
    dev.client.post<SearchAnswer>("/v1/collections/speech/search", {
      text,
      filter: { object: { key: [key] } },
      limit: 1,
    });

  async function openPage(): Promise<Page> {
    const { WEIR_API_KEY } = parseEnv(readFileSync(join(project.root, ".weir/dev.env"), "utf8"));
    const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
    page.setDefaultTimeout(15_000);
    // The events of media do not bubble.
    await page.addInitScript(
      "document.addEventListener('playing', ({ target }) => { window.began ??= target.currentTime }, true)",
    );
    await page.goto(`${dev.url}/#key=${WEIR_API_KEY}`);
    await page.getByRole("heading", { name: "Overview" }).waitFor();
    return page;
  }

  test.each([
    ["test-media/talks/today.mp4", "film", "video"],
    ["test-media/talks/today.mp3", "sound", "audio"],
    // Of a bucket elsewhere the page plays the clip, which begins at the second.
    ["test-photos/talks/elsewhere.mp3", "sound", "audio"],
  ] as const)(
    "in %s is written down, found by a word, and played from it",
    { timeout: 240_000 },
    async (path, form, element) => {
      const [bucket = "", ...rest] = path.split("/");
      const key = rest.join("/");
      const isElsewhere = bucket === "test-photos";
      const asked = endpoint.requests.length;
      const object = await dev.client.put(bucket, key, await readFile(talk[form]));
      if (isElsewhere) await dev.client.deliver("conn_photos", dev.client.s3Records(object));
      else await dev.client.notifyR2(object);
      const [run] = await dev.client.settled(key, 1);
      expect(run).toMatchObject({ status: "succeeded", items: SENTENCES.length });
      const items = await dev.client.items("speech", key);
      expect(items.map(({ data }) => data.text).sort()).toEqual([...SENTENCES].sort());
      expect(endpoint.requests.length - asked).toBe(SENTENCES.length);
      const page = await openPage();
      expect(talk.planted).toHaveLength(3);
      for (const { word, at } of talk.planted) {
        const [hit] = (await found(word, key)).hits;
        const second = hit?.second ?? Number.NaN;
        expect(Math.abs(second - at), `${word} is found at ${second}`).toBeLessThan(WITHIN);
        expect(hit?.links.thumbnail === null, "sound has no picture").toBe(form === "sound");
        if (form === "sound") expect(await loudestOf(hit?.links.clip)).toBeGreaterThan(2_000);
        await page.goto(`${dev.url}/#/collections/speech?q=${word}`);
        await page.evaluate("delete window.began");
        await page.getByRole("link", { name: new RegExp(`^Show ${key} at`) }).click();
        const playing = page.locator(`.player ${element}`);
        await expect
          .poll(() => page.evaluate("window.began ?? null") as Promise<number | null>, { timeout: 15_000 })
          .not.toBeNull();
        const { began = Number.NaN } = (await page.evaluate("({ began: window.began })")) as Noting;
        const played = isElsewhere ? second + began : began;
        expect(Math.abs(played - at), `${word} is played from ${played}`).toBeLessThan(WITHIN);
        await expect
          .poll(() => playing.evaluate(({ currentTime, paused }: Playing) => !paused && currentTime))
          .toBeGreaterThan(began + 0.1);
        await page.getByRole("link", { name: "Close" }).click();
      }
      await page.close();
    },
  );
});

/** The loudest sample of the first second of a clip of sound, out of 32,768. */
async function loudestOf(url: string | null | undefined): Promise<number> {
  const answer = await fetch(url ?? "");
  expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "audio/wav"]);
  const wav = Buffer.from(await answer.arrayBuffer());
  const samples = new Int16Array(Uint8Array.from(wav.subarray(44, 44 + 32_000)).buffer);
  return samples.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}
