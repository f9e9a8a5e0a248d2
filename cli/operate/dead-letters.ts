// `weir dead-letters …`: what will not be tried again, grouped by cause, run again or dropped for good.
import { CliError, good, note, print, printJson, table } from "../io/output.ts";
import { type Cause, type DeadLetter, type DeadLetterInFull, openClient } from "./client.ts";
import type { Flags, Keyed } from "./replay.ts";

export interface ChoiceFlags extends Flags {
  run?: string[];
  alias?: string;
  kind?: string;
  all?: boolean;
}

export async function listDeadLetters(
  root: string,
  flags: Flags & { alias?: string; group?: boolean; limit: number },
): Promise<void> {
  const client = openClient(root, flags);
  const query = flags.alias === undefined ? "" : `?alias=${encodeURIComponent(flags.alias)}`;
  if (flags.group) {
    const { data } = await client.get<{ data: Cause[] }>(`/v1/dead-letters/causes${query}`);
    if (flags.json) return printJson({ data });
    return data.length === 0 ? note(NONE) : print(causesText(data));
  }
  const data = await client.list<DeadLetter>(`/v1/dead-letters${query}`, flags.limit);
  if (flags.json) return printJson({ data });
  return data.length === 0 ? note(NONE) : print(lettersText(data));
}

const NONE = "there are no dead letters";

/** One letter: what the pipeline was given, why it failed, and every state that its run has been in. */
export async function showDeadLetter(root: string, id: string, flags: Flags): Promise<void> {
  const path = `/v1/dead-letters/${encodeURIComponent(id)}`;
  const letter = await openClient(root, flags).get<DeadLetterInFull>(path);
  if (flags.json) return printJson(letter);
  const { alias, object, cause, attempts, at, failure, event, history } = letter;
  const facts = [
    ["run", id],
    ["pipeline", alias],
    ["object", oneLine(`${object.connection} ${object.bucket}/${object.key}`)],
    ["dead", `${at ?? ""} after ${attempts} attempts; ${cause}`],
    ["cause", oneLine(`${failure.kind}: ${failure.detail}`)],
    ...(failure.next === undefined ? [] : [["next", oneLine(failure.next)]]),
    ["payload", JSON.stringify(event)],
  ];
  print(table(facts));
  print("");
  const states = history.map((one) => [one.at ?? "", one.status, String(one.attempt), one.cause ?? ""]);
  print(table([["at", "status", "attempt", "cause"], ...states]));
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

function causesText(causes: Cause[]): string {
  const rows = causes.map(({ alias, kind, detail, count, newest, run_id }) => [
    String(count),
    alias,
    oneLine(`${kind}: ${detail}`),
    newest ?? "",
    run_id,
  ]);
  return table([["count", "pipeline", "cause", "newest", "for example"], ...rows]);
}
