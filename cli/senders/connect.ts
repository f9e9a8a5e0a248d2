// `weir connect KIND`: says what to run at a sender, then waits for its first event and shows each refusal
// as it happens, so that whoever sets a sender up sees at once what is wrong.
import { setTimeout as pause } from "node:timers/promises";
import type { Connection } from "../../src/shapes/connection.ts";
import { type Api, apiOf, type Rejection } from "../api.ts";
import { bad, CliError, good, note, print, printJson } from "../io/output.ts";
import { doorOf, type Local } from "./deliver.ts";
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

export async function connect(local: Local, name: string, flags: ConnectFlags): Promise<void> {
  const kind = kindOf(name);
  const { id, connection, scheme } = connectionFor(kind, name, flags.connection, local.connections);
  const outside = (flags.publicUrl ?? local.url).replace(/\/+$/, "");
  const door = doorOf(outside, id);
  const commands = commandsFor(name as KindName, {
    door,
    bucket: connection.buckets[0] ?? "",
    region: connection.kind === "s3" ? connection.region : "auto",
    endpoint: endpointOf(connection, local.secrets),
    scheme,
  });
  const tell = (event: object | null) => printJson({ connection: id, door, commands, event });
  if (!flags.json) print(commands);
  if (/\/\/(127\.|localhost|\[::1\])/.test(outside)) {
    note(`${outside} is reached from this machine only; name the deployed router with --public-url`);
  }
  if (!flags.wait) return flags.json ? tell(null) : undefined;
  const key = local.secrets.WEIR_API_KEY;
  if (!key) throw new CliError("WEIR_API_KEY is not set: it is needed to see what arrives");
  note(`waiting for the first event of ${id} (Ctrl-C ends)`);
  const until = Date.now() + flags.timeout * 1000;
  const event = await firstEvent(apiOf(local.url, key), id, {
    again: async () => Date.now() < until && (await pause(500, true)),
    onRefusal: (rejection) => bad(refusalText(rejection)),
  });
  if (!event) throw new CliError(`no event of ${id} arrived within ${flags.timeout} s`);
  if (flags.json) tell(event);
  else printJson(event);
  good(`${event.sender}: ${event.operation} ${event.bucket}/${event.key}`);
}

export interface Watching {
  /** Waits a while; false when it is time to give up. */
  again(): Promise<boolean>;
  onRefusal(rejection: Rejection): void;
}

/** The next event of a connection that is not there yet. */
export async function firstEvent(api: Api, connection: string, { again, onRefusal }: Watching) {
  // A sender that was given a wrong address is refused at a connection that is none; R2's queue has no door.
  const places = [connection, "(unknown)", "(queue)"];
  const refused = async () => (await Promise.all(places.map((place) => api.rejections(place)))).flat();
  const before = new Set((await api.events(connection)).map(({ id }) => id));
  const counts = new Map((await refused()).map((it) => [keyOf(it), it.count]));
  while (await again()) {
    for (const rejection of await refused()) {
      const key = keyOf(rejection);
      if (rejection.count > (counts.get(key) ?? 0)) onRefusal(rejection);
      counts.set(key, rejection.count);
    }
    const event = (await api.events(connection)).find(({ id }) => !before.has(id));
    if (event) return event;
  }
  return undefined;
}

/** Rows of refusals have no id: a row is one cause in one minute. */
const keyOf = ({ connection, scheme, failure, at }: Rejection) =>
  JSON.stringify([connection, scheme, failure, Math.floor(Date.parse(at) / 60_000)]);

export function refusalText({ connection, scheme, failure, count, at }: Rejection): string {
  const where = failure.where === undefined ? "" : ` (${failure.where})`;
  const times = count > 1 ? `, ${count} times` : "";
  const next = failure.next === undefined ? "" : ` → ${failure.next}`;
  return `${at.slice(11, 19)} ${connection} by ${scheme}: ${failure.detail}${where}${times}${next}`;
}

function endpointOf(connection: Exclude<Connection, { kind: "d1" }>, secrets: Local["secrets"]): string {
  if (connection.kind !== "s3" || connection.endpoint === undefined) return "https://ENDPOINT";
  return /^[A-Z][A-Z0-9_]*$/.test(connection.endpoint)
    ? (secrets[connection.endpoint] ?? `"$${connection.endpoint}"`)
    : connection.endpoint;
}
