// The webhook door alone, in a Worker: what it leans on comes with each request, as JSON.
import { keyCache } from "../../../src/receive/verify/keys.ts";
import { receiveWebhook } from "../../../src/receive/webhook.ts";
import type { Connections } from "../../../src/shapes/connection.ts";
import type { Event } from "../../../src/shapes/event.ts";

/** One delivery and the world in which it arrives. */
export interface Trial {
  connection: string;
  url: string;
  headers: Record<string, string>;
  body: string;
  connections: Connections;
  secrets: Record<string, string>;
  now: number;
  /** What the network answers to everything. */
  answer: string;
}

export default {
  async fetch(outer: Request): Promise<Response> {
    const trial = (await outer.json()) as Trial;
    const sent: Event[] = [];
    const request = new Request(trial.url, { method: "POST", headers: trial.headers, body: trial.body });
    const network = async () => new Response(trial.answer);
    const result = await receiveWebhook(request, trial.connection, {
      connections: trial.connections,
      trust: { secret: (name) => trial.secrets[name], fetch: network, cache: keyCache() },
      now: () => trial.now,
      send: async (events) => void sent.push(...events),
      reject: () => {},
      quarantine: async () => {},
    });
    return Response.json({ result, sent });
  },
};
