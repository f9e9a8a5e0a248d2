// Turns the flags of `weir replay create` into the request of the API. Reads a filter's file; otherwise pure.
import type { z } from "zod";
import { replaySchema } from "../../src/shapes/replay.ts";
import { parseJsonFile } from "../io/json-file.ts";
import { CliError } from "../io/output.ts";
import { timeOf } from "../io/times.ts";
import { filterNamed } from "./filter-source.ts";

/** Flags that each selection takes, in the order of the help text. */
const SELECTION_FLAGS = {
  events: ["since", "until", "status"],
  listing: ["prefix"],
  stale: [],
  "produced-by": ["version", "commit", "model"],
  drift: ["prefix"],
} as const satisfies Record<string, readonly (keyof SelectFlags)[]>;
export const SELECTIONS = Object.keys(SELECTION_FLAGS) as (keyof typeof SELECTION_FLAGS)[];

export interface SelectFlags {
  since?: string;
  until?: string;
  status?: string;
  prefix?: string;
  version?: string;
  commit?: string;
  model?: string;
}

export interface CreateFlags extends SelectFlags {
  select: keyof typeof SELECTION_FLAGS;
  alias?: string[];
  filter?: string;
  dryRun?: boolean;
  force?: boolean;
  /** Dollars. */
  budget?: number;
}

/** Makes the request of a replay. @throws CliError (exit code 2) where flags do not go together or a value is wrong */
export function replayRequest(root: string, flags: CreateFlags, now: number): z.infer<typeof replaySchema> {
  const { select, alias, filter, dryRun, since, until, status, prefix, version, commit, model } = flags;
  const given = definedOf({ since, until, status, prefix, version, commit, model });
  const takes: readonly string[] = SELECTION_FLAGS[select];
  const odd = Object.keys(given).filter((name) => !takes.includes(name));
  if (odd.length > 0) {
    const may = takes.length === 0 ? "takes no such options" : `takes --${takes.join(", --")}`;
    throw new CliError(`--${odd.join(", --")} does not go with --select ${select}, which ${may}.`, [], 2);
  }
  const times = definedOf({
    since: since === undefined ? undefined : timeOf("since", since, now),
    until: until === undefined ? undefined : timeOf("until", until, now),
  });
  const parsed = replaySchema.safeParse({
    select: { kind: select.replace("-", "_"), ...given, ...times },
    dry_run: dryRun === true,
    ...(flags.force && { force: true }),
    ...(flags.budget !== undefined && { budget_usd: flags.budget }),
    ...(alias && { aliases: alias }),
    ...(filter !== undefined && { filter: filterOf(root, filter) }),
  });
  if (parsed.success) return parsed.data;
  const said = parsed.error.issues.map(
    ({ path, message }) => `--${String(path.at(-1) ?? "select")}: ${message}`,
  );
  throw new CliError(`The replay cannot be created: ${said.join("; ")}.`, [], 2);
}

const definedOf = <T extends object>(values: T) =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));

/** Reads a filter: JSON text, or the name of a pipeline or file that holds a filter. */
function filterOf(root: string, text: string): Record<string, unknown> {
  if (!text.trimStart().startsWith("{")) return filterNamed(root, text).filter;
  const { value, problems } = parseJsonFile(text, "--filter");
  if (problems.length > 0) throw new CliError("The filter is not JSON.", problems, 2);
  return value as Record<string, unknown>;
}
