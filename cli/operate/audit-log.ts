// Command `weir audit-log`: prints the changes made through the API, with the key of each.
import type { z } from "@hono/zod-openapi";
import type * as answers from "../../src/http/keys/answers.ts";
import { note, print, printJson, table } from "../io/output.ts";
import { openClient } from "./client.ts";
import type { OperatorFlags } from "./replay.ts";

type AuditEntry = z.infer<typeof answers.changeSchema>;

export interface AuditLogFlags extends OperatorFlags {
  key?: string;
  action?: string;
  target?: string;
  limit: number;
}

/** Prints audited changes, newest first. */
export async function listChanges(root: string, flags: AuditLogFlags): Promise<void> {
  const { key, action, target } = flags;
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries({ key, action, target })) if (value) query.set(name, value);
  const path = query.size > 0 ? `/v1/audit-log?${query}` : "/v1/audit-log";
  const data = await openClient(root, flags).list<AuditEntry>(path, flags.limit);
  if (flags.json) return printJson({ data });
  if (data.length === 0) return note("No such change is recorded.");
  print(table([["at", "key", "action", "on", "outcome", "detail"], ...data.map(rowOf)]));
}

const rowOf = (change: AuditEntry): string[] => [
  change.at ?? "",
  change.key.id === "root" ? "root" : `${change.key.name} (${change.key.id})`,
  change.action,
  change.target ?? "",
  change.outcome === null ? "not known" : `${change.outcome} ${change.status}`,
  Object.entries(change.detail)
    .map(([name, value]) => `${name}=${Array.isArray(value) ? value.join(",") : String(value)}`)
    .join(" "),
];
