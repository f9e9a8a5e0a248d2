// `weir dead-letters …`: what will not be tried again, grouped by cause, run again or dropped for good.
import { CliError, good, note, print, printJson, table } from "../output.ts";
import { type DeadLetter, openClient } from "./client.ts";
import type { Flags, Keyed } from "./replay.ts";

export interface ChoiceFlags extends Flags {
  run?: string[];
  alias?: string;
  kind?: string;
  all?: boolean;
}

export interface Group {
  alias: string;
  kind: string;
  detail: string;
  count: number;
  newest: string;
  /** One of them, to look at. */
  run_id: string;
}

export async function listDeadLetters(
  root: string,
  flags: Flags & { alias?: string; group?: boolean; limit: number },
): Promise<void> {
  const path = `/v1/dead-letters${flags.alias === undefined ? "" : `?alias=${encodeURIComponent(flags.alias)}`}`;
  const limit = flags.group ? Number.POSITIVE_INFINITY : flags.limit;
  const letters = await openClient(root, flags).list<DeadLetter>(path, limit);
  const data = flags.group ? groupLetters(letters) : letters;
  if (flags.json) return printJson({ data });
  if (letters.length === 0) return note("there are no dead letters");
  print(flags.group ? groupsText(groupLetters(letters)) : lettersText(letters));
}

/** By pipeline and cause, most first. A cause that names its own object is the same cause at each. */
export function groupLetters(letters: DeadLetter[]): Group[] {
  const groups = new Map<string, Group>();
  for (const { alias, failure, object, at, run_id } of letters) {
    const detail = object.key === "" ? failure.detail : failure.detail.replaceAll(object.key, "<key>");
    const name = JSON.stringify([alias, failure.kind, detail]);
    const known = groups.get(name);
    // Newest first: the first of a group is its newest.
    if (known) known.count++;
    else groups.set(name, { alias, kind: failure.kind, detail, count: 1, newest: at ?? "", run_id });
  }
  return [...groups.values()].sort((a, b) => b.count - a.count);
}

/** Runs letters again, with all their attempts. */
export async function redriveDeadLetters(root: string, flags: ChoiceFlags & Keyed): Promise<void> {
  const body = choiceOf(flags);
  const path = "/v1/dead-letters/redrive";
  const done = await openClient(root, flags).post<{ redriven: number; waiting: number; run_ids: string[] }>(
    path,
    body,
    flags.idempotencyKey,
  );
  if (flags.json) printJson(done);
  else for (const id of done.run_ids) print(id);
  const more = done.redriven === 1000 ? "; there may be more, which the same command takes" : "";
  const waiting = done.waiting > 0 ? `, ${done.waiting} of them wait: their pipeline is paused` : "";
  good(`${done.redriven} redriven${waiting}${more}`);
}

/** Ends letters for good, with a reason. */
export async function dropDeadLetters(root: string, flags: ChoiceFlags & { reason: string }): Promise<void> {
  const body = { ...choiceOf(flags), reason: flags.reason };
  const done = await openClient(root, flags).post<{ dropped: number }>("/v1/dead-letters/drop", body);
  if (flags.json) printJson(done);
  good(`${done.dropped} dropped`);
}

function choiceOf({ run, alias, kind, all }: ChoiceFlags): object {
  if (!run && alias === undefined && kind === undefined && !all)
    throw new CliError("which dead letters? say --run, --alias, --kind or --all", [], 2);
  return {
    ...(run && { run_ids: run }),
    ...(alias !== undefined && { alias }),
    ...(kind !== undefined && { kind }),
    ...(all && { all: true }),
  };
}

const oneLine = (text: string) => text.replace(/\s+/g, " ");

function lettersText(letters: DeadLetter[]): string {
  const rows = letters.map(({ run_id, alias, object, attempts, at, failure }) => [
    at ?? "",
    alias,
    String(attempts),
    oneLine(`${object.bucket}/${object.key}`),
    oneLine(`${failure.kind}: ${failure.detail}`),
    run_id,
  ]);
  return table([["at", "pipeline", "attempts", "object", "cause", "run"], ...rows]);
}

function groupsText(groups: Group[]): string {
  const rows = groups.map(({ alias, kind, detail, count, newest, run_id }) => [
    String(count),
    alias,
    oneLine(`${kind}: ${detail}`),
    newest,
    run_id,
  ]);
  return table([["count", "pipeline", "cause", "newest", "for example"], ...rows]);
}
