// Wrangler configuration of each generated Worker, as plain tables: queues, buckets, databases, services, secrets.
// Pure. Names come from src/shapes/bindings.ts; cli/generate/cli/generate/generate.ts writes the tables to files.
import {
  bucketBinding,
  databaseBinding,
  databaseNames,
  HOPS_KEY,
  pipelineBinding,
  QUEUES,
  queueBinding,
  queueName,
  workerName,
} from "../../src/shapes/bindings.ts";
import type { PipelineConfig } from "../../src/shapes/config.ts";
import type { Connection, Connections } from "../../src/shapes/connection.ts";
import type { Models } from "../../src/shapes/model.ts";
import { PRICES_SETTING } from "../../src/shapes/prices.ts";
import { ownPrices, type ProjectSettings } from "../../src/shapes/project-settings.ts";
import { PAYLOAD_KEPT_DAYS, PAYLOAD_PREFIX } from "../../src/store/payloads.ts";
import { readingNames, routerSecrets } from "./secret-names.ts";

export type Table = { [key: string]: unknown };
type ConnectionMap = Connections["connections"];

/** Credentials of the local S3 endpoint, which no deployed Worker has. */
export const LOCAL_S3 = { accessKeyId: "weir-local", secretAccessKey: "weir-local-only" };
/** Bucket of the log and of payloads. */
export const ARCHIVE = { binding: "ARCHIVE", bucket_name: "weir-archive" };
/** Large payloads of invocations are there for a while only. */
export const PAYLOADS_EXPIRE = {
  bucket: ARCHIVE.bucket_name,
  prefix: PAYLOAD_PREFIX,
  days: PAYLOAD_KEPT_DAYS,
};
/** Indexes of collections, for who writes and who asks them. */
const SEARCH = { name: "SEARCH", class_name: "SearchShard", script_name: "weir-search" };
/** Binding of the ledger's shards, which are a Worker of their own (workers/ledger). */
const LEDGER_SHARDS = { name: "LEDGER_SHARDS", class_name: "LedgerShard", script_name: "weir-ledger" };
const COMPATIBILITY = { compatibility_date: "2026-10-01", compatibility_flags: ["nodejs_compat"] };
/** Most processor time of an invocation, ms: what the platform allows at most. Its default is 30 s. */
const CPU_LIMIT = { cpu_ms: 300_000 };
/** Settings of a pipeline Worker. It fetches signed URLs of the router, perhaps on its own zone, by the public way. */
const PUBLIC_FETCH = {
  ...COMPATIBILITY,
  compatibility_flags: [...COMPATIBILITY.compatibility_flags, "global_fetch_strictly_public"],
};

const unique = <T>(values: Iterable<T>) => [...new Set(values)].sort();
const r2 = (bucket: string) => ({ binding: bucketBinding(bucket), bucket_name: bucket });
/** Database binding without `database_id`: wrangler finds or creates the database by name, or locally by binding. */
const d1 = (database: string) => ({ binding: databaseBinding(database), database_name: database });

const bucketsOf = (connections: ConnectionMap, kind: "r2" | "s3") =>
  unique(
    Object.values(connections).flatMap((connection) => (connection.kind === kind ? connection.buckets : [])),
  );
export const databasesOf = (connections: ConnectionMap) =>
  unique(
    Object.values(connections).flatMap((connection) =>
      connection.kind === "d1" ? databaseNames(connection) : [],
    ),
  );

/** Generated part of the router's configuration: a binding for each pipeline, and the storage of every connection. */
export function routerTables(
  connections: ConnectionMap,
  aliases: string[],
  paths: { collections: string },
): Table {
  return {
    secrets: { required: routerSecrets(connections) },
    services: aliases.map((alias) => ({ binding: pipelineBinding(alias), service: workerName(alias) })),
    durable_objects: { bindings: [LEDGER_SHARDS, SEARCH] },
    r2_buckets: [ARCHIVE, ...bucketsOf(connections, "r2").map(r2)],
    d1_databases: databasesOf(connections).map((name) => ({
      ...d1(name),
      migrations_dir: paths.collections,
    })),
    queues: {
      // An empty list would redefine the list before it.
      ...(aliases.length > 0 && {
        producers: aliases.map((alias) => ({ binding: queueBinding(alias), queue: queueName(alias) })),
      }),
      consumers: [
        {
          queue: QUEUES.dead,
          max_batch_size: 100,
          max_batch_timeout: 1,
          max_concurrency: 2,
          // There is no dead letter queue behind this one, so recording is retried for long.
          max_retries: 100,
        },
      ],
    },
  };
}

