// Opens the router's spine in workerd, by itself, over real D1 and queues: bench/delivery.ts measures it, and
// test/dispatch/round-trips.test.ts counts its round trips. The queues have no consumer and drop their messages: a batch
// for a hundred pipelines is 10,000 messages, as many as a local queue holds.
import { queueBinding } from "../../src/shapes/bindings.ts";
import { openInWorkerd } from "./workerd.ts";

const MAX_PIPELINES = 100;

export async function openDelivery() {
  const queues = Array.from({ length: MAX_PIPELINES }, (_, n) => {
    return [queueBinding(`p${n}`), { type: "queue" as const, name: `weir-p${n}` }] as const;
  });
  const { ask, close } = await openInWorkerd(
    "delivery",
    {
      ...Object.fromEntries(queues),
      ARCHIVE: { type: "r2", name: "archive" },
      REPORTS: { type: "queue", name: "weir-reports" },
      LEDGER_SHARDS: { type: "durable-object", worker: "delivery", exportName: "LedgerShard" },
    },
    { LedgerShard: { type: "durable-object", storage: "sqlite" } },
  );
  return {
    /** Routes one batch of new events that match so many pipelines; `bare` writes only their rows. */
    batch: (work: "nothing" | "bare" | "route", events: number, pipelines: number) =>
      ask<{ roundTrips: number; shardCalls: number; puts: number }>(
        `/${work}?events=${events}&pipelines=${pipelines}`,
      ),
    close,
  };
}
