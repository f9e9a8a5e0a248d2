// What each generated Worker is bound to, as plain wrangler configuration: pure, project in, tables out.
// Names come from src/shapes/bindings.ts; generate.ts turns the tables into files.
import {
  bucketBinding,
  databaseBinding,
  deadQueueName,
  HOPS_KEY,
  pipelineBinding,
  queueBinding,
  queueName,
  signingKeyName,
  workerName,
} from "../../src/shapes/bindings.ts";
import type { PipelineConfig } from "../../src/shapes/config.ts";
import type { Connection, Connections, Scheme } from "../../src/shapes/connection.ts";
import type { Models } from "../../src/shapes/model.ts";
import { signingKeyOf } from "../../src/source/signed-url.ts";
import { hopsKeyOf } from "../../src/store/collections/hops.ts";

export type Table = { [key: string]: unknown };
type Named = Connections["connections"];

/** Accepted by the local S3 endpoint only, which no deployed Worker has. */
export const LOCAL_S3 = { accessKeyId: "weir-local", secretAccessKey: "weir-local-only" };
/** Where Weir's own Workers find each other. */
export const QUEUES = { r2: "weir-r2-events", reports: "weir-reports" };
/** Where the router keeps events that are no longer hot. */
export const ARCHIVE = { binding: "ARCHIVE", bucket_name: "weir-archive" };
const COMPATIBILITY = { compatibility_date: "2026-10-01", compatibility_flags: ["nodejs_compat"] };
/** A pipeline fetches the router's signed URLs, which may be on its own zone: by the public way, as anybody. */
const PUBLIC_FETCH = {
  ...COMPATIBILITY,
  compatibility_flags: [...COMPATIBILITY.compatibility_flags, "global_fetch_strictly_public"],
};

const unique = <T>(values: Iterable<T>) => [...new Set(values)].sort();
const r2 = (bucket: string) => ({ binding: bucketBinding(bucket), bucket_name: bucket });
/** No `database_id`: wrangler finds or creates the database by its name, and locally by its binding. */
const d1 = (database: string) => ({ binding: databaseBinding(database), database_name: database });

const bucketsOf = (connections: Named, kind: "r2" | "s3") =>
  unique(Object.values(connections).flatMap((it) => (it.kind === kind ? it.buckets : [])));
export const databasesOf = (connections: Named) =>
  unique(Object.values(connections).flatMap((it) => (it.kind === "d1" ? [it.database] : [])));

/** The router's generated part: a way to each pipeline, and every connection's storage. */
export function routerTables(connections: Named, aliases: string[], paths: { collections: string }): Table {
  return {
    secrets: { required: secretNames(connections) },
    services: aliases.map((alias) => ({ binding: pipelineBinding(alias), service: workerName(alias) })),
    r2_buckets: [ARCHIVE, ...bucketsOf(connections, "r2").map(r2)],
    d1_databases: databasesOf(connections).map((name) => ({
      ...d1(name),
      migrations_dir: paths.collections,
    })),
    queues: {
      producers: aliases.map((alias) => ({ binding: queueBinding(alias), queue: queueName(alias) })),
      consumers: aliases.map((alias) => ({
        queue: deadQueueName(alias),
        max_batch_size: 100,
        max_batch_timeout: 1,
        // Nothing stands behind it: what cannot be recorded now is recorded later.
        max_retries: 100,
      })),
    },
  };
}

/**
 * One pipeline's Worker: its own queue, compute and what that has made, its source's buckets, its destination, and
 * the secrets of the models that its config names. Nothing else.
 */
export function pipelineTables(
  config: PipelineConfig,
  { connections, definitions }: { connections: Named; definitions: Models },
  version: string,
  paths: { main: string; alias: Record<string, string> },
): Table {
  const source = connections[config.source.connection_id];
  const destination = connections[config.destination.connection_id];
  const batch = Math.min(config.concurrency, 10);
  return {
    name: workerName(config.alias),
    main: paths.main,
    ...PUBLIC_FETCH,
    alias: paths.alias,
    vars: { WEIR_VERSION: version, WEIR_COMMIT: "", WEIR_URL: "http://127.0.0.1:8787" },
    // Reached by bindings and its queue only: it has no address of its own.
    workers_dev: false,
    preview_urls: false,
    secrets: {
      required: unique([
        ...(source ? readingNames(config.source.connection_id, source) : []),
        HOPS_KEY,
        ...(config.secrets ?? []),
        ...keyNames(config, definitions),
      ]),
    },
    observability: { enabled: true },
    durable_objects: {
      bindings: [
        { name: "COMPUTE", class_name: "Compute", script_name: "weir-compute" },
        { name: "RESULTS", class_name: "Results", script_name: "weir-compute" },
      ],
    },
    r2_buckets: unique([...r2Buckets(source), ...r2Buckets(destination)]).map(r2),
    d1_databases: destination?.kind === "d1" ? [d1(destination.database)] : [],
    queues: {
      producers: [
        { binding: "REPORTS", queue: QUEUES.reports },
        { binding: "RETRY", queue: queueName(config.alias) },
        { binding: "DEAD", queue: deadQueueName(config.alias) },
      ],
      consumers: [
        {
          queue: queueName(config.alias),
          max_batch_size: batch,
          max_batch_timeout: 1,
          // Batches at once, so that no more runs than `concurrency` are in flight.
          ...(config.dispatch === "queue" ? { max_concurrency: Math.ceil(config.concurrency / batch) } : {}),
          // Deliveries of a message that takes its Worker with it each time: as many as there are attempts.
          max_retries: config.retry.max_attempts - 1,
          dead_letter_queue: deadQueueName(config.alias),
        },
      ],
    },
  };
}

