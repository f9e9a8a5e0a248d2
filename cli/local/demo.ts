// `weir demo`, which is what `npm start` runs: the whole of Weir on this machine, a video into R2 and a photo
// into S3, and what the two pipelines made of them, with where each item came from.
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { generate, write } from "../generate/generate.ts";
import { untilInterrupted } from "../io/interrupt.ts";
import { CliError, good, note, print, printJson, say } from "../io/output.ts";
import { isFree } from "../io/ports.ts";
import { type Client, clientOf, type Item, itemsPath, type Lineage, type Run } from "../operate/client.ts";
import { loadProject } from "../project/project.ts";
import { makeImage, makeVideo } from "../sample-media/media.ts";
import type { StackAddress } from "../senders/deliver.ts";
import { DEV_ENV } from "../settings/dev-env.ts";
import { itemsTable } from "./items-table.ts";
import { type NewObject, notifiedText, putObject, type Target } from "./local-bucket.ts";
import { lockState } from "./lock.ts";
import { type Stack, startStack } from "./stack.ts";

export interface DemoOptions {
  root: string;
  port: number;
  /** End after showing the result. */
  once?: boolean;
  json?: boolean;
}

interface Upload {
  /** What it is, for a person. */
  name: string;
  target: Target;
  object: NewObject;
  /** The pipeline that takes it, and the collection that pipeline keeps. */
  alias: string;
}

const VIDEO_SECONDS = 60;
const RUN_MS = 150_000;
const PAGE_KEY_MS = 24 * 3_600_000;
const FINAL = ["succeeded", "dead", "skipped", "cancelled"];

export async function demo({ root, port, once, json }: DemoOptions): Promise<void> {
  const folder = join(root, ".weir/demo");
  const persist = join(folder, "state");
  // Another demo's state is not taken from under it.
  lockState(persist, "")();
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  write(root, await generate(root));
  const log: string[] = [];
  await untilInterrupted(async (interrupted) => {
    const listen = port !== 0 && !(await isFree(port)) ? 0 : port;
    const starting = startStack({
      root,
      port: listen,
      persist,
      onLine: (line) => log.push(line),
      onStep: doing,
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
      const stored = await Promise.race([show(stack, root, brought), interrupted]);
      if (!stored) return;
      if (json) printJson({ url: stack.url, stored });
      else
        for (const { collection, items, lineage } of stored)
          print(`\n${itemsTable(collection, items, lineage)}`);
      if (once) return;
      next(stack.url, await pageKey(stack));
      const reason = await Promise.race([stack.ended, interrupted]);
      if (reason !== undefined) throw new CliError(`the stack has ended: ${reason}`);
    } catch (error) {
      for (const line of log.slice(-30)) note(line);
      throw error;
    } finally {
      await stack.stop();
    }
  });
}

const doing = (step: string) => note(`  ${step} …`);

/** A minute of film with motion and scene changes, and a photo, both drawn here. */
async function uploads(folder: string): Promise<Upload[]> {
  const video = join(folder, "shore.mp4");
  doing(`drawing ${VIDEO_SECONDS} s of video and a photo`);
  const size = { width: 640, height: 360, fps: 30 };
  await makeVideo(video, { seconds: VIDEO_SECONDS, ...size, gopSeconds: 2, scenes: 8, audio: true });
  const photo = await makeImage({ format: "jpeg", width: 800, height: 600, seed: 7 });
  return [
    {
      name: "video",
      target: { bucket: "weir-media", key: "demo/shore.mp4" },
      object: { body: readFileSync(video), contentType: "video/mp4", metadata: { foo: "bar" } },
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

interface Stored {
  alias: string;
  collection: string;
  items: Item[];
  lineage: Lineage | undefined;
}

/** Brings the uploads in, waits for their runs, and reads what was stored. */
async function show(stack: Stack, root: string, brought: Upload[]): Promise<Stored[]> {
  const { connections, pipelines } = loadProject(root);
  const local: StackAddress = { url: stack.url, connections, secrets: stack.env };
  const client = clientOf(stack.url, stack.apiKey);
  for (const { name, target, object } of brought) {
    const notified = await putObject(local, target, object);
    const size = `${(object.body.byteLength / 1e6).toFixed(1)} MB`;
    good(`${name} put: ${target.bucket}/${target.key}, ${size}; ${notifiedText(notified)}`);
  }
  for (const upload of brought) {
    const run = await finished(client, upload);
    if (run.status !== "succeeded") {
      const why = run.failure?.detail ?? run.reason ?? "no reason was given";
      throw new CliError(`${upload.alias}: the run ${run.id} is ${run.status}: ${why}`);
    }
    good(`${upload.alias}: ${run.items ?? 0} item${run.items === 1 ? "" : "s"} stored`);
  }
  const stored: Stored[] = [];
  for (const { alias, target } of brought) {
    const collection = pipelines.find((it) => it.name === alias)?.config?.destination.collection ?? alias;
    const path = itemsPath(collection);
    const items = await client.list<Item>(`${path}?key=${encodeURIComponent(target.key)}`, 50);
    const lineage = items[0] && (await client.get<Lineage>(`${path}/${items[0].id}/lineage`));
    stored.push({ alias, collection, items, lineage });
  }
  return stored;
}

/** The upload's run once it has ended; each change of its state is told on the way. */
async function finished(client: Client, { alias, target }: Upload): Promise<Run> {
  let last = "";
  for (const until = Date.now() + RUN_MS; Date.now() < until; await delay(300)) {
    const run = (await client.list<Run>("/v1/runs", 50)).find(
      (it) => it.alias === alias && it.object.key === target.key,
    );
    if (!run) continue;
    const state = `${run.status}${run.attempt > 1 ? `, attempt ${run.attempt}` : ""}`;
    if (state !== last) doing(`${alias}: ${state}`);
    last = state;
    if (FINAL.includes(run.status)) return run;
  }
  const state = last || "never made";
  throw new CliError(`${alias}: the run for ${target.key} did not end in ${RUN_MS / 1000} s (${state})`);
}

/** A key for the page: it sees, changes nothing, and is over tomorrow. So the root key stays where it is. */
async function pageKey({ url, apiKey }: Stack): Promise<string> {
  const expires_at = new Date(Date.now() + PAGE_KEY_MS).toISOString();
  const body = { name: "the page of weir demo", scopes: ["read"], expires_at };
  return (await clientOf(url, apiKey).post<{ key: string }>("/v1/keys", body)).key;
}

function next(url: string, readKey: string): void {
  const key = `$(sed -n 's/^WEIR_API_KEY=//p' ${DEV_ENV})`;
  say("");
  say(`Weir stays up at ${url} until Ctrl-C. From here:`);
  say(`  ${url}/#key=${readKey}`);
  say("  looks around, with a key that can only read and is over tomorrow");
  say(`  ${url}/openapi.json         the whole API`);
  say(`  curl -H "Authorization: Bearer ${key}" ${url}/v1/runs`);
  say(`  npx weir put my.mp4 weir-media/my.mp4 --metadata foo=bar --url ${url}`);
  say(`  npx weir rm weir-media/demo/shore.mp4 --url ${url}      its items go with it`);
}
