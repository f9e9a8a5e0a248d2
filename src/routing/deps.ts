// What the router's doors lean on, put together from the registry, the connections and the bindings.
import connectionsJson from "#weir/connections";
import { registry } from "#weir/registry";
import { openPipelines, type Pipelines } from "../dispatch/pipelines.ts";
import { type Env, openEnv } from "../env.ts";
import { type Connections, connectionsSchema } from "../shapes/connection.ts";

export interface RouterDeps {
  env: Env;
  connections: Connections;
  pipelines: Pipelines;
  now(): number;
  /** Keeps the isolate until the work is done, though the answer has gone. */
  waitUntil(work: Promise<unknown>): void;
}

// Once per isolate, with the filter index.
const deployed: Pick<RouterDeps, "connections" | "pipelines" | "now"> = {
  connections: connectionsSchema.parse(connectionsJson),
  pipelines: openPipelines(registry),
  now: Date.now,
};

export const openRouter = (
  raw: object,
  waitUntil: RouterDeps["waitUntil"],
  parts = deployed,
): RouterDeps => ({ ...parts, env: openEnv(raw), waitUntil });
