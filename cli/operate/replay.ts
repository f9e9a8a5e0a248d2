// Commands `weir replay` (run objects through pipelines again) and `weir audit` (compare a bucket with its collection, and
// the collection with its index).
import { ask, canAsk } from "../io/ask.ts";
import { CliError, good, note, print, printJson } from "../io/output.ts";
import type { EndpointFlags } from "../settings/settings.ts";
import { openClient, type Replay } from "./client.ts";
import { compareIndexOf, refuseDifferences } from "./index-of.ts";
import {
  auditText,
  countText,
  progressText,
  replayPlanText,
  replaysText,
  replayText,
} from "./replay-text.ts";
import { type CreateFlags, replayRequest } from "./selection.ts";
import { watchReplay } from "./watch-replay.ts";

/** Flags of every command that talks to a Weir. */
export interface OperatorFlags extends EndpointFlags {
  json?: boolean;
}
export interface IdempotencyFlags {
  idempotencyKey?: string;
}

/** Creates a replay, and waits for a dry run, whose plan is the answer. @throws CliError */
export async function createReplay(
  root: string,
  flags: CreateFlags & OperatorFlags & IdempotencyFlags & { wait?: boolean },
): Promise<void> {
  const request = replayRequest(root, flags, Date.now());
  const client = openClient(root, flags);
  const begun = await client.post<Replay>("/v1/replays", request, flags.idempotencyKey);
  const waits = flags.wait || request.dry_run;
  const replay = waits ? await watchReplay(client, begun, mayRemove) : begun;
  if (flags.json) printJson(replay);
  else print(replayText(replay));
  if (request.dry_run) return good("Planned; nothing was run.");
  if (!waits) return note(`The replay goes on by itself. Follow it with: weir replay show ${replay.id}`);
  return ended(replay);
}

/** Prints replays, newest first. */
export async function listReplays(root: string, flags: OperatorFlags & { limit: number }): Promise<void> {
  const replays = await openClient(root, flags).list<Replay>("/v1/replays", flags.limit);
  if (flags.json) return printJson({ data: replays });
  if (replays.length === 0) return note("There are no replays.");
  print(replaysText(replays));
}

/** Prints a replay: plan and progress. */
export async function showReplay(root: string, id: string, flags: OperatorFlags): Promise<void> {
  const replay = await openClient(root, flags).get<Replay>(`/v1/replays/${encodeURIComponent(id)}`);
  if (flags.json) printJson(replay);
  else print(replayText(replay));
}

/** Pauses, resumes or cancels a replay. */
export async function moveReplay(
  root: string,
  move: "pause" | "resume" | "cancel",
  id: string,
  { budget, ...flags }: OperatorFlags & { budget?: number },
): Promise<void> {
  const path = `/v1/replays/${encodeURIComponent(id)}/${move}`;
  const body = budget === undefined ? undefined : { budget_usd: budget };
  const replay = await openClient(root, flags).post<Replay>(path, body);
  if (flags.json) printJson(replay);
  else print(replayText(replay));
}

/** Compares bucket and collection. @throws CliError (exit code 1) where they differ and are not repaired */
export async function audit(
  root: string,
  alias: string,
  flags: OperatorFlags & IdempotencyFlags & { prefix?: string; repair?: boolean; force?: boolean },
): Promise<void> {
  const client = openClient(root, flags);
  const { prefix, repair = false, force = false } = flags;
  const body = { alias, repair, force, ...(prefix !== undefined && { prefix }) };
  const begun = await client.post<Replay>("/v1/audits", body, flags.idempotencyKey);
  const found = await watchReplay(client, begun, mayRemove);
  const index = await compareIndexOf(client, alias);
  if (flags.json) printJson(index ? { ...found, index } : found);
  else print(auditText(found));
  const { objects } = found.plan;
  if (objects === 0 || repair) refuseDifferences(alias, index);
  if (objects === 0)
    return good(`${alias} agrees with its bucket: ${countText(found.plan.passed_over, "object")}.`);
  if (repair) return ended(found);
  throw new CliError(
    `${alias} differs from its bucket: ${replayPlanText(found)}. Run the differing objects with --repair.`,
  );
}

/** Prints what a repair would remove, and asks at a terminal whether to go on. */
async function mayRemove(replay: Replay): Promise<boolean> {
  if (!canAsk() || !replay.stopped) return false;
  process.stderr.write(`${auditText(replay)}\n\n`);
  return ask(`${replay.stopped.detail} Go on?`);
}

function ended(replay: Replay): void {
  const { dead } = replay.progress;
  if (dead === 0) {
    good(`${progressText(replay)}.`);
    return;
  }
  const next = "Their causes: weir dead-letters list --group";
  throw new CliError(`${dead} of ${replay.progress.enqueued} runs ended dead. ${next}`);
}
