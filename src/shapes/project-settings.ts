// The schema of weir.json, which a project may have: what holds for all of its pipelines. cli/generate puts it into
// every Worker that needs it, so that two places cannot disagree.
import { z } from "zod";
import { containerPrice, PRICES, type Prices, pricesSchema } from "./prices.ts";

const computeSchema = z.strictObject({
  /** Instances of compute: calls are spread over so many, and no more run. */
  instances: z.int().min(1).max(100).default(3),
  /** Size of an instance: processor, memory and disk. Cloudflare's names. */
  instance_type: z
    .enum(["basic", "standard-1", "standard-2", "standard-3", "standard-4"])
    .default("standard-1"),
});

export const projectSettingsSchema = z.strictObject({
  $schema: z.string().optional(),
  compute: computeSchema.prefault({}),
  /** Prices that differ from the list of Weir, dollars for a million of each. */
  prices: pricesSchema.optional(),
});

/** A project's settings, defaults filled in. */
export type ProjectSettings = z.infer<typeof projectSettingsSchema>;

/** A project's prices that are not those of the list: of its instances of compute, and what it says itself. */
export function ownPrices({ compute, prices = {} }: ProjectSettings): Partial<Prices> {
  const container_ms = containerPrice(compute.instance_type);
  const own = { container_ms, ...prices };
  return Object.fromEntries(
    Object.entries(own).filter(([name, price]) => price !== PRICES[name as keyof Prices]),
  );
}
