// Delivers a proven body to the webhook URL of a connection, as its sender would. Used by `weir trigger` and by
// cli/local/local-bucket.ts.

import { randomUUID } from "node:crypto";
import type { Connection, Connections } from "../../src/shapes/connection.ts";
import { CliError } from "../io/output.ts";
import { suggestion } from "../io/suggest.ts";
import { reach } from "../settings/reach.ts";
import { prove, type SignedRequest } from "./prove.ts";

/** Address of a running Weir, with its connections and the secrets of their senders. */
export interface StackAddress {
  url: string;
  connections: Connections["connections"];
  secrets: Readonly<Record<string, string | undefined>>;
}

/** Scheme that proved a delivery, and the answer of Weir. */
export interface DeliveryAnswer {
  scheme: string;
  answer: unknown;
}

/** Webhook URL of a connection. */
export const doorOf = (url: string, connection: string) =>
  `${url}/v1/connections/${encodeURIComponent(connection)}/events`;

/** Makes the id of a delivery. */
export const deliveryId = () => `msg_${randomUUID()}`;

/**
 * Delivers a body, proven by the first scheme of the connection whose secret is here.
 *
 * @throws CliError where no scheme can be signed, nothing answers, or Weir refuses the delivery
 */
export async function deliver(
  stack: StackAddress,
  connection: string,
  body: string,
): Promise<DeliveryAnswer> {
  const found = stack.connections[connection];
  if (!found) {
    const ids = Object.keys(stack.connections);
    throw new CliError(`There is no connection "${connection}". ${suggestion(connection, ids)}`, [], 2);
  }
  const url = doorOf(stack.url, connection);
  const proving = { secrets: stack.secrets, url, body, id: deliveryId(), now: Date.now() };
  for (const scheme of eventsOf(found)) {
    const signed = await prove(scheme, proving);
    if (signed) return { scheme: scheme.scheme, answer: await post(url, signed) };
  }
  const schemes = eventsOf(found).map((scheme) => scheme.scheme);
  throw new CliError(
    `No event can be signed for "${connection}" here. It takes ${schemes.join(", ") || "no events"}.`,
  );
}

const eventsOf = (connection: Connection) => (connection.kind === "d1" ? [] : connection.events);

/** Sends a request and returns the answer. @throws CliError where Weir refuses it */
export async function post(url: string, signed: SignedRequest): Promise<unknown> {
  const { status, answer } = await send(url, signed);
  if (status < 300) return answer;
  const text = typeof answer === "string" ? answer : JSON.stringify(answer);
  throw new CliError(`POST ${new URL(url).pathname} was answered HTTP ${status}: ${text.slice(0, 500)}`);
}

/** Sends a request and returns status and answer, also of a refusal. */
export async function send(
  url: string,
  { headers, body }: SignedRequest,
): Promise<{ status: number; answer: unknown }> {
  // fetch sets the host itself.
  const { host: _, ...own } = headers;
  const response = await reach(new URL(url).origin, url, { method: "POST", body, headers: own });
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.includes("json");
  return { status: response.status, answer: isJson ? (JSON.parse(text) as unknown) : text };
}
