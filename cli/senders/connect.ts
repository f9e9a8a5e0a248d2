// Command `weir connect KIND`: prints the commands that set a sender up, then waits for its first event and shows every
// refused delivery, so that a fault in the set-up is seen at once.
import { setTimeout as pause } from "node:timers/promises";
import { commandsFor } from "../../src/receive/setup/recipes.ts";
import type { Connection } from "../../src/shapes/connection.ts";
import { bad, CliError, good, note, print, printJson } from "../io/output.ts";
import { type Client, clientOf, type EventAnswer, type Rejection } from "../operate/client.ts";
import { isLocal } from "../settings/settings.ts";
import { doorOf, type StackAddress } from "./deliver.ts";
import { connectionFor, type KindName, kindOf } from "./kinds.ts";

export interface ConnectFlags {
  connection?: string;
  /** URL at which senders reach the router; default: the URL of this command. */
  publicUrl?: string;
  wait: boolean;
  /** Longest wait for the first event, in seconds. */
  timeout: number;
  json?: boolean;
}

/** Prints the commands of a sender and waits for its first event. @throws CliError */
export async function connect(stack: StackAddress, name: string, flags: ConnectFlags): Promise<void> {
  const kind = kindOf(name);
  const { id, connection, scheme } = connectionFor(kind, name, flags.connection, stack.connections);
  const outside = (flags.publicUrl ?? stack.url).replace(/\/+$/, "");
  const door = doorOf(outside, id);
  const commands = commandsFor(name as KindName, {
    door,
    bucket: connection.buckets[0] ?? "",
    region: connection.kind === "s3" ? connection.region : "auto",
    endpoint: endpointOf(connection, stack.secrets),
    scheme,
  });
  if (commands === undefined)
    throw new CliError(`The scheme ${scheme.scheme} has its own sender. Give its name to \`weir connect\`.`);
  const printEvent = (event: object | null) => printJson({ connection: id, door, commands, event });
  if (!flags.json) print(commands);
  if (isLocal(outside)) {
    note(
      `${outside} is reached from this machine only. Give the URL of the deployed router with --public-url.`,
    );
  }
  if (!flags.wait) return flags.json ? printEvent(null) : undefined;
  const key = stack.secrets.WEIR_API_KEY;
  if (!key)
    throw new CliError(`There is no API key for ${stack.url}. Set WEIR_KEY to see events arrive.`, [], 3);
  note(`Waiting for the first event of ${id}; Ctrl-C ends.`);
  const until = Date.now() + flags.timeout * 1000;
  const event = await firstEvent(clientOf(stack.url, key), id, {
    again: async () => Date.now() < until && (await pause(500, true)),
    onRefusal: (rejection) => bad(refusalText(rejection)),
  });
  if (!event)
    throw new CliError(
      `No event of ${id} arrived within ${flags.timeout} s. Check the commands above at the sender.`,
    );
  if (flags.json) printEvent(event);
  else printJson(event);
  good(`First event of ${event.sender}: ${event.operation} ${event.bucket}/${event.key}.`);
}

export interface FirstEventWatch {
  /** Waits a while and returns true; false at the end of the time. */
  again(): Promise<boolean>;
  onRefusal(rejection: Rejection): void;
}

/** Waits for the next new event of a connection; undefined where none arrives. */
export async function firstEvent(client: Client, connection: string, { again, onRefusal }: FirstEventWatch) {
  // A sender with a wrong URL is refused under "(unknown)", and a message from R2's queue under "(queue)".
  const places = [connection, "(unknown)", "(queue)"];
  const newest = <T>(list: string, place: string) =>
    client.list<T>(`/v1/${list}?connection=${encodeURIComponent(place)}`, 50);
  const events = () => newest<EventAnswer>("events", connection);
  const refused = async () =>
    (await Promise.all(places.map((place) => newest<Rejection>("rejections", place)))).flat();
  const before = new Set((await events()).map(({ id }) => id));
  const counts = new Map((await refused()).map((rejection) => [keyOf(rejection), rejection.count]));
  while (await again()) {
    for (const rejection of await refused()) {
      const key = keyOf(rejection);
      if (rejection.count > (counts.get(key) ?? 0)) onRefusal(rejection);
      counts.set(key, rejection.count);
    }
    const event = (await events()).find(({ id }) => !before.has(id));
    if (event) return event;
  }
  return undefined;
}

/** Identity of a row of refusals, which has no id: one cause in one minute. */
const keyOf = ({ connection, scheme, failure, at }: Rejection) =>
  JSON.stringify([connection, scheme, failure, Math.floor(Date.parse(at ?? "") / 60_000)]);

export function refusalText({ connection, scheme, failure, count, at }: Rejection): string {
  const where = failure.where === undefined ? "" : ` (${failure.where})`;
  const times = count > 1 ? `, ${count} times` : "";
  const next = failure.next === undefined ? "" : ` → ${failure.next}`;
  return `${(at ?? "").slice(11, 19)} ${connection} by ${scheme}: ${failure.detail}${where}${times}${next}`;
}

function endpointOf(
  connection: Exclude<Connection, { kind: "d1" }>,
  secrets: StackAddress["secrets"],
): string {
  if (connection.kind !== "s3" || connection.endpoint === undefined) return "https://ENDPOINT";
  return /^[A-Z][A-Z0-9_]*$/.test(connection.endpoint)
    ? (secrets[connection.endpoint] ?? `"$${connection.endpoint}"`)
    : connection.endpoint;
}
