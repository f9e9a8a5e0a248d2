// Command `weir demo`, which `npm start` runs: starts Weir on this machine, puts two drawn videos into R2 and a photo into
// S3, prints the items that two pipelines make of them, with their lineage, and asks their collections three questions.
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { generate, write } from "../generate/generate.ts";
import { untilInterrupted } from "../io/interrupt.ts";
import { CliError, good, note, print, printJson, say } from "../io/output.ts";
import { isFree } from "../io/ports.ts";
import { type Client, clientOf, type Item, itemsPath, type Lineage, type Run } from "../operate/client.ts";
import { hasBrowser, openInBrowser, pageUrl } from "../operate/open.ts";
import { loadProject, type Project } from "../project/project.ts";
import { makeImage, makeVideo } from "../sample-media/media.ts";
import { hitsTable } from "../search/search.ts";
import type { StackAddress } from "../senders/deliver.ts";
import { LOCAL_URL } from "../settings/settings.ts";
import { askQuestions, type DemoAnswer, QUESTIONS, VIEW } from "./demo-questions.ts";
import { itemsTable } from "./items-table.ts";
import { type NewObject, notifiedText, type ObjectAddress, putObject } from "./local-bucket.ts";
import { lockState } from "./lock.ts";
import { openNarrator } from "./narrate.ts";
import { sourcePlace } from "./source-place.ts";
import { type Stack, startStack } from "./stack.ts";
import { startWatchdog } from "./watchdog.ts";

export interface DemoOptions {
  root: string;
  port: number;
  /** End after printing the items. */
  once?: boolean;
  /** Forget what earlier demos have stored. */
  fresh?: boolean;
  /** Folder of what demos store. */
  persist: string;
  /** Open the page in the browser, where there is one. */
  open: boolean;
  json?: boolean;
}

interface Upload {
  /** Name for a person. */
  name: string;
  target: ObjectAddress;
  object: NewObject;
  /** Pipeline that takes the object. */
  alias: string;
}

const VIDEO_SECONDS = 60;
const SHORT_SECONDS = 20;
const RUN_TIMEOUT_MS = 150_000;
const STUCK_MS = 25_000;
/** Ports that are tried where the first is taken. */
const MAX_PORTS = 20;
const FINAL = ["succeeded", "dead", "skipped", "cancelled"];

