// `weir filter test` and `weir filter diff`: what a filter says of an event, and what a changed one would
// gain and lose. Files are judged here; what is on record is asked of the router. Nothing runs.
import { FilterError } from "../../src/match/index.ts";
import { broughtEvent, type Tested, testFilter } from "../../src/query/filters.ts";
import { CliError, good, print, printJson, problemText, say } from "../io/output.ts";
import { openClient } from "./client.ts";
import { eventNamed, filterAgainst, filterNamed, refused, type Written } from "./filter-source.ts";
import { type Diff, diffText, testedText } from "./filter-text.ts";

export interface FilterFlags {
  url?: string;
  json?: boolean;
}

/** Explains; ends with a {@link CliError}, and so with exit code 1, where the filter does not pass the event. */
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
    ? compiling(source, () => testFilter(source.filter, local))
    : await ask<Tested>(root, flags, "/v1/filters/test", { filter: source.filter, event });
  for (const { path, message, suggestion } of tested.warnings) {
    const next = suggestion === undefined ? undefined : `did you mean ${suggestion}?`;
    say(`warning\n${problemText(source.at(path, message, next))}`);
  }
  if (flags.json) printJson(tested);
  else print(testedText(tested));
  if (tested.verdict === true) return good(`${source.name} passes the event`);
  const how = tested.verdict === false ? "does not pass the event" : "is not decided by what the event says";
  throw new CliError(`${source.name} ${how}: ${tested.reason}`);
}

/** Compares the deployed filter with a changed one, over what is on record since then. */
export async function filterDiff(
  root: string,
  alias: string,
  flags: FilterFlags & { against?: string; since: string },
): Promise<void> {
  const source = filterAgainst(root, alias, flags.against);
  compiling(source, () => testFilter(source.filter, broughtEvent({ key: "any" }, "none")));
  const request = { alias, filters: source.filter, since: flags.since };
  const first = await ask<Diff>(root, flags, "/v1/filters/diff", request);
  let whole = first;
  for (let next = first.next; next !== undefined; ) {
    const page = await ask<Diff>(root, flags, "/v1/filters/diff", { ...request, cursor: next });
    whole = together(whole, page);
    next = page.next;
  }
  const { next: _, ...diff } = whole;
  if (flags.json) return printJson(diff);
  print(diffText(diff, source.name));
}

function compiling<T>(source: Written, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof FilterError) throw refused(source, error);
    throw error;
  }
}

const MAX_SAMPLES = 10;

function together(a: Diff, b: Diff): Diff {
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
