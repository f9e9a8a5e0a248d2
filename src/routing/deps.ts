// Dependencies of the router's doors, put together from the registry, the connections and the bindings.
import connectionsJson from "#weir/connections";
import { prices, registry, sources } from "#weir/registry";
import { openPipelines, type Pipelines } from "../dispatch/pipelines.ts";
import { type Env, openEnv } from "../env.ts";
import { type Connections, connectionsSchema } from "../shapes/connection.ts";

export interface RouterDeps {
  env: Env;
  connections: Connections;
  pipelines: Pipelines;
  now(): number;
  /** Keeps the isolate alive until the work is done, after the answer has been sent. */
  waitUntil(work: Promise<unknown>): void;
}

// Opened once per isolate, with the filter index.
const deployed: Pick<RouterDeps, "connections" | "pipelines" | "now"> = {
  connections: connectionsSchema.parse(connectionsJson),
  pipelines: openPipelines(registry, prices, sources),
  now: Date.now,
};

export const openRouter = (
  raw: object,
  waitUntil: RouterDeps["waitUntil"],
  parts = deployed,
): RouterDeps => ({ ...parts, env: openEnv(raw), waitUntil });
