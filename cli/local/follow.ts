// Follows what was put into a bucket: its event, the runs of that event to their ends, and the items that they stored.
import { setTimeout as delay } from "node:timers/promises";
import { CliError, note } from "../io/output.ts";
import {
  type Client,
  type DeployedPipeline,
  type EventAnswer,
  type Item,
  itemsPath,
  type Run,
} from "../operate/client.ts";
import type { ObjectAddress } from "./local-bucket.ts";

export interface Followed {
  event: EventAnswer;
  runs: Run[];
  /** Items that each pipeline holds of the object now. */
  stored: { alias: string; collection: string; items: Item[] }[];
}

export interface FollowOptions {
  target: ObjectAddress;
  /** Of the object as it was put. */
  etag: string;
  /** Moment of the put, ms. */
  since: number;
  limitMs?: number;
}

const EVENT_MS = 30_000;
/** An object that was put again unchanged may be the event of before. */
const SAME_EVENT_MS = 5_000;
const RUNS_MS = 900_000;
const PAUSE_MS = 250;
const ENDED = ["succeeded", "dead", "skipped", "cancelled"];

/** Waits for the end of all that an upload starts, and prints each change of a run. @throws CliError */
export async function follow(client: Client, options: FollowOptions): Promise<Followed> {
  const event = await eventOf(client, options);
  const runs = await endedRuns(client, event, options.limitMs ?? RUNS_MS);
  const { data: pipelines } = await client.get<{ data: DeployedPipeline[] }>("/v1/pipelines");
  const stored: Followed["stored"] = [];
  for (const { alias, status } of runs) {
    const collection = pipelines.find((pipeline) => pipeline.alias === alias)?.config.destination.collection;
    if (status !== "succeeded" || collection === undefined) continue;
    const path = `${itemsPath(collection)}?key=${encodeURIComponent(options.target.key)}`;
    const items = (await client.list<Item>(path, 1_000)).filter(({ pipeline }) => pipeline === alias);
    stored.push({ alias, collection, items });
  }
  return { event, runs, stored };
}

async function eventOf(client: Client, { target, etag, since }: FollowOptions): Promise<EventAnswer> {
  const path = `/v1/events?key=${encodeURIComponent(target.key)}`;
  const began = Date.now();
  for (; Date.now() < began + EVENT_MS; await delay(PAUSE_MS)) {
    const events = (await client.list<EventAnswer>(path, 20)).filter(
      (event) => event.bucket === target.bucket && event.etag === etag,
    );
    const isSameEnough = Date.now() > began + SAME_EVENT_MS;
    const event = events.find(({ received_at }) => isSameEnough || Date.parse(received_at) >= since);
    if (event) return event;
  }
  throw new CliError(
    `No event of ${target.bucket}/${target.key} is on record after ${EVENT_MS / 1000} s. \`weir rejections\` lists what was refused.`,
  );
}

async function endedRuns(client: Client, { id, outcome }: EventAnswer, limitMs: number): Promise<Run[]> {
  const last = new Map<string, string>();
  if (outcome.matched.length === 0) return [];
  for (const until = Date.now() + limitMs; Date.now() < until; await delay(PAUSE_MS)) {
    const runs = await client.list<Run>(`/v1/runs?event_id=${encodeURIComponent(id)}`, 200);
    for (const { id: run, alias, status, attempt } of runs) {
      const state = `${status}${attempt > 1 ? `, attempt ${attempt}` : ""}`;
      if (last.get(run) !== state && !ENDED.includes(status)) note(`  ${alias}: ${state} …`);
      last.set(run, state);
    }
    if (runs.length >= outcome.matched.length && runs.every(({ status }) => ENDED.includes(status)))
      return runs;
  }
  throw new CliError(`The runs of ${id} have not ended after ${limitMs / 1000} s: weir events show ${id}`);
}
