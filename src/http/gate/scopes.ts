// The scope that each route needs, and the name of its change in the audit log: one table, which gate.ts enforces and
// /openapi.json documents. A route that is not here does not compile, and is not served.
import type { Scope } from "../../shapes/key.ts";

/** A route that reads. `needs` null: any valid key. */
interface Reading {
  /** Name of the operation in /openapi.json, and of its method in `weir/client`. */
  id: string;
  needs: Scope | null;
}
/** A route by POST or PUT. `does` null: a question that comes with a body, and changes nothing. */
interface Posting extends Reading {
  does: string | null;
}
interface Table {
  [reading: `GET /${string}`]: Reading;
  [posting: `POST /${string}`]: Posting;
  [putting: `PUT /${string}`]: Posting;
}

const TABLE = {
  "POST /v1/pipelines/{alias}/invoke": { id: "invokePipeline", needs: "invoke", does: "pipeline.invoke" },

  "GET /v1/pipelines": { id: "listPipelines", needs: "read" },
  "GET /v1/pipelines/{alias}": { id: "getPipeline", needs: "read" },
  "GET /v1/pipelines/{alias}/versions": { id: "listVersions", needs: "read" },
  "GET /v1/pipelines/{alias}/objects": { id: "listObjects", needs: "read" },
  "GET /v1/events": { id: "listEvents", needs: "read" },
  "GET /v1/events/{id}": { id: "getEvent", needs: "read" },
  "GET /v1/events/{id}/why/{alias}": { id: "explainDecision", needs: "read" },
  "POST /v1/filters/test": { id: "testFilter", needs: "read", does: null },
  "POST /v1/filters/diff": { id: "diffFilters", needs: "read", does: null },
  "POST /v1/objects": { id: "lookAtObject", needs: "read", does: null },
  "GET /v1/runs": { id: "listRuns", needs: "read" },
  "GET /v1/runs/{id}": { id: "getRun", needs: "read" },
  "GET /v1/collections/{name}/items": { id: "listItems", needs: "read" },
  "GET /v1/collections/{name}/items/{id}": { id: "getItem", needs: "read" },
  "GET /v1/collections/{name}/items/{id}/lineage": { id: "getLineage", needs: "read" },
  "GET /v1/collections/{name}/index": { id: "compareIndex", needs: "read" },
  "POST /v1/collections/{name}/search": { id: "searchCollection", needs: "search", does: null },
  "GET /v1/dead-letters": { id: "listDeadLetters", needs: "read" },
  "GET /v1/dead-letters/causes": { id: "listDeadLetterCauses", needs: "read" },
  "GET /v1/dead-letters/{id}": { id: "getDeadLetter", needs: "read" },
  "GET /v1/rejections": { id: "listRejections", needs: "read" },
  "GET /v1/replays": { id: "listReplays", needs: "read" },
  "GET /v1/replays/{id}": { id: "getReplay", needs: "read" },
  "GET /v1/ledger": { id: "describeLedger", needs: "read" },
  "GET /v1/archive": { id: "describeArchive", needs: "read" },
  "GET /v1/archive/expired": { id: "listExpired", needs: "read" },
  "GET /v1/audit-log": { id: "listChanges", needs: "read" },
  "GET /v1/connections": { id: "listConnections", needs: "read" },
  "GET /v1/overview": { id: "getOverview", needs: "read" },
  "GET /v1/locate": { id: "locate", needs: "read" },
  "GET /v1/live": { id: "watchChanges", needs: "read" },
  // Of MCP, which is no REST, only the scope.
  "POST /mcp": { id: "speakMcp", needs: "read", does: null },
  "GET /metrics": { id: "readMetrics", needs: "read" },

  "POST /v1/replays": { id: "createReplay", needs: "operate", does: "replay.create" },
  // The path's move is added to the name: `replay.pause`.
  "POST /v1/replays/{id}/{move}": { id: "moveReplay", needs: "operate", does: "replay" },
  "POST /v1/runs/{id}/cancel": { id: "cancelRun", needs: "operate", does: "run.cancel" },
  "POST /v1/audits": { id: "createAudit", needs: "operate", does: "audit.create" },
  "POST /v1/collections/{name}/reindex": { id: "reindexCollection", needs: "operate", does: "index.rebuild" },
  "POST /v1/dead-letters/redrive": {
    id: "redriveDeadLetters",
    needs: "operate",
    does: "dead-letters.redrive",
  },
  "POST /v1/dead-letters/drop": { id: "dropDeadLetters", needs: "operate", does: "dead-letters.drop" },
  "POST /v1/pipelines/{alias}/pause": { id: "pausePipeline", needs: "operate", does: "pipeline.pause" },
  "POST /v1/pipelines/{alias}/resume": { id: "resumePipeline", needs: "operate", does: "pipeline.resume" },

  "PUT /v1/uploads/{connection}/{bucket}/{key}": {
    id: "uploadObject",
    needs: "operate",
    does: "object.upload",
  },

  "POST /v1/ledger/shards": { id: "growLedger", needs: "deploy", does: "ledger.grow" },

  "POST /v1/erasures": { id: "createErasure", needs: "deploy", does: "erasure.create" },
  "GET /v1/erasures/{id}": { id: "getErasure", needs: "read" },
  "GET /v1/erasure-key": { id: "getErasureKey", needs: null },

  "GET /v1/whoami": { id: "whoAmI", needs: null },
  "GET /v1/keys": { id: "listKeys", needs: "deploy" },
  "POST /v1/keys": { id: "createKey", needs: "deploy", does: "key.create" },
  "POST /v1/keys/exchange": { id: "exchangeKey", needs: null, does: "key.exchange" },
  "POST /v1/keys/{id}/rotate": { id: "rotateKey", needs: "deploy", does: "key.rotate" },
  "POST /v1/keys/{id}/revoke": { id: "revokeKey", needs: "deploy", does: "key.revoke" },
} as const satisfies Table;

type Row = keyof typeof TABLE;
/** The paths that the table has for a method. */
export type PathOf<Method extends "GET" | "POST" | "PUT"> = Row extends infer R
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

/**
 * The name and the security requirement of a route, for OpenAPI 3.1: for a bearer scheme its list names the roles.
 */
export function operationOf<M extends "GET" | "POST" | "PUT">(
  method: M,
  path: PathOf<M>,
): { operationId: string; security: { key: string[] }[] } {
  const { id, needs } = rows[`${method} ${path}`] ?? { id: path, needs: null };
  return { operationId: id, security: [{ key: needs ? [needs] : [] }] };
}
