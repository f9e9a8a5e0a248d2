// What the router's doors lean on, put together from the registry, the connections and the bindings.
import connectionsJson from "#weir/connections";
import { registry } from "#weir/registry";
import { openPipelines, type Pipelines } from "../dispatch/pipelines.ts";
import { type Surroundings, surroundings } from "../env.ts";
import { problem } from "../http/problem.ts";
import { handshakeResponse } from "../receive/handshake.ts";
import { TtlCache } from "../receive/ttl-cache.ts";
import { keyCache } from "../receive/verify/keys.ts";
import { receiveWebhook } from "../receive/webhook.ts";
import { type Connections, connectionsSchema } from "../shapes/connection.ts";
import type { Event } from "../shapes/event.ts";
import { recordRefused, refusalCounter } from "../store/ledger/rejections.ts";
import { sendAll } from "../store/queue-batches.ts";

export interface RouterDeps {
  env: Surroundings;
  connections: Connections;
  pipelines: Pipelines;
  now(): number;
  webhook(request: Request, connection: string): Promise<Response>;
  handshake(request: Request, connection: string): Response;
}

// Once per isolate: the filter index, keys of senders, signatures already used, refusals not yet written.
const deployed: Pick<RouterDeps, "connections" | "pipelines" | "now"> = {
  connections: connectionsSchema.parse(connectionsJson),
  pipelines: openPipelines(registry),
  now: Date.now,
};
const cache = keyCache();
const used = new TtlCache<true>(10_000);
const refusals = refusalCounter();

export function openRouter(
  raw: object,
  waitUntil: (work: Promise<unknown>) => void,
  { connections, pipelines, now } = deployed,
): RouterDeps {
  const env = surroundings(raw);
  const sourceOf = (id: string) => {
    const known = Object.hasOwn(connections.connections, id) ? connections.connections[id] : undefined;
    return known?.kind === "d1" ? undefined : known;
  };
  return {
    env,
    connections,
    pipelines,
    now,
    handshake: (request, connection) => {
      if (sourceOf(connection)) return handshakeResponse(request);
      return problem({
        kind: "not_found",
        detail: "No connection of this id receives webhooks.",
        where: "connection",
      });
    },
    webhook: async (request, connection) => {
      const received = await receiveWebhook(request, connection, {
        connections,
        trust: { secret: env.setting, fetch: (input, init) => fetch(input, init), cache },
        now,
        used,
        send: async (events) => {
          const { error } = await sendAll(env.queue<Event>("EVENTS"), events);
          if (error !== undefined) throw error;
        },
        quarantine: (entries) =>
          recordRefused(
            env.ledger(),
            entries.map(({ scheme, failure, raw, received_at }) => ({
              connection,
              scheme,
              failure,
              raw,
              at: Date.parse(received_at),
            })),
          ),
        reject: ({ scheme = "none", failure, received_at }) => {
          // Unknown connections are anybody's invention and would make a row each.
          const name = sourceOf(connection) ? connection : "(unknown)";
          const refused = { connection: name, scheme, failure, at: Date.parse(received_at) };
          const work = refusals.add(refused, (rows) => {
            for (const { at: _, failure, ...row } of rows) {
              console.warn(JSON.stringify({ log: "refused", ...row, ...failure }));
            }
            return recordRefused(env.ledger(), rows);
          });
          if (work) waitUntil(work);
        },
      });
      if (!received.ok) return problem(received.failure);
      const { acknowledge: status = 202, ...accepted } = received.value;
      return Response.json(accepted, { status });
    },
  };
}
