// Command `weir eval`: puts golden queries to a collection and measures the answers, for the collection as a whole and
// for each version of a pipeline that has items in it. Of a version, only its own items are asked.
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { z } from "zod";
import type { SearchRequest } from "../../src/client/client.ts";
import { CliError, good, note, print, printJson, table } from "../io/output.ts";
import { type Client, openClient } from "../operate/client.ts";
import {
  type GoldenQuery,
  isPictureName,
  nameOfQuery,
  queriesPath,
  readQueries,
} from "../project/queries.ts";
import type { EndpointFlags } from "../settings/settings.ts";
import { type Measures, meanOf, measure } from "./measures.ts";
import { likeOf } from "./question.ts";

export interface EvaluateFlags extends EndpointFlags {
  queries?: string;
  k: number;
  min?: number;
  against?: string;
  json?: boolean;
}

/** A part of a collection that is measured: all of it, or the items of one version. */
interface MeasuredPart {
  pipeline: string | null;
  version: string | null;
}

const measuresSchema = z.object({ recall: z.number(), mrr: z.number(), ndcg: z.number() });
const resultSchema = z.object({
  pipeline: z.string().nullable(),
  version: z.string().nullable(),
  ...measuresSchema.shape,
  queries: z.array(z.object({ name: z.string(), ...measuresSchema.shape })),
});
type Result = z.infer<typeof resultSchema>;
const reportSchema = z.object({ results: z.array(resultSchema).min(1) });

/** Exit code where a measure is below `--min`. */
const BELOW_MIN = 5;

/** Measures and prints. @throws CliError, with exit code 5 where recall is below `min` */
export async function evaluate(root: string, collection: string, flags: EvaluateFlags): Promise<void> {
  const { k, min, against } = flags;
  const name = flags.queries ?? queriesPath(collection);
  const queries = readQueries(root, name);
  const before = against === undefined ? undefined : readReport(against);
  const client = openClient(root, flags);
  const results: Result[] = [];
  for (const part of await partsOf(client, collection))
    results.push(await measurePart(client, root, { collection, queries, part, k }));
  const fallen = before ? fallenSince(before, results) : undefined;
  if (flags.json) printJson({ collection, k, results, ...(fallen && { fallen }) });
  else {
    print(resultsTable(results, k));
    if (fallen?.length) print(`\n${table([["fell", "before", "now"], ...fallen.map(fallenRow)])}`);
    else if (fallen) note("No query fell.");
  }
  const below = results.filter(({ recall }) => min !== undefined && recall < min);
  if (below.length === 0) {
    if (min !== undefined) good(`Recall is at least ${min} everywhere.`);
    return;
  }
  const named = below.map((result) => `${partName(result)} ${share(result.recall)}`).join(", ");
  throw new CliError(`Recall@${k} is below ${min}: ${named}.`, [], BELOW_MIN);
}

/** The whole collection, and, where it has items of several versions, each of them. */
async function partsOf(client: Client, collection: string): Promise<MeasuredPart[]> {
  const { data } = await client.call((weir) => weir.listPipelines());
  const writers = data.filter(({ config }) => config.destination.collection === collection);
  if (writers.length === 0)
    throw new CliError(`No deployed pipeline writes a collection ${collection}.`, [], 4);
  const versions = await Promise.all(
    writers.map(async ({ alias }) => {
      const listed = await client.call((weir) => weir.listVersions(alias));
      return listed.data
        .filter(({ items }) => items > 0)
        .map(({ version }) => ({ pipeline: alias, version }));
    }),
  );
  const parts = versions.flat();
  const whole = { pipeline: null, version: null };
  return parts.length > 1 ? [whole, ...parts] : parts.length === 1 ? parts : [whole];
}

interface Measuring {
  collection: string;
  queries: readonly GoldenQuery[];
  part: MeasuredPart;
  k: number;
}

async function measurePart(
  client: Client,
  root: string,
  { collection, queries, part, k }: Measuring,
): Promise<Result> {
  const { pipeline, version } = part;
  const own = pipeline === null ? {} : { pipeline: [pipeline], version: [version] };
  const measured: Result["queries"] = [];
  for (const query of queries) {
    const { text, like, mode, filter, expect } = query;
    const request: SearchRequest = {
      ...(text !== undefined && { text }),
      ...(like !== undefined && likeOf(isPictureName(like) ? join(root, like) : like)),
      ...(mode && { mode }),
      filter: { ...filter, ...own },
      limit: Math.min(100, k),
    };
    const { hits } = await client.call((weir) => weir.searchCollection(collection, request));
    measured.push({ name: nameOfQuery(query), ...measure(hits, expect, k) });
  }
  return { ...part, ...meanOf(measured), queries: measured };
}

interface Fallen {
  part: string;
  query: string;
  before: number;
  now: number;
}

/** Queries whose nDCG is less than before, in the same part of the collection, or in the whole of it. */
function fallenSince(before: readonly Result[], results: readonly Result[]): Fallen[] {
  return results.flatMap((result) => {
    const old = before.find((one) => partName(one) === partName(result)) ?? before[0];
    return result.queries.flatMap(({ name, ndcg }) => {
      const was = old?.queries.find((query) => query.name === name)?.ndcg ?? 0;
      return ndcg < was - 1e-9 ? [{ part: partName(result), query: name, before: was, now: ndcg }] : [];
    });
  });
}

const fallenRow = ({ part, query, before, now }: Fallen) => [
  `${query} (${part})`,
  `nDCG ${share(before)}`,
  share(now),
];

function readReport(path: string): Result[] {
  try {
    return reportSchema.parse(JSON.parse(readFileSync(resolve(path), "utf8"))).results;
  } catch {
    throw new CliError(`${path} is not what \`weir eval --json\` prints.`, [], 2);
  }
}

function resultsTable(results: readonly Result[], k: number): string {
  const row = (name: string, { recall, mrr, ndcg }: Measures) => [
    name,
    share(recall),
    share(mrr),
    share(ndcg),
  ];
  return table([
    ["query", `recall@${k}`, "MRR", `nDCG@${k}`],
    ...results.flatMap((result) => [
      ...result.queries.map((query) => row(`  ${query.name}`, query)),
      row(`${partName(result)}, ${result.queries.length} queries`, result),
    ]),
  ]);
}

const partName = ({ pipeline, version }: MeasuredPart) =>
  pipeline === null ? "the whole collection" : `${pipeline} ${version}`;
const share = (value: number) => value.toFixed(3);
