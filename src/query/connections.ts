// Connections as people set them up: what each is, how its events are proven, which of its secrets are set (never what they
// are), what came of it last, and the commands that bring a sender to it.
import type { D1Database } from "@cloudflare/workers-types";
import type { Pipelines } from "../dispatch/pipelines.ts";
import type { Env } from "../env.ts";
import { commandsFor } from "../receive/setup/recipes.ts";
import { SENDER_NAMES, SENDER_SCHEMES, type SenderName } from "../receive/setup/senders.ts";
import { type Connection, type Connections, retentionOf, type Scheme } from "../shapes/connection.ts";
import { endpointName, schemeNames, secretNamesOf } from "../shapes/connection-secrets.ts";
import type { Failure } from "../shapes/failure.ts";
import type { LogEntry } from "../store/log/contract.ts";
import { measureLog } from "../store/log/size.ts";
import { openStores } from "../store/stores.ts";
import { iso } from "./ledger.ts";

export interface ConnectionDeps {
  env: Env;
  connections: Connections;
  pipelines: Pipelines;
  now(): number;
}

/** How far back events are looked for one by one, ms, and how many; of what is older, only the time is known. */
const RECENT_MS = 86_400_000;
const RECENT_EVENTS = 200;

/** All connections, by id. `origin` is where senders reach the router, unless WEIR_URL says otherwise. */
export async function listConnections(origin: string, deps: ConnectionDeps) {
  const { env, connections, now } = deps;
  const stores = openStores(deps);
  const ids = Object.keys(connections.connections).sort();
  const [{ entries }, sizes, rejections] = await Promise.all([
    stores.log.walk({ order: "newest first", since: now() - RECENT_MS }, undefined, RECENT_EVENTS),
    measureLog(env.archive()),
    lastRejections(env.ledger(), ids, now() - RECENT_MS),
  ]);
  const router = (env.setting("WEIR_URL") ?? origin).replace(/\/+$/, "");
  return ids.flatMap((id) => {
    const connection = connections.connections[id];
    if (!connection) return [];
    const entry = entries.find(({ event }) => event.connection === id);
    const older = sizes.find((size) => size.connection === id)?.newest ?? null;
    return [
      {
        id,
        ...describe(id, connection, `${router}/v1/connections/${encodeURIComponent(id)}/events`, deps),
        last_event: entry ? eventOf(entry) : older === null ? null : { at: iso(older), id: null },
        last_rejection: rejections.get(id) ?? null,
      },
    ];
  });
}

const eventOf = ({ event: { id, received_at, sender, operation, bucket, key } }: LogEntry) => ({
  ...{ at: received_at, id, sender, operation, bucket, key },
});

function describe(id: string, connection: Connection, door: string, deps: ConnectionDeps) {
  const { env, connections, pipelines } = deps;
  const isSet = (name: string) => ({ name, is_set: env.setting(name) !== undefined });
  const schemes = connection.kind === "d1" ? [] : connection.events;
  const endpoint = endpointOf(connection, env);
  return {
    kind: connection.kind,
    buckets: connection.kind === "d1" ? [] : connection.buckets,
    database: connection.kind === "d1" ? connection.database : null,
    region: connection.kind === "s3" ? connection.region : null,
    endpoint,
    retention: connection.kind === "d1" ? null : retentionOf(connections, id),
    door: schemes.some(({ scheme }) => scheme !== "r2-queue") ? door : null,
    schemes: schemes.map((scheme) => ({
      scheme: scheme.scheme,
      asks: asksOf(scheme),
      secrets: schemeNames(scheme).map((name) => ({ ...isSet(name), expires: expiryOf(scheme, name) })),
    })),
    secrets: [...new Set(secretNamesOf(connection))].map(isSet),
    read_by: pipelines.all
      .filter(({ config }) => config.source.connection_id === id)
      .map(({ alias }) => alias),
    written_by: pipelines.all
      .filter(({ config }) => config.destination.connection_id === id)
      .map(({ alias }) => alias),
    recipes: recipesOf(connection, door, endpoint),
  };
}

