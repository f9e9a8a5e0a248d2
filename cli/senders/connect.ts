// `weir connect KIND`: says what to run at a sender, then waits for its first event and shows each refusal
// as it happens, so that whoever sets a sender up sees at once what is wrong.
import { setTimeout as pause } from "node:timers/promises";
import type { Connection } from "../../src/shapes/connection.ts";
import { bad, CliError, good, note, print, printJson } from "../io/output.ts";
import { type Client, clientOf, type RecordedEvent, type Rejection } from "../operate/client.ts";
import { isLocal } from "../settings/settings.ts";
import { doorOf, type StackAddress } from "./deliver.ts";
import { connectionFor, type KindName, kindOf } from "./kinds.ts";
import { commandsFor } from "./recipes.ts";

export interface ConnectFlags {
  connection?: string;
  /** Where senders reach the router, if not where this command does. */
  publicUrl?: string;
  wait: boolean;
  /** Seconds to wait. */
  timeout: number;
  json?: boolean;
}

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
  const printEvent = (event: object | null) => printJson({ connection: id, door, commands, event });
  if (!flags.json) print(commands);
  if (isLocal(outside)) {
    note(`${outside} is reached from this machine only; name the deployed router with --public-url`);
  }
  if (!flags.wait) return flags.json ? printEvent(null) : undefined;
  const key = stack.secrets.WEIR_API_KEY;
  if (!key)
    throw new CliError(`there is no API key for ${stack.url}: set WEIR_KEY to see what arrives`, [], 3);
  note(`waiting for the first event of ${id} (Ctrl-C ends)`);
  const until = Date.now() + flags.timeout * 1000;
  const event = await firstEvent(clientOf(stack.url, key), id, {
    again: async () => Date.now() < until && (await pause(500, true)),
    onRefusal: (rejection) => bad(refusalText(rejection)),
  });
  if (!event) throw new CliError(`no event of ${id} arrived within ${flags.timeout} s`);
  if (flags.json) printEvent(event);
  else printJson(event);
  good(`${event.sender}: ${event.operation} ${event.bucket}/${event.key}`);
}

export interface Watching {
  /** Waits a while; false when it is time to give up. */
  again(): Promise<boolean>;
  onRefusal(rejection: Rejection): void;
}

/** The next event of a connection that is not there yet. */
export async function firstEvent(client: Client, connection: string, { again, onRefusal }: Watching) {
  // A sender that was given a wrong address is refused at a connection that is none; R2's queue has no door.
  const places = [connection, "(unknown)", "(queue)"];
  const newest = <T>(list: string, place: string) =>
    client.list<T>(`/v1/${list}?connection=${encodeURIComponent(place)}`, 50);
  const events = () => newest<RecordedEvent>("events", connection);
  const refused = async () =>
    (await Promise.all(places.map((place) => newest<Rejection>("rejections", place)))).flat();
  const before = new Set((await events()).map(({ id }) => id));
  const counts = new Map((await refused()).map((it) => [keyOf(it), it.count]));
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

/** Rows of refusals have no id: a row is one cause in one minute. */
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
