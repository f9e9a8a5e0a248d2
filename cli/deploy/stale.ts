// The last mile of a deploy: once Weir serves what was deployed, which of its pipelines' items another version made,
// and the offer to make them anew. What cannot be asked is said, and undoes nothing: the deploy is done.
import { setTimeout as pause } from "node:timers/promises";
import { CliError } from "../io/output.ts";
import type { Client, Replay, Version } from "../operate/client.ts";
import { counted } from "../operate/replay-text.ts";

/** What one pipeline keeps that another version made. */
export interface StaleOf {
  alias: string;
  version: string;
  objects: number;
  items: number;
}

export type Stale =
  | { asked: true; pipelines: StaleOf[] }
  /** Why Weir could not say. */
  | { asked: false; why: string };

/** A new router is everywhere within seconds; after this long something is amiss. */
const SERVED_WITHIN_MS = 30_000;
const ANSWERED_WITHIN_MS = 10_000;
const EVERY_MS = 500;

/**
 * Waits until Weir serves these versions (alias → version), then counts what others have made. A pipeline whose
 * items are all its own is left out.
 */
export async function staleItems(
  client: Client,
  versions: ReadonlyMap<string, string>,
  within = SERVED_WITHIN_MS,
): Promise<Stale> {
  try {
    const late = await notServed(client, versions, within);
    if (late.length > 0) return { asked: false, why: `it does not serve the new ${late.join(", ")} yet` };
    const all = await Promise.all([...versions].map(([alias, version]) => staleOf(client, alias, version)));
    return { asked: true, pipelines: all.filter(({ objects }) => objects > 0) };
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return { asked: false, why: error.message };
  }
}

/** Of one pipeline; counted by the version, since a router may not know yet which is the deployed one. */
export async function staleOf(client: Client, alias: string, version: string): Promise<StaleOf> {
  const path = `/v1/pipelines/${encodeURIComponent(alias)}/versions`;
  const { data } = await inTime(client.get<{ data: Version[] }>(path));
  const others = data.filter((one) => one.version !== version);
  const sum = (of: "objects" | "items") => others.reduce((all, one) => all + one[of], 0);
  return { alias, version, objects: sum("objects"), items: sum("items") };
}

async function notServed(
  client: Client,
  versions: ReadonlyMap<string, string>,
  within: number,
): Promise<string[]> {
  for (const until = Date.now() + within; ; await pause(EVERY_MS)) {
    const { data } = await inTime(
      client.get<{ data: { alias: string; version: string }[] }>("/v1/pipelines"),
    );
    const served = new Map(data.map(({ alias, version }) => [alias, version]));
    const late = [...versions].filter(([alias, version]) => served.get(alias) !== version);
    if (late.length === 0 || Date.now() > until) return late.map(([alias]) => alias);
  }
}

function inTime<T>(answer: Promise<T>): Promise<T> {
  const late = pause(ANSWERED_WITHIN_MS, undefined, { ref: false }).then(() => {
    throw new CliError(`it did not answer within ${ANSWERED_WITHIN_MS / 1000} s`);
  });
  return Promise.race([answer, late]);
}

/** The command that replays just what is stale. */
export const replayCommand = (aliases: string[], url?: string) =>
  [
    "weir replay create --select stale --alias",
    ...aliases,
    ...(url === undefined ? [] : ["--url", url]),
  ].join(" ");

/** What is stale, a line for each pipeline. */
export function staleText(stale: Stale): string[] {
  if (!stale.asked) return [`which items are stale is not known: ${stale.why}`];
  if (stale.pipelines.length === 0)
    return ["no item is stale: every one was made by the version that is deployed"];
  return stale.pipelines.map(
    ({ alias, objects, items }) =>
      `${alias}: ${counted(objects, "object")} stale, with ${counted(items, "item")} that other versions made`,
  );
}

/** Begins the replay of what is stale in these pipelines. */
export const replayStale = (client: Client, aliases: string[]) =>
  client.post<Replay>("/v1/replays", { select: { kind: "stale" }, aliases });
