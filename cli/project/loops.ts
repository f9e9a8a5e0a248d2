// Finds loops: pipelines whose stored items are events of their own source, directly or through other pipelines. A
// collection in an R2 bucket is written as objects, whose events go to every pipeline that reads the bucket. Only a
// filter that certainly excludes those objects breaks a loop; at run time a count of hops stops the others.
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

interface LoopNode {
  pipeline: Pipeline;
  config: PipelineConfig;
  filter: Filter;
  /** Bucket that the pipeline writes its collection to. */
  writes: string | undefined;
  /** Buckets whose events the pipeline gets. */
  hears: string[];
}

/** Finds loops: one problem for each, at the filter of its first pipeline. */
export function findLoops(project: Project): Problem[] {
  const nodes = project.pipelines.flatMap((pipeline) => nodeOf(pipeline, project.connections));
  const feeds = new Map(nodes.map((from) => [from, nodes.filter((to) => isFed(from, to))]));
  const reported = new Set<LoopNode>();
  return nodes.flatMap((start) => {
    if (reported.has(start)) return [];
    const loop = shortestLoop(start, feeds);
    for (const node of loop) reported.add(node);
    return loop.length === 0 ? [] : [problemOf(loop)];
  });
}

function nodeOf(pipeline: Pipeline, connections: Record<string, Connection>): LoopNode[] {
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

/** R2 buckets whose events a connection gets. An S3 connection counts if its endpoint may be R2's. */
function bucketsHeard(connection: Connection): string[] {
  if (connection.kind === "d1" || connection.events.length === 0) return [];
  if (connection.kind === "r2") return connection.buckets;
  const { endpoint } = connection;
  const mayBeR2 =
    endpoint !== undefined && (!endpoint.includes("://") || /\.r2\.cloudflarestorage\.com/.test(endpoint));
  return mayBeR2 ? connection.buckets : [];
}

const isFed = (from: LoopNode, to: LoopNode) =>
  from.writes !== undefined &&
  to.hears.includes(from.writes) &&
  viewsOf(from, to, from.writes).some((view) => evaluate(to.filter, view) !== false);

/**
 * Events that `to` would get of the objects that `from` writes. Their keys are hashes, so every pair of hex digits that
 * a key can begin and end with is tried; all else is exactly what the store writes.
 */
function viewsOf(from: LoopNode, to: LoopNode, bucket: string): View[] {
  const { collection } = from.config.destination;
  return SET_NAMES.map((hex, number) => {
    const event = eventSchema.parse({
      ...SAMPLE_EVENT,
      connection: to.config.source.connection_id,
      bucket,
      key: objectKey(collection, hex),
    } satisfies Partial<Event>);
    const metadata = metadataOf(1 + (number % MAX_HOPS));
    const view = viewOf(event, { content_type: WRITTEN_TYPE, metadata, tags: {} });
    return {
      leaves: (path) => (UNDECIDED_FIELDS.has(path.text) ? "unknown" : view.leaves(path)),
      source: (path) => view.source(path),
    };
  });
}

/** Fields of the event whose values cannot be predicted. That the object was created is certain. */
const UNDECIDED_FIELDS = new Set(["operation", "sender", "time", "region", "version_id", "size", "etag"]);
const SAMPLE_EVENT = {
  id: "evt_loop",
  sender: "r2",
  type: "created",
  operation: "PutObject",
  time: "2026-01-01T00:00:00.000Z",
  received_at: "2026-01-01T00:00:00.000Z",
} as const;

const SET_NAMES = Array.from({ length: 256 }, (_, number) => {
  const ends = number.toString(16).padStart(2, "0");
  return ends + createHash("md5").update(ends).digest("hex").slice(4) + ends;
});

/** Finds the shortest way from a pipeline back to itself; empty where there is none. */
function shortestLoop(start: LoopNode, feeds: ReadonlyMap<LoopNode, LoopNode[]>): LoopNode[] {
  const ways: LoopNode[][] = [[start]];
  const seen = new Set<LoopNode>();
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

function problemOf(loop: LoopNode[]): Problem {
  const [first] = loop;
  const last = loop.at(-1);
  if (!first || !last) throw new Error("a loop has at least one pipeline");
  const steps = loop.map((node) => `${node.config.alias} → bucket ${node.writes}`);
  const problem = `loop: ${[...steps, first.config.alias].join(" → ")}: stored items would be run again.`;
  const filter = `"key": [{ "anything-but": { "prefix": "${last.config.destination.collection}/" } }]`;
  const next = `Exclude the collection in source.filters of ${first.config.alias}, for example with ${filter}, or store it elsewhere.`;
  return first.pipeline.files.config.at(["source", "filters"], problem, next);
}
