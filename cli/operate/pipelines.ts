// Commands `weir pipelines`: list, pause and resume deployed pipelines.
import { good, note, print, printJson, table } from "../io/output.ts";
import { type DeployedPipeline, openClient, type Paused } from "./client.ts";
import type { OperatorFlags } from "./replay.ts";

/** Prints deployed pipelines with their state. */
export async function listPipelines(root: string, flags: OperatorFlags): Promise<void> {
  const { data } = await openClient(root, flags).get<{ data: DeployedPipeline[] }>("/v1/pipelines");
  if (flags.json) return printJson({ data });
  if (data.length === 0) return note("No pipeline is deployed.");
  const rows = data.map(({ alias, version, config, problems, paused, cost }) => {
    const { source, destination, dispatch } = config;
    return [
      alias,
      version,
      source.connection_id,
      `${destination.connection_id} ${destination.collection}`,
      dispatch,
      `$${Number(cost.usd.toPrecision(3))}`,
      stateText({ problems, paused }),
    ];
  });
  print(table([["pipeline", "version", "source", "collection", "dispatch", "cost", "state"], ...rows]));
}

/** State of a pipeline, with the first problem that keeps its files from running. */
function stateText({
  problems: [first] = [],
  paused,
}: Pick<DeployedPipeline, "problems" | "paused">): string {
  const state = paused ? `paused since ${paused.at}: ${paused.reason}` : "running";
  return first ? `${state}, not its files: ${first.file}:${first.line} ${first.problem}` : state;
}

/** Prints a pipeline with its figures and its code. */
export async function showPipeline(root: string, alias: string, flags: OperatorFlags): Promise<void> {
  const one = await openClient(root, flags).call((weir) => weir.getPipeline(alias));
  if (flags.json) return printJson(one);
  const { version, problems, paused, open, dead_letters, causes, versions, stale, average, source } = one;
  print(
    table([
      ["pipeline", `${alias} ${version}`],
      ["state", stateText({ problems, paused })],
      ["waits", `${open.pending + open.queued + open.failed}, ${open.running} running`],
      [
        "a run",
        average.usd === null ? "none yet" : `${average.seconds ?? "?"} s, $${average.usd.toPrecision(2)}`,
      ],
      ["stale", `${stale.items} items of ${stale.objects} objects`],
      ["letters", String(dead_letters)],
      ...causes.map(({ kind, detail, count }) => ["", `${count} of ${kind}: ${detail}`]),
      ...versions.map((each) => [
        "version",
        `${each.version}: ${each.items} items of ${each.objects} objects`,
      ]),
    ]),
  );
  if (source) print(`\n${source.file}, as it is bundled:\n\n${source.text}`);
}

/** Pauses a pipeline: its events wait. */
export async function pausePipeline(
  root: string,
  alias: string,
  flags: OperatorFlags & { reason: string },
): Promise<void> {
  const path = `/v1/pipelines/${encodeURIComponent(alias)}/pause`;
  const answer = await openClient(root, flags).post<Paused>(path, { reason: flags.reason });
  if (flags.json) printJson(answer);
  good(`${alias} is paused: its events are recorded, and their runs wait.`);
}

/** Resumes a paused pipeline. */
export async function resumePipeline(root: string, alias: string, flags: OperatorFlags): Promise<void> {
  const path = `/v1/pipelines/${encodeURIComponent(alias)}/resume`;
  const answer = await openClient(root, flags).post<Paused>(path);
  if (flags.json) printJson(answer);
  good(`${alias} is resumed: waiting events run first.`);
}
