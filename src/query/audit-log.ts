// The audit log, newest first: who changed what through the API.
import type { D1Database } from "@cloudflare/workers-types";
import type { AuditOutcome } from "../store/access/audit-log.ts";
import { type ListQuery, page } from "./ledger.ts";

interface Row {
  id: string;
  at: number;
  key_id: string;
  key_name: string;
  action: string;
  target: string | null;
  detail: string | null;
  request_id: string;
  outcome: AuditOutcome | null;
  status: number | null;
  ended_at: number | null;
}

export interface AuditFilters {
  key?: string | undefined;
  action?: string | undefined;
  target?: string | undefined;
}

export const listChanges = (db: D1Database, { key, action, target }: AuditFilters, query: ListQuery) =>
  page(db, "audit_log", ["at", "id"], { key_id: key, action, target }, query, changeOf);

const changeOf = ({ key_id, key_name, at, ended_at, detail, ...row }: Row) => ({
  ...row,
  at: new Date(at).toISOString(),
  key: { id: key_id, name: key_name },
  detail: detail === null ? {} : (JSON.parse(detail) as Record<string, unknown>),
  ended_at: ended_at === null ? null : new Date(ended_at).toISOString(),
});
