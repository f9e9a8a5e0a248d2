// Models whose vectors a running Weir holds and that models.json has no more: nothing is found by these vectors, as no
// question can be embedded as they were. The index of each collection says what it has.
import { WeirError } from "../../src/client/client.ts";
import { definitionOf } from "../../src/shapes/model.ts";
import { CliError } from "../io/output.ts";
import type { Project } from "../project/project.ts";
import { settingsOf } from "../settings/settings.ts";
import { type Client, clientOf } from "./client.ts";
import { countText } from "./replay-text.ts";

export interface AbsentModel {
  collection: string;
  /** The model that ran. */
  model: string;
  vectors: number;
  /** Pipelines that write the collection. */
  aliases: string[];
}

/** What was found; `why` where the Weir could not be asked. */
export type AbsentModels = { isReached: true; models: AbsentModel[] } | { isReached: false; why: string };

type Known = Pick<Project, "pipelines" | "definitions">;

/** Asks the Weir that the settings name for the vectors of models that models.json has not, or has otherwise. */
export async function absentModels(
  project: Known,
  { url, key }: { url: string; key: string | undefined },
): Promise<AbsentModels> {
  if (key === undefined) return { isReached: false, why: `there is no API key for ${url}` };
  try {
    const client = clientOf(url, key);
    const definitions = new Set(await Promise.all(Object.values(project.definitions).map(definitionOf)));
    const found = await Promise.all(
      collectionsOf(project).map(([collection, aliases]) =>
        absentIn(client, collection, aliases, definitions),
      ),
    );
    return { isReached: true, models: found.flat() };
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return { isReached: false, why: error.message };
  }
}

/** As {@link absentModels}, of the Weir that the environment, a profile or local work names. */
export function absentModelsHere(project: Known & { root: string }, env: NodeJS.ProcessEnv) {
  const { url, key } = settingsOf(project.root, env);
  return absentModels(project, { url: url.value, key: key?.value });
}

/** Collections that are searched, each with the pipelines that write it. */
function collectionsOf({ pipelines }: Known): [string, string[]][] {
  const searched = pipelines.flatMap(({ config }) =>
    config && config.destination.search?.enabled !== false ? [config] : [],
  );
  return [...Map.groupBy(searched, ({ destination }) => destination.collection)].map(([name, writers]) => [
    name,
    writers.map(({ alias }) => alias),
  ]);
}

const NOT_THERE = [404, 422];

async function absentIn(
  client: Client,
  collection: string,
  aliases: string[],
  definitions: ReadonlySet<string>,
): Promise<AbsentModel[]> {
  // A collection that is new here has no vectors there.
  const answer = await client.call((weir) =>
    weir.searchCollection(collection, { limit: 1, explain: true }).catch((error: unknown) => {
      if (error instanceof WeirError && NOT_THERE.includes(error.status)) return undefined;
      throw error;
    }),
  );
  const spaces = answer?.explain?.spaces ?? [];
  const absent = spaces.flatMap(({ model, definition, vectors }) =>
    model === null || definition === null || vectors === 0 || definitions.has(definition)
      ? []
      : [{ model, vectors }],
  );
  return [...Map.groupBy(absent, ({ model }) => model)].map(([model, all]) => ({
    ...{ collection, model, aliases },
    vectors: all.reduce((sum, { vectors }) => sum + vectors, 0),
  }));
}

/** What an absent model means, and what to do about it. */
export const absentText = ({ collection, model, vectors, aliases }: AbsentModel) => ({
  problem: `The collection ${collection} has ${countText(vectors, "vector")} by ${model}, which models.json does not have as it was then: no search finds by them.`,
  next: `Put that entry back, or have them computed anew: weir replay create --select stale --alias ${aliases.join(" ")}`,
});
