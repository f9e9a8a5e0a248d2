// Kinds of sender that `weir trigger` and `weir connect` take: the schemes that prove each, and its messages. Weir
// itself recognises a sender by the shape of its message; these names are for people.

import { SENDER_NAMES, SENDER_SCHEMES, type SenderName } from "../../src/receive/setup/senders.ts";
import type { Connection, Connections, Scheme, SchemeName } from "../../src/shapes/connection.ts";
import type { EventType } from "../../src/shapes/event.ts";
import { CliError } from "../io/output.ts";
import { suggestion } from "../io/suggest.ts";
import * as say from "./messages.ts";

export interface SenderKind {
  /** Schemes that may prove this sender's messages, the most likely first. */
  schemes: readonly SchemeName[];
  /** Names of this sender for Weir's event types. */
  names: say.EventNames;
  /** Makes the body that the sender sends about a change. `account` is the account that the connection lists. */
  body(change: say.ObjectChange, account: string): unknown;
  contentType?: string;
}

const schemesOf = SENDER_SCHEMES;
const s3 = { names: say.S3_NAMES, body: (change: say.ObjectChange) => say.s3Event(change) };

export const KINDS = {
  sns: { schemes: schemesOf.sns, ...s3 },
  eventbridge: { schemes: schemesOf.eventbridge, names: say.EVENTBRIDGE_NAMES, body: say.eventBridgeEvent },
  "standard-webhooks": { schemes: schemesOf["standard-webhooks"], ...s3 },
  sigv4: { schemes: schemesOf.sigv4, ...s3 },
  minio: { schemes: schemesOf.minio, names: say.MINIO_NAMES, body: say.minioEvent },
  ceph: { schemes: schemesOf.ceph, names: say.CEPH_NAMES, body: say.cephEvent },
  b2: { schemes: schemesOf.b2, names: say.B2_NAMES, body: say.b2Event },
  tigris: { schemes: schemesOf.tigris, names: say.TIGRIS_NAMES, body: say.tigrisEvent },
  gcs: { schemes: schemesOf.gcs, names: say.GCS_NAMES, body: say.gcsPush },
  cloudevents: {
    schemes: schemesOf.cloudevents,
    names: say.S3_NAMES,
    body: say.cloudEvent,
    contentType: "application/cloudevents+json",
  },
  r2: { schemes: schemesOf.r2, names: say.R2_NAMES, body: say.r2Message },
} as const satisfies Record<SenderName, SenderKind>;

export type KindName = SenderName;
export const KIND_NAMES = SENDER_NAMES;

export function kindOf(name: string): SenderKind {
  if (Object.hasOwn(KINDS, name)) return KINDS[name as KindName];
  throw new CliError(`There is no sender "${name}". ${suggestion(name, KIND_NAMES)}`, [], 2);
}

/** Checks that a sender has events of a type. @throws CliError */
export function eventTypeOf(kind: SenderKind, type: string): EventType {
  if (Object.hasOwn(kind.names, type)) return type as EventType;
  throw new CliError(
    `This sender has no events of the type "${type}". It has ${Object.keys(kind.names).join(", ")}.`,
    [],
    2,
  );
}

/** Connection that takes events of a sender, with the scheme that proves them. */
export interface SenderConnection {
  id: string;
  connection: Exclude<Connection, { kind: "d1" }>;
  scheme: Scheme;
}

/** Finds the named connection, or the first that takes this kind. @throws CliError */
export function connectionFor(
  kind: SenderKind,
  name: string,
  id: string | undefined,
  connections: Connections["connections"],
): SenderConnection {
  if (id !== undefined && !Object.hasOwn(connections, id)) {
    throw new CliError(`There is no connection "${id}". ${suggestion(id, Object.keys(connections))}`, [], 2);
  }
  for (const [candidate, connection] of Object.entries(connections)) {
    if ((id !== undefined && candidate !== id) || connection.kind === "d1") continue;
    for (const name of kind.schemes) {
      const scheme = connection.events.find((candidate) => candidate.scheme === name);
      if (scheme) return { id: candidate, connection, scheme };
    }
  }
  const what = id === undefined ? "No connection takes" : `"${id}" does not take`;
  const ways = kind.schemes.join(" or ");
  throw new CliError(
    `${what} events of ${name}. Give a connection the scheme ${ways} in connections.json.`,
    [],
    2,
  );
}
