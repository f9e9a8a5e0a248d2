// The senders that the command can stand in for: how each proves itself, and what it says. Weir itself
// knows a sender only by its message's shape; these names are what people call them.

import type { Connection, Connections, Scheme, SchemeName } from "../../src/shapes/connection.ts";
import type { EventType } from "../../src/shapes/event.ts";
import { CliError } from "../io/output.ts";
import { suggestion } from "../io/suggest.ts";
import * as say from "./messages.ts";

export interface Kind {
  /** The schemes by which this sender's messages may be proven, the likeliest first. */
  schemes: readonly SchemeName[];
  /** Its own names for Weir's event types. */
  names: say.Names;
  /** The body it would send of a change. `account` is the one that the connection lists, if any. */
  body(change: say.Change, account: string): unknown;
  contentType?: string;
}

const ANY: readonly SchemeName[] = [
  "standard-webhooks",
  "sigv4",
  "bearer",
  "basic",
  "eventbridge",
  "backblaze",
  "google-oidc",
  "sns",
];
const s3 = { names: say.S3_NAMES, body: (change: say.Change) => say.s3Event(change) };

export const KINDS = {
  sns: { schemes: ["sns"], ...s3 },
  eventbridge: { schemes: ["eventbridge"], names: say.EVENTBRIDGE_NAMES, body: say.eventBridgeEvent },
  "standard-webhooks": { schemes: ["standard-webhooks"], ...s3 },
  sigv4: { schemes: ["sigv4"], ...s3 },
  minio: { schemes: ["bearer", "basic"], names: say.MINIO_NAMES, body: say.minioEvent },
  ceph: { schemes: ["basic", "ceph-opaque"], names: say.CEPH_NAMES, body: say.cephEvent },
  b2: { schemes: ["backblaze"], names: say.B2_NAMES, body: say.b2Event },
  tigris: { schemes: ["bearer", "basic"], names: say.TIGRIS_NAMES, body: say.tigrisEvent },
  gcs: { schemes: ["google-oidc"], names: say.GCS_NAMES, body: say.gcsPush },
  cloudevents: {
    schemes: ANY,
    names: say.S3_NAMES,
    body: say.cloudEvent,
    contentType: "application/cloudevents+json",
  },
  r2: { schemes: ["r2-queue"], names: say.R2_NAMES, body: say.r2Message },
} as const satisfies Record<string, Kind>;

export type KindName = keyof typeof KINDS;
export const KIND_NAMES = Object.keys(KINDS) as KindName[];

export function kindOf(name: string): Kind {
  if (Object.hasOwn(KINDS, name)) return KINDS[name as KindName];
  throw new CliError(`no sender "${name}": ${suggestion(name, KIND_NAMES)}`, [], 2);
}

/** The sender's name for an event type. */
export function nameOf(kind: Kind, type: string): EventType {
  if (Object.hasOwn(kind.names, type)) return type as EventType;
  throw new CliError(`this sender tells no "${type}": ${Object.keys(kind.names).join(", ")}`, [], 2);
}

/** A connection that receives events, and the way in which a kind's are proven there. */
export interface Chosen {
  id: string;
  connection: Exclude<Connection, { kind: "d1" }>;
  scheme: Scheme;
}

/** The connection that was named, or the first that takes this kind. */
export function connectionFor(
  kind: Kind,
  name: string,
  id: string | undefined,
  connections: Connections["connections"],
): Chosen {
  if (id !== undefined && !Object.hasOwn(connections, id)) {
    throw new CliError(`no connection "${id}": ${suggestion(id, Object.keys(connections))}`, [], 2);
  }
  for (const [candidate, connection] of Object.entries(connections)) {
    if ((id !== undefined && candidate !== id) || connection.kind === "d1") continue;
    for (const name of kind.schemes) {
      const scheme = connection.events.find((it) => it.scheme === name);
      if (scheme) return { id: candidate, connection, scheme };
    }
  }
  const what = id === undefined ? "no connection takes" : `"${id}" does not take`;
  const ways = kind.schemes.join(" or ");
  throw new CliError(`${what} events of ${name}: give one the scheme ${ways} in connections.json`, [], 2);
}
