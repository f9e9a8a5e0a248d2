// Commands on the index of a collection: `weir reindex` builds it anew from the collection, and `weir audit` compares it.
import type { z } from "@hono/zod-openapi";
import type * as answers from "../../src/http/operate/answers.ts";
import { CliError, good, note, printJson } from "../io/output.ts";
import type { EndpointFlags } from "../settings/settings.ts";
import { type Client, type DeployedPipeline, openClient } from "./client.ts";

type IndexComparison = z.infer<typeof answers.indexComparisonSchema>;
type ReindexAnswer = z.infer<typeof answers.reindexAnswerSchema>;
/** Sets that an index has otherwise than its collection. */
export type IndexDifferences = IndexComparison["differing"] & { sets: number };

const pathOf = (collection: string) => `/v1/collections/${encodeURIComponent(collection)}`;

/** Builds an index anew. Killed, it goes on by itself each minute, or with the same command. @throws CliError */
export async function reindex(
  root: string,
  collection: string,
  flags: EndpointFlags & { json?: boolean },
): Promise<void> {
  const client = openClient(root, flags);
  for (let begin = true; ; begin = false) {
    const answer = await client.post<ReindexAnswer>(`${pathOf(collection)}/reindex`, { begin });
    const { failed, index } = answer;
    const { building, items } = index;
    if (building) {
      const missed = failed > 0 ? `, ${failed} could not be` : "";
      note(`${building.sets} sets brought${missed}, since ${building.started_at}`);
      continue;
    }
    if (flags.json) printJson(answer);
    if (failed > 0)
      throw new CliError(
        `The index of ${collection} was built anew but for ${failed} sets that could not be brought. Each minute they are tried again; \`weir audit\` says how many differ.`,
      );
    if (flags.json) return;
    return good(`The index of ${collection} was built anew: ${items} items.`);
  }
}

/** Compares the index of a pipeline's collection, page by page. Undefined where the collection is not searched. */
export async function compareIndexOf(client: Client, alias: string): Promise<IndexDifferences | undefined> {
  const { data } = await client.get<{ data: DeployedPipeline[] }>("/v1/pipelines");
  const destination = data.find((pipeline) => pipeline.alias === alias)?.config.destination;
  if (!destination || destination.search?.enabled === false) return undefined;
  const sum: IndexDifferences = { sets: 0, missing: 0, stale: 0, extra: 0 };
  let cursor: string | undefined;
  do {
    const query = cursor === undefined ? "" : `?cursor=${encodeURIComponent(cursor)}`;
    const page = await client.get<IndexComparison>(`${pathOf(destination.collection)}/index${query}`);
    sum.sets += page.sets;
    for (const how of ["missing", "stale", "extra"] as const) sum[how] += page.differing[how];
    cursor = page.next;
  } while (cursor !== undefined);
  return sum;
}

/** @throws CliError (exit code 1) where an index differs from its collection */
export function refuseDifferences(alias: string, found: IndexDifferences | undefined): void {
  if (!found) return;
  const { sets, missing, stale, extra } = found;
  if (missing + stale + extra === 0) return;
  throw new CliError(
    `The index of ${alias}'s collection differs from it: of ${sets} sets ${missing} are missing, ${stale} are old, and ${extra} are no longer there. The next sweep mends it; build it anew with weir reindex.`,
  );
}
