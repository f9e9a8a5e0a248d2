// How names become binding names: used by the generator that writes wrangler.toml and by the code that
// looks the bindings up, so that the two cannot disagree.

const upper = (name: string) => name.toUpperCase().replace(/[^A-Z0-9]/g, "_");

/** Service binding to a pipeline's Worker. */
export const pipelineBinding = (alias: string) => `PIPELINE_${upper(alias)}`;
/** Producer binding of a pipeline's own queue. */
export const queueBinding = (alias: string) => `QUEUE_${upper(alias)}`;
/** R2 bucket binding. */
export const bucketBinding = (bucket: string) => `R2_${upper(bucket)}`;
/** D1 database binding. */
export const databaseBinding = (database: string) => `D1_${upper(database)}`;
/** D1 databases of a connection: the first has the name that is written, further ones a number behind it. */
export const databaseNames = ({ database, shards = 1 }: { database: string; shards?: number | undefined }) =>
  Array.from({ length: shards }, (_, index) => (index === 0 ? database : `${database}-${index + 1}`));

/** Secret of a pipeline Worker that signs the URLs of its source's objects. */
export const signingKeyName = (connection: string) => `WEIR_${upper(connection)}_SIGNING_KEY`;
/** Secret of the router that holds all secrets of a connection: a JSON object, name → value. */
export const connectionSecretName = (connection: string) => `${CONNECTION_SECRET}${upper(connection)}`;
/** Whether a secret holds those of a connection. */
export const isConnectionSecret = (secret: string) => secret.startsWith(CONNECTION_SECRET);
const CONNECTION_SECRET = "WEIR_CONNECTION_";
/** Secret of every pipeline Worker that proves how many pipelines an object has come through. */
export const HOPS_KEY = "WEIR_HOPS_KEY";
/** Whether a secret follows from the root signing key. */
export const isSigningKey = (secret: string) => secret === HOPS_KEY || /^WEIR_\w+_SIGNING_KEY$/.test(secret);

/** Worker and queue names of a pipeline. */
export const workerName = (alias: string) => `weir-${alias}`;
export const queueName = (alias: string) => `weir-${alias}`;
/** Queues of Weir's own, by what is in them. */
export const QUEUES = {
  events: "weir-events",
  r2Events: "weir-r2-events",
  replays: "weir-replays",
  /** From the ledger's shards and from pipelines: what is due, what ended badly, reports that no shard took. */
  reports: "weir-reports",
  /** Events, notifications and messages about runs that could not be recorded. */
  eventsDead: "weir-events-dead",
  /** Dead jobs of all pipelines: each names its pipeline. */
  dead: "weir-dead",
} as const;