/** Runs the demo until Ctrl-C. @throws CliError where a run fails or the stack ends */
export async function demo(options: DemoOptions): Promise<void> {
  const { root, port, once, fresh, json, persist: folder } = options;
  const persist = join(folder, "state");
  // Refuses, with its URL, where a demo runs: its state is not to be removed, nor served twice.
  lockState(persist)();
  if (fresh) rmSync(persist, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const project = loadProject(root);
  write(root, await generate(project));
  const log: string[] = [];
  const narrator = openNarrator({
    placeOf: (alias, frames) => sourcePlace(root, `pipelines/${alias}`, frames),
  });
  let onLine: (line: string) => void = (line) => void log.push(line);
  await untilInterrupted(async (interrupted) => {
    const starting = startStack({
      root,
      port: await portFrom(port),
      persist,
      onLine: (line) => onLine(line),
      onStep: noteStep,
    });
    const ready = Promise.all([starting, uploads(folder)]);
    const started = await Promise.race([ready, interrupted]).catch((error: unknown) => {
      for (const line of log.slice(-30)) say(line);
      throw error;
    });
    if (!started) return;
    const [stack, brought] = started;
    try {
      good(`Weir listens on ${stack.url}`);
      const stored = await Promise.race([ingest(stack, project, brought), interrupted]);
      if (!stored) return;
      const answers = await askQuestions(clientOf(stack.url, stack.apiKey));
      if (json) printJson({ url: stack.url, stored, answers });
      else printResults(stored, answers);
      if (once) return;
      const client = clientOf(stack.url, stack.apiKey);
      const page = await pageUrl(client, stack.url, "page of weir demo", VIEW);
      const isOpen = options.open && hasBrowser(process.env, process.platform) && (await openInBrowser(page));
      printNextSteps(stack.url, isOpen ? undefined : page);
      onLine = narrator.line;
      const { url, restartWorkers: restart } = stack;
      const unguard = startWatchdog({ url, narrator, restart, stuckMs: STUCK_MS });
      const reason = await Promise.race([stack.ended, interrupted]);
      unguard();
      if (reason !== undefined) throw new CliError(`The stack has ended: ${reason}.`);
    } catch (error) {
      for (const line of log.slice(-30)) note(line);
      throw error;
    } finally {
      await stack.stop();
    }
  });
}

/** The port itself, or the next one that is free, which is said. @throws CliError */
async function portFrom(port: number): Promise<number> {
  for (let candidate = port; candidate < port + MAX_PORTS; candidate++) {
    if (candidate !== 0 && !(await isFree(candidate))) continue;
    if (candidate !== port) say(`Port ${port} is taken by another process, so this is port ${candidate}.`);
    return candidate;
  }
  throw new CliError(`The ports from ${port} on are taken. Choose another with --port.`);
}

const noteStep = (step: string) => note(`  ${step} …`);

/** Draws a minute of video with motion and scene changes, a shorter one, and a photo. */
async function uploads(folder: string): Promise<Upload[]> {
  const video = join(folder, "shore.mp4");
  const short = join(folder, "street.mp4");
  noteStep(`drawing ${VIDEO_SECONDS} s and ${SHORT_SECONDS} s of video and a photo`);
  const size = { width: 640, height: 360, fps: 30 };
  await makeVideo(video, { seconds: VIDEO_SECONDS, ...size, gopSeconds: 2, scenes: 8, audio: true });
  await makeVideo(short, { seconds: SHORT_SECONDS, ...size, gopSeconds: 2, scenes: 4, seed: 11 });
  const photo = await makeImage({ format: "jpeg", width: 800, height: 600, seed: 7 });
  return [
    {
      name: "video",
      target: { bucket: "weir-media", key: "demo/shore.mp4" },
      object: { body: readFileSync(video), contentType: "video/mp4", metadata: { foo: "bar" } },
      alias: "video-processor",
    },
    {
      name: "second video",
      target: { bucket: "weir-media", key: "demo/street.mp4" },
      object: { body: readFileSync(short), contentType: "video/mp4", metadata: { foo: "bar" } },
      alias: "video-processor",
    },
    {
      name: "photo",
      target: { bucket: "weir-photos", key: "demo/harbour.jpg" },
      object: { body: photo, contentType: "image/jpeg", metadata: {} },
      alias: "image-catalog",
    },
  ];
}

interface StoredItems {
  alias: string;
  collection: string;
  items: Item[];
  lineage: Lineage | undefined;
}

/** Puts the uploads into their buckets, waits for their runs, and reads the stored items. */
async function ingest(
  stack: Stack,
  { connections, pipelines }: Project,
  brought: Upload[],
): Promise<StoredItems[]> {
  const local: StackAddress = { url: stack.url, connections, secrets: stack.env };
  const client = clientOf(stack.url, stack.apiKey);
  const since = Date.now();
  const kept = new Set<Upload>();
  for (const upload of brought) {
    const { name, target, object, alias } = upload;
    const { length } = await itemsOf(client, collectionOf(pipelines, alias), target);
    if (length > 0) {
      kept.add(upload);
      good(`The ${name} is here from an earlier start, with ${length} item${length === 1 ? "" : "s"}.`);
      continue;
    }
    const { notified } = await putObject(local, target, object);
    const size = sizeText(object.body.byteLength);
    good(`Put the ${name} at ${target.bucket}/${target.key}, ${size}; ${notifiedText(notified)}.`);
  }
  for (const upload of brought.filter((each) => !kept.has(each))) {
    const run = await waitForRun(client, upload, since);
    if (run.status !== "succeeded") {
      const why = run.failure?.detail ?? run.reason ?? "no reason was given";
      throw new CliError(`The run ${run.id} of ${upload.alias} is ${run.status}: ${why}.`);
    }
    good(`${upload.alias} stored ${run.items ?? 0} item${run.items === 1 ? "" : "s"}.`);
  }
  const stored: StoredItems[] = [];
  for (const { alias, target } of brought) {
    const collection = collectionOf(pipelines, alias);
    const items = await itemsOf(client, collection, target);
    const lineage =
      items[0] && (await client.get<Lineage>(`${itemsPath(collection)}/${items[0].id}/lineage`));
    stored.push({ alias, collection, items, lineage });
  }
  return stored;
}

const sizeText = (bytes: number) =>
  bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;

const collectionOf = (pipelines: Project["pipelines"], alias: string): string =>
  pipelines.find((pipeline) => pipeline.name === alias)?.config?.destination.collection ?? alias;

const itemsOf = (client: Client, collection: string, { key }: ObjectAddress): Promise<Item[]> =>
  client.list<Item>(`${itemsPath(collection)}?key=${encodeURIComponent(key)}`, 50);

/** Waits until the run of an upload has ended, and prints every change of its state. @throws CliError */
async function waitForRun(client: Client, { alias, target }: Upload, since: number): Promise<Run> {
  let last = "";
  for (const until = Date.now() + RUN_TIMEOUT_MS; Date.now() < until; await delay(300)) {
    const run = (await client.list<Run>("/v1/runs", 50)).find(
      (candidate) =>
        candidate.alias === alias &&
        candidate.object.key === target.key &&
        Date.parse(candidate.created_at ?? "") >= since,
    );
    if (!run) continue;
    const state = `${run.status}${run.attempt > 1 ? `, attempt ${run.attempt}` : ""}`;
    if (FINAL.includes(run.status)) return run;
    if (state !== last && last !== "") noteStep(`${alias}: ${state}`);
    last = state;
  }
  const state = last || "no run was created";
  throw new CliError(
    `The run of ${alias} for ${target.key} did not end within ${RUN_TIMEOUT_MS / 1000} s (${state}).`,
  );
}

/** Prints the first upload's items with where they came from, and the best hit of each question. */
function printResults([first, ...others]: StoredItems[], answers: DemoAnswer[]): void {
  if (first) print(`\n${itemsTable(first.collection, first.items, first.lineage)}`);
  for (const { collection, items } of others) {
    const { bucket, key } = items[0]?.object ?? { bucket: "", key: "" };
    print(`${collection}: ${items.length} item${items.length === 1 ? "" : "s"} of ${bucket}/${key}`);
  }
  for (const { command, hits } of answers) print(`\n$ ${command}\n${hitsTable(hits.slice(0, 1))}`);
}

/** Says what to do next; `page` is the URL of the page, where the browser does not have it. */
function printNextSteps(url: string, page: string | undefined): void {
  const at = url === LOCAL_URL ? "" : ` --url ${url}`;
  say("");
  if (page === undefined) good("The page is open in the browser, with a question and its answer.");
  else {
    say("The page, with a question and its answer, and a key that can only read and expires tomorrow:");
    say(`  ${page}`);
  }
  say(`Weir stays up at ${url} until Ctrl-C, and prints what happens. From here:`);
  say(`  npx weir put my.mp4 weir-media/my.mp4 --metadata foo=bar --wait${at}`);
  say(`  npx weir ${QUESTIONS[0]?.words.join(" ")}${at}`);
  say(`  npx weir open${at}`);
  say("What is stored is kept for the next start; `npm start -- --fresh` begins anew.");
}
