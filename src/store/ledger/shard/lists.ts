// Lists of a shard's runs, newest first: those that are rows, merged with those in packs.
import type { RunOnRecord } from "../../log/contract.ts";
import type { RunQuery } from "../contract.ts";
import { RUN_ID, recordOf, selectRuns } from "./held-runs.ts";
import { listPacked, newestFirst } from "./packs.ts";
import type { ShardTables } from "./tables.ts";

export function listRuns(tables: ShardTables, query: RunQuery): RunOnRecord[] {
  const conditions = ["true"];
  const bindings: unknown[] = [];
  const add = (condition: string, ...values: unknown[]) => {
    conditions.push(condition);
    bindings.push(...values);
  };
  if (query.alias !== undefined) add("alias = ?", query.alias);
  if (query.status !== undefined) add("status = ?", query.status);
  if (query.after) add(`(created_at, ${RUN_ID}) < (?, ?)`, query.after.at, query.after.id);
  const condition = `${conditions.join(" AND ")} ORDER BY created_at DESC, id DESC, alias DESC LIMIT ?`;
  const held = selectRuns(tables, condition, [...bindings, query.limit]).map(recordOf);
  return listPacked(tables, held.sort(newestFirst).slice(0, query.limit), query);
}
