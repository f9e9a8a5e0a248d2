// Delivers a body to a connection's door as its sender would: proven by the first of its schemes that we can
// sign for. `weir trigger` and objects.ts use it.
import { randomUUID } from "node:crypto";
import type { Connection, Connections } from "../../src/shapes/connection.ts";
import type { Env } from "../dev-env.ts";
import { suggestion } from "../nearest.ts";
import { CliError } from "../output.ts";
import { proofFor } from "./prove.ts";

/** A running stack, as far as senders are concerned. */
export interface Local {
  url: string;
  connections: Connections["connections"];
  secrets: Env;
}

/** What the door answered, and how the body was proven. */
export interface Delivered {
  scheme: string;
  answer: unknown;
}

/** Throws a {@link CliError} where nothing can be signed, nobody answers or the door refuses. */
export async function deliver(local: Local, connection: string, body: string): Promise<Delivered> {
  const found = local.connections[connection];
  if (!found) {
    const known = Object.keys(local.connections);
    throw new CliError(`no connection "${connection}": ${suggestion(connection, known)}`, [], 2);
  }
  const url = `${local.url}/v1/connections/${encodeURIComponent(connection)}/events`;
  const proving = { secrets: local.secrets, url, body, id: `msg_${randomUUID()}`, now: Date.now() };
  for (const scheme of eventsOf(found)) {
    const headers = await proofFor(scheme, proving);
    if (headers) return { scheme: scheme.scheme, answer: await post(url, body, headers) };
  }
  const schemes = eventsOf(found).map((scheme) => scheme.scheme);
  throw new CliError(
    `nothing can be signed for "${connection}" here: it takes ${schemes.join(", ") || "no events"}`,
  );
}

const eventsOf = (connection: Connection) => (connection.kind === "d1" ? [] : connection.events);

/** POSTs JSON and gives back what was answered. */
export async function post(url: string, body: string, headers: Record<string, string>): Promise<unknown> {
  const { host: _, ...own } = headers;
  const response = await fetch(url, {
    method: "POST",
    body,
    headers: { "content-type": "application/json", ...own },
  }).catch(() => unreachable(new URL(url).origin));
  const text = await response.text();
  if (!response.ok) {
    throw new CliError(`POST ${new URL(url).pathname}: HTTP ${response.status} ${text.slice(0, 500)}`);
  }
  return response.headers.get("content-type")?.includes("json") ? (JSON.parse(text) as unknown) : text;
}

export function unreachable(url: string): never {
  throw new CliError(`nothing answers at ${url}: start \`weir dev\` first, or name another place with --url`);
}
