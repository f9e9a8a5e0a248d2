// `weir pipelines …`: what is deployed, and whether it runs or waits.
import { good, note, print, printJson, table } from "../io/output.ts";
import { openClient, type Paused, type Pipeline } from "./client.ts";
import type { Flags } from "./replay.ts";

export async function listPipelines(root: string, flags: Flags): Promise<void> {
  const { data } = await openClient(root, flags).get<{ data: Pipeline[] }>("/v1/pipelines");
  if (flags.json) return printJson({ data });
  if (data.length === 0) return note("no pipeline is deployed");
  const rows = data.map(({ alias, version, config: { source, destination, dispatch }, paused }) => [
    alias,
    version,
    source.connection_id,
    `${destination.connection_id} ${destination.collection}`,
    dispatch,
    paused ? `paused since ${paused.at}: ${paused.reason}` : "running",
  ]);
  print(table([["pipeline", "version", "source", "collection", "dispatch", "state"], ...rows]));
}

export async function pausePipeline(
  root: string,
  alias: string,
  flags: Flags & { reason: string },
): Promise<void> {
  const path = `/v1/pipelines/${encodeURIComponent(alias)}/pause`;
  const answer = await openClient(root, flags).post<Paused>(path, { reason: flags.reason });
  if (flags.json) printJson(answer);
  good(`${alias} is paused: its events are recorded, and their runs wait`);
}

export async function resumePipeline(root: string, alias: string, flags: Flags): Promise<void> {
  const path = `/v1/pipelines/${encodeURIComponent(alias)}/resume`;
  const answer = await openClient(root, flags).post<Paused>(path);
  if (flags.json) printJson(answer);
  good(`${alias} runs: what waited is sent on its way`);
}
