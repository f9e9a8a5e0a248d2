// `weir audit-log`: what was changed through the API, and by which key.
import type { z } from "@hono/zod-openapi";
import type * as answers from "../../src/http/read/answers.ts";
import { note, print, printJson, table } from "../io/output.ts";
import { openClient } from "./client.ts";
import type { Flags } from "./replay.ts";

type Change = z.infer<typeof answers.changeSchema>;

export interface ChangeFlags extends Flags {
  key?: string;
  action?: string;
  target?: string;
  limit: number;
}

export async function listChanges(root: string, flags: ChangeFlags): Promise<void> {
  const { key, action, target } = flags;
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries({ key, action, target })) if (value) query.set(name, value);
  const path = query.size > 0 ? `/v1/audit-log?${query}` : "/v1/audit-log";
  const data = await openClient(root, flags).list<Change>(path, flags.limit);
  if (flags.json) return printJson({ data });
  if (data.length === 0) return note("no such change is on record");
  print(table([["at", "key", "action", "on", "outcome", "detail"], ...data.map(rowOf)]));
}

const rowOf = (change: Change): string[] => [
  change.at ?? "",
  change.key.id === "root" ? "root" : `${change.key.name} (${change.key.id})`,
  change.action,
  change.target ?? "",
  change.outcome === null ? "not known" : `${change.outcome} ${change.status}`,
  Object.entries(change.detail)
    .map(([name, value]) => `${name}=${Array.isArray(value) ? value.join(",") : String(value)}`)
    .join(" "),
];