/** What a scheme asks of a sender beside its secret, as connections.json says. */
function asksOf(scheme: Scheme): string[] {
  switch (scheme.scheme) {
    case "sns":
      return scheme.topic_arns.map((arn) => `topic ${arn}`);
    case "eventbridge":
      return [
        scheme.auth.type === "api-key" ? `header ${scheme.auth.header}` : scheme.auth.type,
        ...(scheme.accounts ?? []).map((account) => `account ${account}`),
      ];
    case "sigv4":
      return [`access key ${scheme.access_key_id}`, `region ${scheme.region}`, `service ${scheme.service}`];
    case "basic":
      return [`user ${scheme.username}`];
    case "google-oidc":
      return [`audience ${scheme.audience}`, `email ${scheme.email}`];
    default:
      return [];
  }
}

/** Until when a secret is accepted; null: for good. */
function expiryOf(scheme: Scheme, name: string): string | null {
  const refs =
    "secrets" in scheme ? scheme.secrets : scheme.scheme === "eventbridge" ? scheme.auth.secrets : [];
  const ref = refs.find((one) => typeof one !== "string" && one.name === name);
  return typeof ref === "object" ? ref.expires : null;
}

function endpointOf(connection: Connection, env: Env): string | null {
  if (connection.kind !== "s3" || connection.endpoint === undefined) return null;
  const [name] = endpointName(connection.endpoint);
  return name === undefined ? connection.endpoint : (env.setting(name) ?? null);
}

/** For each sender that one of the connection's schemes proves, what to type. */
function recipesOf(connection: Connection, door: string, endpoint: string | null) {
  if (connection.kind === "d1") return [];
  const facts = {
    ...{ door, bucket: connection.buckets[0] ?? "", endpoint: endpoint ?? "https://ENDPOINT" },
    region: connection.kind === "s3" ? connection.region : "auto",
  };
  return SENDER_NAMES.flatMap((sender) => {
    const scheme = firstOf(sender, connection.events);
    const commands = scheme && commandsFor(sender, { ...facts, scheme });
    return commands === undefined || !scheme ? [] : [{ sender, scheme: scheme.scheme, commands }];
  });
}

/** The scheme that is most likely to prove a sender, of those that there are. */
function firstOf(sender: SenderName, events: readonly Scheme[]): Scheme | undefined {
  const schemes: readonly string[] = SENDER_SCHEMES[sender];
  return schemes.flatMap((name) => events.find(({ scheme }) => scheme === name) ?? [])[0];
}

interface RejectionRow {
  connection: string;
  scheme: string;
  failure: string;
  count: number;
  at: number;
}

/** The last refusal of each connection: among the newest of the day, or else the last that was counted by its cause. */
async function lastRejections(db: D1Database, ids: readonly string[], since: number) {
  const [newest, ...last] = await db.batch<RejectionRow>([
    db
      .prepare(
        `SELECT connection, scheme, failure, count, at FROM rejections WHERE at >= ?
         ORDER BY at DESC, id DESC LIMIT 100`,
      )
      .bind(since),
    ...ids.map((id) =>
      db
        .prepare(
          `SELECT connection, scheme, failure, count, at FROM rejections
           WHERE connection = ? AND raw IS NULL ORDER BY minute DESC LIMIT 1`,
        )
        .bind(id),
    ),
  ]);
  const rows = [...(newest?.results ?? []), ...last.flatMap(({ results }) => results)];
  const found = new Map<
    string,
    Omit<RejectionRow, "failure" | "at" | "connection"> & { at: string | null; failure: Failure }
  >();
  for (const { connection, failure, at, ...row } of rows)
    if (!found.has(connection))
      found.set(connection, { ...row, at: iso(at), failure: JSON.parse(failure) as Failure });
  return found;
}
