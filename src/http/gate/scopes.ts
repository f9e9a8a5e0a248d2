// The scope that each route needs, and the name of its change in the audit log: one table, which gate.ts enforces and
// /openapi.json documents. A route that is not here does not compile, and is not served.
import type { Scope } from "../../shapes/key.ts";

/** A route that reads. `needs` null: any valid key. */
interface Reading {
  needs: Scope | null;
}
/** A route by POST. `does` null: a question that comes with a body, and changes nothing. */
interface Posting extends Reading {
  does: string | null;
}
interface Table {
  [reading: `GET /${string}`]: Reading;
  [posting: `POST /v1/${string}`]: Posting;
}

const TABLE = {
  "POST /v1/pipelines/{alias}/invoke": { needs: "invoke", does: "pipeline.invoke" },

  "GET /v1/pipelines": { needs: "read" },
  "GET /v1/pipelines/{alias}/versions": { needs: "read" },
  "GET /v1/pipelines/{alias}/objects": { needs: "read" },
  "GET /v1/events": { needs: "read" },
  "GET /v1/events/{id}": { needs: "read" },
  "GET /v1/events/{id}/why/{alias}": { needs: "read" },
  "POST /v1/filters/test": { needs: "read", does: null },
  "POST /v1/filters/diff": { needs: "read", does: null },
  "POST /v1/objects": { needs: "read", does: null },
  "GET /v1/runs": { needs: "read" },
  "GET /v1/runs/{id}": { needs: "read" },
  "GET /v1/collections/{name}/items": { needs: "read" },
  "GET /v1/collections/{name}/items/{id}": { needs: "read" },
  "GET /v1/collections/{name}/items/{id}/lineage": { needs: "read" },
  "POST /v1/collections/{name}/search": { needs: "search", does: null },
  "GET /v1/dead-letters": { needs: "read" },
  "GET /v1/dead-letters/causes": { needs: "read" },
  "GET /v1/dead-letters/{id}": { needs: "read" },
  "GET /v1/rejections": { needs: "read" },
  "GET /v1/replays": { needs: "read" },
  "GET /v1/replays/{id}": { needs: "read" },
  "GET /v1/archive": { needs: "read" },
  "GET /v1/archive/expired": { needs: "read" },
  "GET /v1/audit-log": { needs: "read" },
  "GET /metrics": { needs: "read" },

  "POST /v1/replays": { needs: "operate", does: "replay.create" },
  // The path's move is added to the name: `replay.pause`.
  "POST /v1/replays/{id}/{move}": { needs: "operate", does: "replay" },
  "POST /v1/runs/{id}/cancel": { needs: "operate", does: "run.cancel" },
  "POST /v1/audits": { needs: "operate", does: "audit.create" },
  "POST /v1/dead-letters/redrive": { needs: "operate", does: "dead-letters.redrive" },
  "POST /v1/dead-letters/drop": { needs: "operate", does: "dead-letters.drop" },
  "POST /v1/pipelines/{alias}/pause": { needs: "operate", does: "pipeline.pause" },
  "POST /v1/pipelines/{alias}/resume": { needs: "operate", does: "pipeline.resume" },

  "GET /v1/whoami": { needs: null },
  "GET /v1/keys": { needs: "deploy" },
  "POST /v1/keys": { needs: "deploy", does: "key.create" },
  "POST /v1/keys/{id}/rotate": { needs: "deploy", does: "key.rotate" },
  "POST /v1/keys/{id}/revoke": { needs: "deploy", does: "key.revoke" },
} as const satisfies Table;

type Row = keyof typeof TABLE;
/** The paths that the table has for a method. */
export type PathOf<Method extends "GET" | "POST"> = Row extends infer R
  ? R extends `${Method} ${infer Path}`
    ? Path
    : never
  : never;

const rows: Readonly<Record<string, Reading & Partial<Posting>>> = TABLE;

/** A path as Hono has it (`/v1/runs/:id`) or as OpenAPI does (`/v1/runs/{id}`). */
export function accessOf(method: string, path: string): { needs: Scope | null; does: string | null } | null {
  const row = rows[`${method} ${path.replace(/:(\w+)/g, "{$1}")}`];
  return row ? { needs: row.needs, does: row.does ?? null } : null;
}

/** The security requirement of a route, for OpenAPI 3.1: for a bearer scheme its list names the roles. */
export function securityOf<M extends "GET" | "POST">(method: M, path: PathOf<M>): { key: string[] }[] {
  const needs = accessOf(method, path)?.needs;
  return [{ key: needs ? [needs] : [] }];
}
