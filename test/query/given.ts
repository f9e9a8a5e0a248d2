// A deployment and what it records, over real D1: for tests of what is later asked about it.

import { openPipelines, type Pipelines } from "../../src/dispatch/pipelines.ts";
import { identify, lookups } from "../../src/receive/identity.ts";
import { decide } from "../../src/routing/decide.ts";
import { recordWhole } from "../../src/routing/record.ts";
import { pipelineConfigSchema } from "../../src/shapes/config.ts";
import type { Event } from "../../src/shapes/event.ts";
import { FailureError } from "../../src/shapes/failure.ts";
import type { Observed, Source } from "../../src/source/contract.ts";
import type { LedgerInNode } from "../support/ledger.ts";

type Looks = Pick<Source, "observe" | "tags">;

/** A registry of pipelines that read connection `c`, by their filters; a filter's text is its version. */
export const deployed = (filters: Record<string, object>): Pipelines =>
  openPipelines(
    Object.entries(filters).map(([alias, filter]) => ({
      alias,
      version: JSON.stringify(filter),
      config: pipelineConfigSchema.parse({
        alias,
        source: { connection_id: "c", filters: filter },
        destination: { connection_id: "d", collection: "items" },
      }),
    })),
  );

export const START = Date.parse("2026-11-20T10:00:00Z");
let told = 0;

/** The next event, a second after the one before. */
export function eventOf(key: string, more: Partial<Event> = {}): Event {
  const time = new Date(START + 1000 * told++).toISOString();
  const what = {
    connection: "c",
    bucket: "b",
    key,
    type: "created",
    operation: "Put",
    time,
    ...more,
  } as const;
  return { ...what, ...identify(what), sender: "s3", hops: 0, received_at: time, ...more };
}

/** Objects by key; `null` is gone, a string is why the store refuses. */
export const holding = (objects: Record<string, Partial<Observed> | null | string>): Looks => ({
  async observe(_, key) {
    const found = objects[key];
    if (typeof found === "string") throw new FailureError({ kind: "source_refused", detail: found });
    if (!found) return null;
    return { etag: "e", size: 1, version_id: null, content_type: null, metadata: {}, ...found };
  },
  tags: async () => ({}),
});

/** What the router does with events: decides and records them. */
export async function hear(
  { env }: LedgerInNode,
  pipelines: Pipelines,
  events: Event[],
  source: Looks = holding({}),
): Promise<void> {
  const decided = await Promise.all(
    events.map(async (event) => {
      const outcome = await decide(event, pipelines.of(event.connection), source);
      if (!outcome.ok) throw new FailureError(outcome.failure);
      return { event, lookups: lookups(event), outcome: outcome.value, cause: "matched" as const };
    }),
  );
  await recordWhole(decided, { env, connections: { connections: {} }, pipelines, now: () => START });
}
