// The registry as the router uses it: pipelines by alias, and one filter index per source connection.
// Built once per isolate from what `weir generate` wrote.
import { buildIndex, canNameEvents, compileFilter, type Filter } from "../match/index.ts";
import type { PipelineConfig } from "../shapes/config.ts";
import { notFound } from "../shapes/failure.ts";
import { PRICES, type Prices } from "../shapes/prices.ts";
import { type Deployment, openDeployment } from "../store/ledger/deployments.ts";

/** One line of the generated registry. */
export interface RegisteredPipeline {
  alias: string;
  version: string;
  config: PipelineConfig;
  /** In local work: what keeps its files as they are now from running. */
  problems?: readonly SourceProblem[];
}

/** A problem at a place of a project's files. */
export interface SourceProblem {
  file: string;
  line: number;
  column: number;
  problem: string;
  next?: string | undefined;
}

/** The pipelines of one source connection. */
export interface Candidates {
  index: ReturnType<typeof buildIndex<string>>;
  /** Index of the filters that can name an event other than a creation: an access asks no others. */
  naming: ReturnType<typeof buildIndex<string>>;
  filters: ReadonlyMap<string, Filter>;
}

/** A pipeline's handler: its file in the repository, and its code as it is bundled, laid out. */
export interface PipelineSource {
  file: string;
  text: string;
}

export interface Pipelines {
  /** Prices of the project: those of the list, but for what weir.json says otherwise. */
  prices: Prices;
  all: readonly RegisteredPipeline[];
  get(alias: string): RegisteredPipeline | undefined;
  /** Pipelines that read from a connection, or undefined where none does. */
  of(connection: string): Candidates | undefined;
  /** Code of a pipeline as it is bundled, where the registry has it. */
  sourceOf(alias: string): PipelineSource | undefined;
  /** The registry as it goes on record with the events that it decides. */
  deployment: Deployment;
}

export function openPipelines(
  registry: readonly RegisteredPipeline[],
  prices: Partial<Prices> = {},
  sources: Readonly<Record<string, PipelineSource>> = {},
): Pipelines {
  const byAlias = new Map(registry.map((entry) => [entry.alias, entry]));
  const byConnection = new Map<string, Candidates>();
  for (const [connection, entries] of Map.groupBy(registry, (entry) => entry.config.source.connection_id)) {
    const filters = new Map(
      entries.map(({ alias, config }) => [alias, compileFilter(config.source.filters)]),
    );
    const entriesOf = [...filters].map(([value, filter]) => ({ filter, value }));
    const index = buildIndex(entriesOf);
    const naming = buildIndex(entriesOf.filter(({ filter }) => canNameEvents(filter)));
    byConnection.set(connection, { index, naming, filters });
  }
  return {
    prices: { ...PRICES, ...prices },
    all: registry,
    get: (alias) => byAlias.get(alias),
    of: (connection) => byConnection.get(connection),
    sourceOf: (alias) => (Object.hasOwn(sources, alias) ? sources[alias] : undefined),
    deployment: openDeployment(registry),
  };
}

/** @throws FailureError `not_found`, with the names that there are */
export function pipelineByAlias(alias: string, pipelines: Pipelines): RegisteredPipeline {
  const pipeline = pipelines.get(alias);
  if (pipeline) return pipeline;
  throw notFound(`pipeline ${alias.slice(0, 80)}`, { expected: aliasesOf(pipelines) });
}

/** The names that there are, as a failure lists them. */
export const aliasesOf = ({ all }: Pipelines): string => all.map(({ alias }) => alias).join(", ");
