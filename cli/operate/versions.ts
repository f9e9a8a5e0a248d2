// Commands `weir versions` and `weir items`: print which version and commit made the stored items.
import { note, print, printJson, table } from "../io/output.ts";
import { type Client, type Item, openClient, type Version } from "./client.ts";
import type { OperatorFlags } from "./replay.ts";
import { countText } from "./replay-text.ts";

export interface OriginFlags {
  version?: string;
  commit?: string;
  stale?: boolean;
}

/** Reads the versions of a pipeline, newest first, with the deployed one among them. */
export const versionsOf = async (client: Client, alias: string): Promise<Version[]> =>
  (await client.get<{ data: Version[] }>(`/v1/pipelines/${encodeURIComponent(alias)}/versions`)).data;

/** Prints the versions of a pipeline, with the items that each made. */
export async function listVersions(root: string, alias: string, flags: OperatorFlags): Promise<void> {
  const data = await versionsOf(openClient(root, flags), alias);
  if (flags.json) return printJson({ data });
  const rows = data.map(({ version, deployed, first_seen, objects, items, commits }) => [
    version,
    deployed ? "deployed" : items > 0 ? "stale" : "",
    first_seen ?? "not yet",
    String(objects),
    String(items),
    commits.join(" "),
  ]);
  print(table([["version", "", "first event", "objects", "items", "commits"], ...rows]));
  const stale = data.filter(({ deployed }) => !deployed).reduce((sum, { objects }) => sum + objects, 0);
  if (stale > 0)
    note(
      `${countText(stale, "object")} stale. Replay with: weir replay create --alias ${alias} --select stale`,
    );
}

/** Prints items of a collection. */
export async function listItems(
  root: string,
  collection: string,
  flags: OperatorFlags & OriginFlags & { key?: string; limit: number },
): Promise<void> {
  const { version, commit, stale, key, limit } = flags;
  const query = new URLSearchParams({
    ...(version && { version }),
    ...(commit && { commit }),
    ...(key && { key }),
    ...(stale && { stale: "true" }),
  });
  const path = `/v1/collections/${encodeURIComponent(collection)}/items?${query}`;
  const data = await openClient(root, flags).list<Item>(path, limit);
  if (flags.json) return printJson({ data });
  if (data.length === 0) return note("There are no such items.");
  const rows = data.map(({ id, pipeline, object, ...item }) => [
    id,
    pipeline,
    JSON.stringify(`${object.bucket}/${object.key}`).slice(1, -1),
    item.version,
    item.commit,
  ]);
  print(table([["item", "pipeline", "object", "version", "commit"], ...rows]));
}