const keyNames = ({ models = [] }: PipelineConfig, definitions: Models) =>
  models.flatMap((name) => {
    const model = definitions[name];
    return model?.kind === "http" && model.key !== undefined ? [model.key] : [];
  });

/** The local front door: every bucket with local S3 credentials, the queue that R2 would notify, the ledger. */
export function localTables(connections: Named, router: Table, paths: { main: string }): Table {
  const buckets = unique([...bucketsOf(connections, "r2"), ...bucketsOf(connections, "s3")]);
  return {
    name: "weir-local",
    main: paths.main,
    compatibility_date: COMPATIBILITY.compatibility_date,
    // Lets it call the router's scheduled(), since nothing rings the cron locally.
    compatibility_flags: ["nodejs_compat", "service_binding_extra_handlers", "experimental"],
    // Where it is reached, here and by a tunnel: a request that names another host is not for it.
    vars: { WEIR_LOCAL_URL: "http://127.0.0.1:8787", WEIR_URL: "http://127.0.0.1:8787" },
    secrets: { required: ["WEIR_LOCAL_TOKEN"] },
    services: [{ binding: "ROUTER", service: String(router.name ?? "weir") }],
    queues: { producers: [{ binding: "R2_EVENTS", queue: QUEUES.r2 }] },
    r2_buckets: buckets.map((name) => ({
      ...r2(name),
      local_dev: { experimental_s3_credentials: LOCAL_S3 },
    })),
    d1_databases: ledgerOf(router),
  };
}

/** The router's ledger as another local Worker binds it: the same database, by the same names. */
const ledgerOf = ({ d1_databases = [] }: Table) =>
  (d1_databases as Table[])
    .filter(({ binding }) => binding === "LEDGER")
    .map(({ migrations_dir: _, ...database }) => database);

/** The names of every secret and variable that the router needs, its own first. */
export function secretNames(connections: Named): string[] {
  return unique(["WEIR_API_KEY", SIGNING_KEY, ...Object.values(connections).flatMap(namesOf)]);
}

/** The one signing key that people set; {@link signingKeys} follow from it. */
export const SIGNING_KEY = "WEIR_SIGNING_KEY";

/** The key of each connection whose URLs Weir signs, and the one that proves hops, by the name that a pipeline Worker has it by. */
export const signingKeys = (connections: Named, root: string): Record<string, string> => ({
  [HOPS_KEY]: hopsKeyOf(root),
  ...Object.fromEntries(
    Object.entries(connections).flatMap(([id, { kind }]) =>
      kind === "r2" ? [[signingKeyName(id), signingKeyOf(root, id)]] : [],
    ),
  ),
});

const namesOf = (connection: Connection): string[] =>
  connection.kind === "d1" ? [] : [...storeNames(connection), ...connection.events.flatMap(schemeNames)];

/** What it takes to read a connection's objects and no other's, without what proves its events. */
const readingNames = (id: string, connection: Connection): string[] =>
  connection.kind === "r2" ? [signingKeyName(id)] : storeNames(connection);

/** What an S3 store asks for. */
function storeNames(connection: Connection): string[] {
  if (connection.kind !== "s3") return [];
  return unique([
    connection.access_key_id,
    connection.secret_access_key,
    ...endpointName(connection.endpoint),
  ]);
}

/** An endpoint is a URL, or the name of a variable that holds one. */
export const endpointName = (endpoint: string | undefined) =>
  endpoint !== undefined && /^[A-Z][A-Z0-9_]*$/.test(endpoint) ? [endpoint] : [];

function schemeNames(scheme: Scheme): string[] {
  const secrets =
    "secrets" in scheme ? scheme.secrets : scheme.scheme === "eventbridge" ? scheme.auth.secrets : [];
  const names = secrets.map((secret) => (typeof secret === "string" ? secret : secret.name));
  if (scheme.scheme === "sns" && scheme.certificate) names.push(scheme.certificate);
  if (scheme.scheme === "google-oidc" && scheme.jwks) names.push(scheme.jwks);
  return names;
}

const r2Buckets = (connection: Connection | undefined) =>
  connection?.kind === "r2" ? connection.buckets : [];
