// How much the log holds of each connection, as its index of days has it.
import type { R2Bucket } from "@cloudflare/workers-types";
import type { LogSize } from "./contract.ts";
import { readIndex } from "./days-index.ts";

/** Lines are kept twice, by time and by object. */
const COPIES = 2;

/** Sizes by connection; what came within the last hours is not counted yet. */
export async function measureLog(bucket: R2Bucket): Promise<LogSize[]> {
  const { periods } = (await readIndex(bucket)).index;
  const sizes = new Map<string, LogSize>();
  for (const [connection, held] of periods.flatMap((period) => Object.entries(period.held))) {
    const known = sizes.get(connection);
    sizes.set(connection, {
      connection,
      events: held.events + (known?.events ?? 0),
      runs: held.runs + (known?.runs ?? 0),
      bytes: Math.round(held.bytes) * COPIES + (known?.bytes ?? 0),
      oldest: Math.min(held.oldest, known?.oldest ?? held.oldest),
      newest: Math.max(held.newest, known?.newest ?? held.newest),
    });
  }
  return [...sizes.values()].sort((a, b) => (a.connection < b.connection ? -1 : 1));
}
