// Commands `weir runs`: list, show and cancel runs. A run is one event in one pipeline.
import { shortIdOf } from "../../src/shapes/event-id.ts";
import { good, note, print, printJson, table } from "../io/output.ts";
import { openClient, type Run, type RunInFull } from "./client.ts";
import type { OperatorFlags } from "./replay.ts";
import { wholeRunId } from "./short-id.ts";

const oneLine = (text: string) => text.replace(/\s+/g, " ");

/** Prints runs, newest first. */
export async function listRuns(
  root: string,
  flags: OperatorFlags & { alias?: string; status?: string; limit: number },
): Promise<void> {
  const query = new URLSearchParams();
  if (flags.alias !== undefined) query.set("alias", flags.alias);
  if (flags.status !== undefined) query.set("status", flags.status);
  const data = await openClient(root, flags).list<Run>(`/v1/runs?${query}`, flags.limit);
  if (flags.json) return printJson({ data });
  if (data.length === 0) return note("There are no such runs.");
  const rows = data.map(({ id, alias, status, attempt, object, created_at, reason, failure }) => [
    created_at ?? "",
    alias,
    status,
    String(attempt),
    oneLine(`${object.bucket}/${object.key}`),
    oneLine(reason ?? failure?.detail ?? ""),
    shortIdOf(id),
  ]);
  print(table([["at", "pipeline", "status", "attempt", "object", "why", "run"], ...rows]));
}

/** Prints a run with its log and every state that it has been in. */
export async function showRun(root: string, given: string, flags: OperatorFlags): Promise<void> {
  const client = openClient(root, flags);
  const id = await wholeRunId(client, given);
  const run = await client.get<RunInFull>(`/v1/runs/${encodeURIComponent(id)}`);
  if (flags.json) return printJson(run);
  const { alias, status, object, version, commit, items, failure, logs, steps, history } = run;
  const facts = [
    ["run", id],
    ["pipeline", `${alias} ${version ?? ""}${commit ? ` (${commit})` : ""}`],
    ["object", oneLine(`${object.connection} ${object.bucket}/${object.key}`)],
    ["status", `${status}${items === null ? "" : `, ${items} items`}`],
    ...(failure ? [["failure", oneLine(`${failure.kind}: ${failure.detail}`)]] : []),
    ...logs.filter(({ level }) => level === "info").map(({ text }) => ["log", oneLine(text)]),
  ];
  print(table(facts));
  print("");
  const taken = steps.map(({ at, name, seconds, bytes, detail }) => [
    ...[at, name, `${seconds} s`, bytes ? `${bytes} B` : "", oneLine(detail ?? "")],
  ]);
  print(table([["at", "step", "took", "bytes", "what"], ...taken]));
  print("");
  const states = history.map((state) => [
    state.at ?? "",
    state.status,
    String(state.attempt),
    state.cause ?? "",
  ]);
  print(table([["at", "status", "attempt", "cause"], ...states]));
}

/** Ends runs for good. */
export async function cancelRuns(
  root: string,
  ids: string[],
  flags: OperatorFlags & { reason: string },
): Promise<void> {
  const client = openClient(root, flags);
  for (const given of ids) {
    const id = await wholeRunId(client, given);
    const path = `/v1/runs/${encodeURIComponent(id)}/cancel`;
    const run = await client.post<RunInFull>(path, { reason: flags.reason });
    if (flags.json) printJson(run);
    good(`${id} is cancelled and stores nothing.`);
  }
}
