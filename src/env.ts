// The only place that reads `env`: bindings are looked up by the names that `weir generate` gave them, and
// a missing one is our fault, said with the name to set. Used by the router and by pipeline Workers.
import type {
  D1Database,
  DurableObjectNamespace,
  Queue,
  R2Bucket,
  Rpc,
  Service,
} from "@cloudflare/workers-types";
import {
  bucketBinding,
  databaseBinding,
  isConnectionSecret,
  pipelineBinding,
  queueBinding,
} from "./shapes/bindings.ts";
import { FailureError } from "./shapes/failure.ts";

/** What a Worker of Weir can reach. Each accessor throws a `FailureError` (`unavailable`) when unbound. */
export interface Env {
  /**
   * A variable or secret by name, or undefined where it is not set or empty. Where a connection's secrets are held by
   * one (`WEIR_CONNECTION_…`), that one comes first: what had been set by single names stays on the Worker.
   */
  setting(name: string): string | undefined;
  /** A variable or secret that must be set. */
  required(name: string): string;
  /** Public URL of the router, with which signed URLs begin: one of this machine only in local work. */
  publicUrl(): string;
  /** Values of every variable that is not known to be public: no log and no answer may hold them. */
  secretValues(): string[];
  bucket(name: string): R2Bucket;
  database(name: string): D1Database;
  queue<T>(binding: string): Queue<T>;
  /** The queue of a pipeline. */
  pipelineQueue<T>(alias: string): Queue<T>;
  /** A service binding by its name. */
  service<T extends Rpc.WorkerEntrypointBranded>(binding: string): Service<T>;
  /** The service binding of a pipeline. */
  pipeline<T extends Rpc.WorkerEntrypointBranded>(alias: string): Service<T>;
  ledger(): D1Database;
  /** Whether a caller is within a rate limit of Cloudflare's; always, where the limit is not bound. */
  isWithin(limit: string, caller: string): Promise<boolean>;
  /** The bucket of the log and of payloads, which only the router and the ledger's shards have. */
  archive(): R2Bucket;
  durableObjects<T extends Rpc.DurableObjectBranded | undefined = undefined>(
    binding: string,
  ): DurableObjectNamespace<T>;
}

/** Variables that hold no secret: Weir's own, addresses, and the ids of keys. */
const PUBLIC =
  /^WEIR_(URL|LOCAL|COMMIT|VERSION|BUILD|PRICES|ALLOWED_ORIGINS)$|^COMPUTE_|(_URL|_ENDPOINT|_KEY_ID)$/;

export function openEnv(env: object): Env {
  const raw = new Map<string, unknown>(Object.entries(env));
  const binding = <T>(name: string, what: string): T => {
    const bound = raw.get(name);
    if (typeof bound !== "object" || bound === null)
      throw unset(`the ${what} binding ${name}`, "run `weir generate` and deploy again");
    return bound as T;
  };
  let parts: ReadonlyMap<string, string> | undefined;
  const setting = (name: string) => {
    parts ??= connectionSecrets(raw);
    const value = parts.get(name) ?? raw.get(name);
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  const required = (name: string) => {
    const value = setting(name);
    if (value === undefined)
      throw unset(name, `set it: \`npx wrangler secret put ${name}\`, locally a line in .weir/dev.env`);
    return value;
  };
  return {
    setting,
    required,
    publicUrl: () => {
      const url = setting("WEIR_URL");
      const next = "deploy with `weir deploy`, or set WEIR_URL to the router's public URL";
      if (url === undefined) throw unset("WEIR_URL", next);
      // Whoever is given such a URL would ask the machine that it runs on.
      if (isLoopback(url) && setting("WEIR_LOCAL") === undefined)
        throw unset("a WEIR_URL that others can reach", next);
      return url;
    },
    secretValues: () =>
      [...raw, ...connectionSecrets(raw)].flatMap(([name, value]) =>
        typeof value === "string" && !PUBLIC.test(name) ? [value] : [],
      ),
    bucket: (name) => binding(bucketBinding(name), "R2"),
    database: (name) => binding(databaseBinding(name), "D1"),
    queue: (name) => binding(name, "queue"),
    pipelineQueue: (alias) => binding(queueBinding(alias), "queue"),
    service: (name) => binding(name, "service"),
    pipeline: (alias) => binding(pipelineBinding(alias), "service"),
    isWithin: async (name, caller) => {
      const bound = raw.get(name) as
        | { limit(of: { key: string }): Promise<{ success: boolean }> }
        | undefined;
      return bound === undefined || (await bound.limit({ key: caller })).success;
    },
    ledger: () => binding("LEDGER", "D1"),
    archive: () => binding("ARCHIVE", "R2"),
    durableObjects: (name) => binding(name, "Durable Object"),
  };
}

/** Reads the secrets of connections that are held together. */
function connectionSecrets(raw: ReadonlyMap<string, unknown>): ReadonlyMap<string, string> {
  const parts = new Map<string, string>();
  for (const [name, text] of raw) {
    if (!isConnectionSecret(name) || typeof text !== "string") continue;
    for (const [part, value] of Object.entries(jsonObject(name, text)))
      if (typeof value === "string") parts.set(part, value);
  }
  return parts;
}

function jsonObject(name: string, text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value;
  } catch {
    // The error of JSON.parse repeats a part of the text.
  }
  throw unset(`a JSON object, name → value, as ${name}`, "deploy again with `weir deploy --force`");
}

const isLoopback = (url: string) =>
  /^(localhost|.+\.localhost|127\.[\d.]+|0\.0\.0\.0|\[::1?\])$/.test(URL.parse(url)?.hostname ?? "localhost");

function unset(what: string, next: string): FailureError {
  return new FailureError({
    kind: "unavailable",
    detail: `${what} is not set on this Worker`,
    next,
    retry_after_seconds: 60,
  });
}
