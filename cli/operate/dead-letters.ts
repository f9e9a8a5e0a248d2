// Commands `weir dead-letters`: list, show, redrive and drop runs that will not be retried.
import { shortIdOf } from "../../src/shapes/event-id.ts";
import { CliError, good, note, print, printJson, table } from "../io/output.ts";
import { type Cause, type Client, type DeadLetter, type DeadLetterInFull, openClient } from "./client.ts";
import type { IdempotencyFlags, OperatorFlags } from "./replay.ts";
import { countText } from "./replay-text.ts";
import { wholeRunId } from "./short-id.ts";

export interface DeadLetterChoice extends OperatorFlags {
  run?: string[];
  alias?: string;
  kind?: string;
  all?: boolean;
}

/** Prints dead letters, newest first, or counts them by cause. */
export async function listDeadLetters(
  root: string,
  flags: OperatorFlags & { alias?: string; group?: boolean; limit: number },
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

const NONE = "There are no dead letters.";

/** Prints a dead letter: its event, its failure, and every state of its run. */
export async function showDeadLetter(root: string, given: string, flags: OperatorFlags): Promise<void> {
  const client = openClient(root, flags);
  const id = await wholeRunId(client, given);
  const letter = await client.get<DeadLetterInFull>(`/v1/dead-letters/${encodeURIComponent(id)}`);
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
  const states = history.map((state) => [
    state.at ?? "",
    state.status,
    String(state.attempt),
    state.cause ?? "",
  ]);
  print(table([["at", "status", "attempt", "cause"], ...states]));
}

/** Runs dead letters again, with all their attempts. */
export async function redriveDeadLetters(
  root: string,
  flags: DeadLetterChoice & IdempotencyFlags,
): Promise<void> {
  const client = openClient(root, flags);
  const body = await choiceOf(flags, client);
  const path = "/v1/dead-letters/redrive";
  const done = await client.post<{ redriven: number; waiting: number; run_ids: string[] }>(
    path,
    body,
    flags.idempotencyKey,
  );
  if (flags.json) printJson(done);
  else for (const id of done.run_ids) print(id);
  const more = done.redriven === 1000 ? " There may be more; run the command again." : "";
  const waiting = done.waiting > 0 ? ` ${done.waiting} of them wait, since their pipeline is paused.` : "";
  good(`${countText(done.redriven, "dead letter")} redriven.${waiting}${more}`);
}

/** Ends dead letters for good, with a reason. */
export async function dropDeadLetters(
  root: string,
  flags: DeadLetterChoice & { reason: string },
): Promise<void> {
  const client = openClient(root, flags);
  const body = { ...(await choiceOf(flags, client)), reason: flags.reason };
  const done = await client.post<{ dropped: number }>("/v1/dead-letters/drop", body);
  if (flags.json) printJson(done);
  good(`${countText(done.dropped, "dead letter")} dropped.`);
}

async function choiceOf({ run, alias, kind, all }: DeadLetterChoice, client: Client): Promise<object> {
  if (!run && alias === undefined && kind === undefined && !all)
    throw new CliError("No dead letters are selected. Give --run, --alias, --kind or --all.", [], 2);
  return {
    ...(run && { run_ids: await Promise.all(run.map((id) => wholeRunId(client, id))) }),
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
    shortIdOf(run_id),
  ]);
  return table([["at", "pipeline", "attempts", "object", "cause", "run"], ...rows]);
}

function causesText(causes: Cause[]): string {
  const rows = causes.map(({ alias, kind, detail, count, newest, run_id }) => [
    String(count),
    alias,
    oneLine(`${kind}: ${detail}`),
    newest ?? "",
    shortIdOf(run_id),
  ]);
  return table([["count", "pipeline", "cause", "newest", "for example"], ...rows]);
}
