// Loops: pipelines whose results are events of their own source, directly or through others. A pipeline
// that keeps its collection in an R2 bucket writes objects there; whoever reads that bucket hears of them.
// Only a filter that excludes those objects for certain breaks a loop; a run-time count stops the rest.
import { createHash } from "node:crypto";
import {
  compileFilter,
  evaluate,
  type Filter,
  FilterError,
  type View,
  viewOf,
} from "../../src/match/index.ts";
import type { PipelineConfig } from "../../src/shapes/config.ts";
import type { Connection } from "../../src/shapes/connection.ts";
import { type Event, eventSchema } from "../../src/shapes/event.ts";
import { MAX_HOPS, metadataOf, objectKey, WRITTEN_TYPE } from "../../src/store/collections/written.ts";
import type { Problem } from "../io/json-file.ts";
import type { Pipeline, Project } from "./project.ts";

interface Node {
  pipeline: Pipeline;
  config: PipelineConfig;
  filter: Filter;
  /** The bucket that its collection's objects go to. */
  writes: string | undefined;
  /** The buckets whose events it hears. */
  hears: string[];
}

/** One problem for each loop, at the filter that would best break it. */
export function findLoops(project: Project): Problem[] {
  const nodes = project.pipelines.flatMap((pipeline) => nodeOf(pipeline, project.connections));
  const feeds = new Map(nodes.map((from) => [from, nodes.filter((to) => isFed(from, to))]));
  const reported = new Set<Node>();
  return nodes.flatMap((start) => {
    if (reported.has(start)) return [];
    const loop = shortestLoop(start, feeds);
    for (const node of loop) reported.add(node);
    return loop.length === 0 ? [] : [problemOf(loop)];
  });
}

function nodeOf(pipeline: Pipeline, connections: Record<string, Connection>): Node[] {
  const { config } = pipeline;
  if (!config) return [];
  const destination = connections[config.destination.connection_id];
  const source = connections[config.source.connection_id];
  const writes = destination?.kind === "r2" ? destination.buckets[0] : undefined;
  try {
    const filter = compileFilter(config.source.filters);
    return [{ pipeline, config, filter, writes, hears: source ? bucketsHeard(source) : [] }];
  } catch (error) {
    if (error instanceof FilterError) return [];
    throw error;
  }
}

/** R2 buckets that events come from. Behind an S3 endpoint there is one only if the endpoint may be R2's. */
function bucketsHeard(connection: Connection): string[] {
  if (connection.kind === "d1" || connection.events.length === 0) return [];
  if (connection.kind === "r2") return connection.buckets;
  const { endpoint } = connection;
  const mayBeR2 =
    endpoint !== undefined && (!endpoint.includes("://") || /\.r2\.cloudflarestorage\.com/.test(endpoint));
  return mayBeR2 ? connection.buckets : [];
}

const isFed = (from: Node, to: Node) =>
  from.writes !== undefined &&
  to.hears.includes(from.writes) &&
  written(from, to, from.writes).some((view) => evaluate(to.filter, view) !== false);

/**
 * What `to` would see of the objects that `from` writes. Which set's they are is a hash, so keys are tried:
 * all two hex digits that a name can begin and end with. The rest is exactly what the store writes.
 */
function written(from: Node, to: Node, bucket: string): View[] {
  const { collection } = from.config.destination;
  return HEXES.map((hex, number) => {
    const event = eventSchema.parse({
      ...ANY,
      connection: to.config.source.connection_id,
      bucket,
      key: objectKey(collection, hex),
    } satisfies Partial<Event>);
    const metadata = metadataOf(1 + (number % MAX_HOPS));
    const view = viewOf(event, { content_type: WRITTEN_TYPE, metadata, tags: {} });
    return {
      leaves: (path) => (UNKNOWN.has(path.text) ? "unknown" : view.leaves(path)),
      source: (path) => view.source(path),
    };
  });
}

/** Who tells of the object, when, and what is in it, is anybody's guess. That it was created is certain. */
const UNKNOWN = new Set(["operation", "sender", "time", "region", "version_id", "size", "etag"]);
const ANY = {
  id: "evt_loop",
  sender: "r2",
  type: "created",
  operation: "PutObject",
  time: "2026-01-01T00:00:00.000Z",
  received_at: "2026-01-01T00:00:00.000Z",
} as const;

const HEXES = Array.from({ length: 256 }, (_, number) => {
  const ends = number.toString(16).padStart(2, "0");
  return ends + createHash("md5").update(ends).digest("hex").slice(4) + ends;
});

/** The shortest way from a pipeline back to itself, or none. */
function shortestLoop(start: Node, feeds: ReadonlyMap<Node, Node[]>): Node[] {
  const ways: Node[][] = [[start]];
  const seen = new Set<Node>();
  for (let way = ways.shift(); way; way = ways.shift()) {
    for (const next of feeds.get(way.at(-1) ?? start) ?? []) {
      if (next === start) return way;
      if (seen.has(next)) continue;
      seen.add(next);
      ways.push([...way, next]);
    }
  }
  return [];
}

function problemOf(loop: Node[]): Problem {
  const [first] = loop;
  const last = loop.at(-1);
  if (!first || !last) throw new Error("a loop has at least one pipeline");
  const steps = loop.map((node) => `${node.config.alias} → bucket ${node.writes}`);
  const problem = `loop: ${[...steps, first.config.alias].join(" → ")}: what is stored would be run again`;
  const filter = `"key": [{ "anything-but": { "prefix": "${last.config.destination.collection}/" } }]`;
  const next = `exclude the collection in source.filters of ${first.config.alias}, for instance by ${filter}, or keep it elsewhere`;
  return first.pipeline.files.config.at(["source", "filters"], problem, next);
}
