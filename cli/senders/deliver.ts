// Sends a proven body to a connection's door, as its sender would. `weir trigger` and objects.ts use it.
import { randomUUID } from "node:crypto";
import type { Connection, Connections } from "../../src/shapes/connection.ts";
import { CliError } from "../io/output.ts";
import { suggestion } from "../io/suggest.ts";
import { unreachable } from "../settings/settings.ts";
import { prove, type Signed } from "./prove.ts";

/** A running stack, as far as senders are concerned. */
export interface StackAddress {
  url: string;
  connections: Connections["connections"];
  secrets: Readonly<Record<string, string | undefined>>;
}

/** What the door answered, and how the body was proven. */
export interface Delivered {
  scheme: string;
  answer: unknown;
}

/** The webhook address of a connection. */
export const doorOf = (url: string, connection: string) =>
  `${url}/v1/connections/${encodeURIComponent(connection)}/events`;

/** Names a delivery. */
export const deliveryId = () => `msg_${randomUUID()}`;

/**
 * Delivers a body by the first of its connection's schemes that can be signed for. Throws a {@link CliError}
 * where nothing can be signed, nobody answers or the door refuses.
 */
export async function deliver(stack: StackAddress, connection: string, body: string): Promise<Delivered> {
  const found = stack.connections[connection];
  if (!found) {
    const known = Object.keys(stack.connections);
    throw new CliError(`no connection "${connection}": ${suggestion(connection, known)}`, [], 2);
  }
  const url = doorOf(stack.url, connection);
  const proving = { secrets: stack.secrets, url, body, id: deliveryId(), now: Date.now() };
  for (const scheme of eventsOf(found)) {
    const signed = await prove(scheme, proving);
    if (signed) return { scheme: scheme.scheme, answer: await post(url, signed) };
  }
  const schemes = eventsOf(found).map((scheme) => scheme.scheme);
  throw new CliError(
    `nothing can be signed for "${connection}" here: it takes ${schemes.join(", ") || "no events"}`,
  );
}

const eventsOf = (connection: Connection) => (connection.kind === "d1" ? [] : connection.events);

/** POSTs and gives back what was answered; a refusal is a {@link CliError}. */
export async function post(url: string, signed: Signed): Promise<unknown> {
  const { status, answer } = await send(url, signed);
  if (status < 300) return answer;
  const text = typeof answer === "string" ? answer : JSON.stringify(answer);
  throw new CliError(`POST ${new URL(url).pathname}: HTTP ${status} ${text.slice(0, 500)}`);
}

/** POSTs and gives back status and answer, whatever they are. */
export async function send(
  url: string,
  { headers, body }: Signed,
): Promise<{ status: number; answer: unknown }> {
  // fetch sets the host itself.
  const { host: _, ...own } = headers;
  const response = await fetch(url, { method: "POST", body, headers: own }).catch(() =>
    unreachable(new URL(url).origin),
  );
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.includes("json");
  return { status: response.status, answer: isJson ? (JSON.parse(text) as unknown) : text };
}
