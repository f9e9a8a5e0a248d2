// How far each collection's search index is behind it, for monitors. Collections in R2 cannot say: they are compared.
import type { Pipelines } from "../dispatch/pipelines.ts";
import type { Env } from "../env.ts";
import type { Connections } from "../shapes/connection.ts";
import { logWarning } from "../shapes/log.ts";
import { openSearched } from "../store/index/open.ts";

interface LagDeps {
  pipelines: Pipelines;
  connections: Connections;
  env: Env;
  now(): number;
}

export interface IndexLag {
  collection: string;
  /** Age of the oldest set that the index does not have; 0 where it has them all. */
  seconds: number;
}

/** One indexed statement for each database. A collection that does not answer is left out. */
export async function readIndexLags({ pipelines, connections, env, now }: LagDeps): Promise<IndexLag[]> {
  const lags = openSearched(pipelines.all, connections, env).map(async ({ name, collection }) => {
    if (!collection.backlog) return [];
    try {
      const oldest = await collection.backlog.oldest();
      return [{ collection: name, seconds: oldest ? Math.max(0, now() - Date.parse(oldest)) / 1000 : 0 }];
    } catch (error) {
      logWarning("index.lag_unknown", { collection: name, error: String(error) });
      return [];
    }
  });
  return (await Promise.all(lags)).flat();
}
