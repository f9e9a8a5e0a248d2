// Table of a collection's items for the terminal, with their lineage below. Pure.

import { table } from "../io/output.ts";
import type { Item, Lineage } from "../operate/client.ts";
import { itemData } from "../operate/item-data.ts";

/** Lays items out, a line each; the lineage is that of all of them. */
export function itemsTable(collection: string, items: Item[], lineage: Lineage | undefined): string {
  const spans = items.some(({ data }) => typeof data.start === "number");
  const vectors = items.some((item) => item.vectors.length > 0);
  const head = ["#", ...(spans ? ["span"] : ["data"]), ...(vectors ? ["vector", "model"] : []), "item"];
  const rows = items.map((item) => [
    String(item.position),
    spans ? span(item.data) : brief(itemData(item)),
    ...(vectors ? vectorCells(item) : []),
    item.id,
  ]);
  return [
    `${collection}: ${items.length} item${items.length === 1 ? "" : "s"}`,
    table([head, ...rows]),
    ...(lineage ? [provenance(lineage)] : []),
  ].join("\n");
}

const seconds = (value: unknown) => (typeof value === "number" ? `${Number(value.toFixed(3))} s` : "?");
const span = ({ start, end }: Record<string, unknown>) => `${seconds(start)} – ${seconds(end)}`;

function vectorCells({ vectors }: Item): string[] {
  const [first] = vectors;
  if (!first) return ["–", "–"];
  const more = vectors.length > 1 ? ` (+${vectors.length - 1})` : "";
  return [`${first.path}[${first.dims}]${more}`, first.model ?? "the handler's own"];
}

function brief(data: unknown): string {
  const text = JSON.stringify(data);
  return text.length <= 100 ? text : `${text.slice(0, 99)}…`;
}

function provenance({ object, event, run, pipeline }: Lineage): string {
  const size = object.size === null ? "" : `, ${object.size} bytes`;
  return table([
    ["  object", `${object.connection} ${object.bucket}/${object.key}${size}, etag ${object.etag ?? "none"}`],
    ["  event", `${event.id} at ${event.time}`],
    ["  run", `${run.id}, stored at ${run.stored_at}`],
    ["  code", `${pipeline.alias} version ${pipeline.version}, commit ${pipeline.commit || "none"}`],
  ]);
}
