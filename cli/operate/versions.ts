// Commands `weir versions`, `weir items` and `weir lineage`: print what is stored, and which version and commit made it.
import { note, print, printJson, table } from "../io/output.ts";
import { type Client, type Item, itemsPath, type Lineage, openClient, type Version } from "./client.ts";
import { itemData } from "./item-data.ts";
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

export type ItemsFlags = OperatorFlags & OriginFlags & { key?: string; sort?: string; limit: number };

/** Prints items of a collection. */
export async function listItems(root: string, collection: string, flags: ItemsFlags): Promise<void> {
  const { version, commit, stale, key, sort, limit } = flags;
  const query = new URLSearchParams({
    ...(version && { version }),
    ...(commit && { commit }),
    ...(key && { key }),
    ...(sort && { sort }),
    ...(stale && { stale: "true" }),
  });
  const data = await openClient(root, flags).list<Item>(`${itemsPath(collection)}?${query}`, limit);
  if (flags.json) return printJson({ data });
  if (data.length === 0) return note("There are no such items.");
  const rows = data.map((item) => [
    item.pipeline,
    JSON.stringify(`${item.object.bucket}/${item.object.key}`).slice(1, -1),
    short(JSON.stringify(itemData(item))),
    item.version,
    item.commit.slice(0, COMMIT_DIGITS),
    item.id,
  ]);
  print(table([["pipeline", "object", "data", "version", "commit", "item"], ...rows]));
}

const COMMIT_DIGITS = 12;
const MAX_DATA_CHARACTERS = 100;
const short = (text: string) =>
  text.length > MAX_DATA_CHARACTERS ? `${text.slice(0, MAX_DATA_CHARACTERS - 1)}…` : text;

/** Prints where an item came from. */
export async function showLineage(
  root: string,
  collection: string,
  item: string,
  flags: OperatorFlags,
): Promise<void> {
  const path = `${itemsPath(collection)}/${encodeURIComponent(item)}/lineage`;
  const lineage = await openClient(root, flags).get<Lineage>(path);
  if (flags.json) return printJson(lineage);
  const { object, event, run, pipeline, vectors } = lineage;
  const size = object.size === null ? "" : `, ${object.size} bytes`;
  print(
    table([
      ["object", `${object.connection} ${object.bucket}/${object.key}${size}, etag ${object.etag ?? "none"}`],
      ["event", `${event.id} at ${event.time}`],
      ["run", `${run.id}, stored at ${run.stored_at}`],
      ["code", `${pipeline.alias} version ${pipeline.version}, commit ${pipeline.commit || "none"}`],
      ...vectors.map(({ path, dims, model }) => [
        "vector",
        `${path}, ${dims} numbers by ${model ?? "the handler"}`,
      ]),
    ]),
  );
}