/**
 * Configuration of a pipeline Worker: its queue, compute and its results, the buckets of its source, its destination,
 * and the secrets that its config and its models name. Nothing else.
 */
export function pipelineTables(
  config: PipelineConfig,
  {
    connections,
    definitions,
    settings,
    shards,
  }: { connections: ConnectionMap; definitions: Models; settings: ProjectSettings; shards: number },
  version: string,
  paths: { main: string; alias: Record<string, string> },
): Table {
  const source = connections[config.source.connection_id];
  const destination = connections[config.destination.connection_id];
  const { batch, batches } = deliveryOf(config);
  return {
    name: workerName(config.alias),
    main: paths.main,
    ...PUBLIC_FETCH,
    alias: paths.alias,
    vars: {
      WEIR_VERSION: version,
      WEIR_COMMIT: "",
      WEIR_URL: "",
      COMPUTE_INSTANCES: String(settings.compute.instances),
      // Only a budget asks for prices.
      ...(config.budget && { [PRICES_SETTING]: JSON.stringify(ownPrices(settings)) }),
    },
    limits: CPU_LIMIT,
    // The Worker is reached by bindings and its queue only, at no URL.
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
        ...(config.destination.search?.enabled === false ? [] : [SEARCH]),
      ],
    },
    services: [reportDoor(config.alias, shards)],
    r2_buckets: unique([...r2Buckets(source), ...r2Buckets(destination)]).map(r2),
    d1_databases: destination?.kind === "d1" ? databaseNames(destination).map(d1) : [],
    queues: {
      producers: [
        { binding: "REPORTS", queue: QUEUES.reports },
        { binding: "RETRY", queue: queueName(config.alias) },
        { binding: "DEAD", queue: QUEUES.dead },
      ],
      consumers: [
        {
          queue: queueName(config.alias),
          max_batch_size: batch,
          max_batch_timeout: batch === 1 ? 0 : 1,
          max_concurrency: batches,
          // A message that crashes its Worker every time is delivered once for each attempt.
          max_retries: config.retry.max_attempts - 1,
          dead_letter_queue: QUEUES.dead,
        },
      ],
    },
  };
}

/**
 * Messages in a batch, and batches in parallel: together no more runs than `concurrency` are in flight. Where jobs come
 * by the queue they come alone, since work that is long would hold up what shares its batch. Where they come by RPC the
 * queue has only those that are tried again, which share batches.
 */
export function deliveryOf({ dispatch, concurrency }: PipelineConfig): { batch: number; batches: number } {
  const batch = dispatch === "queue" ? 1 : Math.min(concurrency, 10);
  return { batch, batches: Math.ceil(concurrency / batch) };
}

/** The one thing that a pipeline may do with the ledger: report on its own runs. */
const reportDoor = (alias: string, shards: number) => ({
  ...{ binding: "REPORT_DOOR", service: "weir-ledger", entrypoint: "ReportDoor" },
  props: { alias, shards },
});

const keyNames = ({ models = [] }: PipelineConfig, definitions: Models) =>
  models.flatMap((name) => {
    const model = definitions[name];
    return model?.kind === "http" && model.key !== undefined ? [model.key] : [];
  });

/**
 * Configuration of the local front door: every bucket with S3 credentials, the queue that R2 would notify, the ledger.
 */
export function localTables(
  { connections, shards }: { connections: ConnectionMap; shards: number },
  router: Table,
  paths: { main: string },
): Table {
  const buckets = unique([...bucketsOf(connections, "r2"), ...bucketsOf(connections, "s3")]);
  return {
    name: "weir-local",
    main: paths.main,
    compatibility_date: COMPATIBILITY.compatibility_date,
    // The front door calls the router's scheduled(), since nothing runs the cron locally.
    compatibility_flags: ["nodejs_compat", "service_binding_extra_handlers", "experimental"],
    // Hosts at which the front door is reached, here and by a tunnel; a request for another host is refused.
    vars: {
      WEIR_LOCAL_URL: "http://127.0.0.1:8787",
      WEIR_URL: "http://127.0.0.1:8787",
      LEDGER_SHARD_COUNT: String(shards),
    },
    secrets: { required: ["WEIR_LOCAL_TOKEN"] },
    services: [{ binding: "ROUTER", service: String(router.name ?? "weir") }],
    queues: { producers: [{ binding: "R2_EVENTS", queue: QUEUES.r2Events }] },
    r2_buckets: buckets.map((name) => ({
      ...r2(name),
      local_dev: { experimental_s3_credentials: LOCAL_S3 },
    })),
    durable_objects: { bindings: [LEDGER_SHARDS] },
  };
}

const r2Buckets = (connection: Connection | undefined) =>
  connection?.kind === "r2" ? connection.buckets : [];
