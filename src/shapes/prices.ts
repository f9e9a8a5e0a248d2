// The one list of prices. What Weir says of money follows from it: plans, budgets, /metrics (cost.ts), and what a million
// events cost (bench/support/capacity.ts).
import { z } from "zod";

/** Instance types of compute: processors, memory (GiB) and disk (GB), by the page "Limits" of Containers. */
const INSTANCES = {
  basic: [1 / 4, 1, 4],
  "standard-1": [1 / 2, 4, 8],
  "standard-2": [1, 6, 12],
  "standard-3": [2, 8, 16],
  "standard-4": [4, 12, 20],
} as const;
export type InstanceType = keyof typeof INSTANCES;

/**
 * Dollars for a million, list prices of November 2026 on the paid plan, with nothing taken off for what the plan includes:
 * developers.cloudflare.com, the pages "Pricing" of Durable Objects (SQLite), D1, Queues, R2, Workers, Workers Logs and
 * Containers. Rows of D1 and of Durable Objects have the same price. Tokens: platform.openai.com, the page "Pricing",
 * text-embedding-3-large, the dearest that is common; requests to models are free, beside their tokens.
 */
export const PRICES = {
  rows_written: 1,
  rows_read: 0.001,
  object_calls: 0.15,
  object_gb_seconds: 12.5,
  queue_operations: 0.4,
  r2_writes: 4.5,
  r2_reads: 0.36,
  worker_requests: 0.3,
  worker_cpu_ms: 0.02,
  log_lines: 0.6,
  container_ms: containerPrice("standard-1"),
  model_requests: 0,
  model_tokens: 0.13,
};

export type Prices = typeof PRICES;
export type PriceName = keyof Prices;

const priceNames = Object.keys(PRICES) as [PriceName, ...PriceName[]];

/** Prices of a project that are not those of the list, dollars for a million of each. */
export const pricesSchema = z.partialRecord(z.enum(priceNames), z.number().min(0).max(1e9));

/** Variable of a pipeline's Worker with the prices of its project, as JSON. */
export const PRICES_SETTING = "WEIR_PRICES";

/** All prices, by what a project says otherwise than the list. */
export const pricesIn = (setting: string | undefined): Prices => ({
  ...PRICES,
  ...(setting === undefined ? {} : (pricesSchema.parse(JSON.parse(setting)) as Partial<Prices>)),
});

/**
 * Dollars for a million milliseconds of an instance, whose processors are taken to be busy: 20, 2.5 and 0.07 for a million
 * seconds of a processor, of a GiB of memory and of a GB of disk.
 */
export function containerPrice(type: InstanceType): number {
  const [processors, memory, disk] = INSTANCES[type];
  return Number(((processors * 20 + memory * 2.5 + disk * 0.07) / 1000).toFixed(6));
}
