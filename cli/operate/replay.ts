// `weir replay …` and `weir audit`: objects through pipelines again, and what differs from the bucket.
import { ask, canAsk } from "../io/ask.ts";
import { CliError, good, note, print, printJson } from "../io/output.ts";
import type { Reach } from "../settings/settings.ts";
import { openClient, type Replay } from "./client.ts";
import { auditText, counted, planText, progressText, replaysText, replayText } from "./replay-text.ts";
import { type CreateFlags, replayRequest } from "./selection.ts";
import { watchReplay } from "./watch-replay.ts";

export interface Flags extends Reach {
  json?: boolean;
}
export interface Keyed {
  idempotencyKey?: string;
}

/** Creates a replay. A dry run is always waited for: its plan is what was asked for. */
export async function createReplay(
  root: string,
  flags: CreateFlags & Flags & Keyed & { wait?: boolean },
): Promise<void> {
  const request = replayRequest(root, flags, Date.now());
  const client = openClient(root, flags);
  const begun = await client.post<Replay>("/v1/replays", request, flags.idempotencyKey);
  const waits = flags.wait || request.dry_run;
  const replay = waits ? await watchReplay(client, begun, mayRemove) : begun;
  if (flags.json) printJson(replay);
  else print(replayText(replay));
  if (request.dry_run) return good("planned; nothing ran");
  if (!waits) return note(`it goes on by itself: weir replay show ${replay.id}`);
  return ended(replay);
}

export async function listReplays(root: string, flags: Flags & { limit: number }): Promise<void> {
  const replays = await openClient(root, flags).list<Replay>("/v1/replays", flags.limit);
  if (flags.json) return printJson({ data: replays });
  if (replays.length === 0) return note("there are no replays");
  print(replaysText(replays));
}

export async function showReplay(root: string, id: string, flags: Flags): Promise<void> {
  const replay = await openClient(root, flags).get<Replay>(`/v1/replays/${encodeURIComponent(id)}`);
  if (flags.json) printJson(replay);
  else print(replayText(replay));
}

export async function moveReplay(
  root: string,
  move: "pause" | "resume" | "cancel",
  id: string,
  flags: Flags,
): Promise<void> {
  const path = `/v1/replays/${encodeURIComponent(id)}/${move}`;
  const replay = await openClient(root, flags).post<Replay>(path);
  if (flags.json) printJson(replay);
  else print(replayText(replay));
}

/** Compares; ends with exit code 1 where bucket and collection differ and were not repaired. */
export async function audit(
  root: string,
  alias: string,
  flags: Flags & Keyed & { prefix?: string; repair?: boolean; force?: boolean },
): Promise<void> {
  const client = openClient(root, flags);
  const { prefix, repair = false, force = false } = flags;
  const body = { alias, repair, force, ...(prefix !== undefined && { prefix }) };
  const begun = await client.post<Replay>("/v1/audits", body, flags.idempotencyKey);
  const found = await watchReplay(client, begun, mayRemove);
  if (flags.json) printJson(found);
  else print(auditText(found));
  const { objects } = found.plan;
  if (objects === 0)
    return good(`${alias} agrees with its bucket: ${counted(found.plan.passed_over, "object")}`);
  if (repair) return ended(found);
  throw new CliError(`${alias} differs from its bucket: ${planText(found)}; --repair runs just these`);
}

/** Shows what a repair would remove, and asks whoever is there. */
async function mayRemove(replay: Replay): Promise<boolean> {
  if (!canAsk() || !replay.stopped) return false;
  process.stderr.write(`${auditText(replay)}\n\n`);
  return ask(`${replay.stopped.detail} Go on?`);
}

function ended(replay: Replay): void {
  const { dead } = replay.progress;
  if (dead === 0) {
    good(progressText(replay));
    return;
  }
  const next = "the causes: weir dead-letters list --group";
  throw new CliError(`${dead} of ${replay.progress.enqueued} runs ended dead; ${next}`);
}
