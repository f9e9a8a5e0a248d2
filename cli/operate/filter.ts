// Commands `weir filter test` (verdict of a filter on an event) and `weir filter diff` (objects that a changed filter
// gains and loses). Events in files are tested here, recorded events by the router. No pipeline runs.
import { FilterError } from "../../src/match/index.ts";
import { broughtEvent, type FilterTrial, testFilter } from "../../src/query/filters.ts";
import { CliError, good, print, printJson, problemText, say } from "../io/output.ts";
import { openClient } from "./client.ts";
import { eventNamed, type FilterSource, filterAgainst, filterNamed, filterProblem } from "./filter-source.ts";
import { type Diff, diffText, testedText } from "./filter-text.ts";
import { wholeEventId } from "./short-id.ts";

export interface FilterFlags {
  url?: string;
  json?: boolean;
}

/** Tests an event and explains the verdict. @throws CliError (exit code 1) where the event does not pass */
export async function filterTest(
  root: string,
  named: string,
  event: string,
  flags: FilterFlags,
): Promise<void> {
  const source = filterNamed(root, named);
  const brought = eventNamed(event);
  const local = typeof brought === "string" ? undefined : broughtEvent(brought, source.connection ?? "none");
  const tested = local
    ? reportFilterError(source, () => testFilter(source.filter, local))
    : await ask<FilterTrial>(root, flags, "/v1/filters/test", {
        filter: source.filter,
        event: await wholeEventId(openClient(root, flags), event),
      });
  for (const { path, message, suggestion } of tested.warnings) {
    const next = suggestion === undefined ? undefined : `Did you mean ${suggestion}?`;
    say(`Warning:\n${problemText(source.at(path, message, next))}`);
  }
  if (flags.json) printJson(tested);
  else print(testedText(tested));
  if (tested.verdict === true) return good(`${source.name} passes the event.`);
  const how =
    tested.verdict === false ? "does not pass the event" : "is not decided by the fields of the event";
  throw new CliError(`${source.name} ${how}: ${tested.reason}.`);
}

/** Compares the deployed filter with a changed one on the recorded events. @throws CliError */
export async function filterDiff(
  root: string,
  alias: string,
  flags: FilterFlags & { against?: string; since: string },
): Promise<void> {
  const source = filterAgainst(root, alias, flags.against);
  reportFilterError(source, () => testFilter(source.filter, broughtEvent({ key: "any" }, "none")));
  const request = { alias, filters: source.filter, since: flags.since };
  const firstPage = await ask<Diff>(root, flags, "/v1/filters/diff", request);
  let whole = firstPage;
  for (let next = firstPage.next; next !== undefined; ) {
    const page = await ask<Diff>(root, flags, "/v1/filters/diff", { ...request, cursor: next });
    whole = mergePages(whole, page);
    next = page.next;
  }
  const { next: _, ...diff } = whole;
  if (flags.json) return printJson(diff);
  print(diffText(diff, source.name));
}

function reportFilterError<T>(source: FilterSource, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof FilterError) throw filterProblem(source, error);
    throw error;
  }
}

const MAX_SAMPLES = 10;

function mergePages(a: Diff, b: Diff): Diff {
  const sum = (name: Exclude<keyof Diff, "alias" | "version" | "since" | "samples" | "next">) =>
    a[name] + b[name];
  const samples = (name: keyof Diff["samples"]) =>
    [...a.samples[name], ...b.samples[name]].slice(0, MAX_SAMPLES);
  return {
    ...a,
    objects: sum("objects"),
    gained: sum("gained"),
    lost: sum("lost"),
    unchanged: sum("unchanged"),
    undecided: sum("undecided"),
    passing: sum("passing"),
    items_of_lost: sum("items_of_lost"),
    samples: { gained: samples("gained"), lost: samples("lost"), undecided: samples("undecided") },
  };
}

const ask = <T>(root: string, flags: FilterFlags, path: string, body: object): Promise<T> =>
  openClient(root, flags).post<T>(path, body);
