// The HTTP door for senders: receive/ proves a delivery and makes it durable, this file answers it. Refusals go on
// record; malformed records are kept for a person to look at.

import { handshakeResponse } from "../receive/handshake.ts";
import { TtlCache } from "../receive/ttl-cache.ts";
import { keyCache } from "../receive/verify/keys.ts";
import { receiveWebhook } from "../receive/webhook.ts";
import type { RouterDeps } from "../routing/deps.ts";
import type { Connections } from "../shapes/connection.ts";
import type { Event } from "../shapes/event.ts";
import { logWarning } from "../shapes/log.ts";
import { fetchNamed } from "../shapes/user-agent.ts";
import { recordRefused, refusalCounter } from "../store/ledger/rejections.ts";
import { sendAll } from "../store/queue-batches.ts";
import { problem } from "./problem.ts";

// State of the isolate: keys of senders, signatures already used, refusals not yet written.
const cache = keyCache();
const used = new TtlCache<true>(10_000);
const refusals = refusalCounter();

type WebhookDeps = Pick<RouterDeps, "connections" | "env" | "now" | "waitUntil">;

/** Whether a connection of this id exists and may have senders. */
const hasSenders = ({ connections }: Connections, id: string): boolean =>
  Object.hasOwn(connections, id) && connections[id]?.kind !== "d1";

/** Answers the `OPTIONS` with which a CloudEvents sender asks whether it may deliver. */
export function answerHandshake(request: Request, connection: string, deps: WebhookDeps): Response {
  if (hasSenders(deps.connections, connection)) return handshakeResponse(request);
  return problem({
    kind: "not_found",
    detail: "No connection of this id receives webhooks.",
    where: "connection",
  });
}

/** Answers a delivery: 202 with the ids of its events once they are durable, or the problem. */
export async function answerWebhook(
  request: Request,
  connection: string,
  { connections, env, now, waitUntil }: WebhookDeps,
): Promise<Response> {
  const received = await receiveWebhook(request, connection, {
    connections,
    trust: { secret: env.setting, fetch: fetchNamed, cache },
    now,
    used,
    send: async (events) => {
      const { error } = await sendAll(env.queue<Event>("EVENTS"), events);
      if (error !== undefined) throw error;
    },
    quarantine: (entries) => {
      const refused = entries.map(({ received_at, ...entry }) => ({ ...entry, at: Date.parse(received_at) }));
      for (const { scheme, failure } of refused) logWarning("refused", { connection, scheme, ...failure });
      const rows = refused.map(({ scheme, failure, raw, at }) => ({ connection, scheme, failure, raw, at }));
      return recordRefused(env.ledger(), rows);
    },
    reject: ({ scheme = "none", failure, received_at }) => {
      // Unknown connections are anybody's invention and would make a row each.
      const name = hasSenders(connections, connection) ? connection : "(unknown)";
      const refused = { connection: name, scheme, failure, at: Date.parse(received_at) };
      const work = refusals.add(refused, (rows) => {
        for (const { at: _, failure, ...row } of rows) {
          logWarning("refused", { ...row, ...failure });
        }
        return recordRefused(env.ledger(), rows);
      });
      if (work) waitUntil(work);
    },
  });
  if (!received.ok) return problem(received.failure);
  const { acknowledge: status = 202, ...accepted } = received.value;
  return Response.json(accepted, { status });
}
