// Opens what bench/delivery.ts measures, and a test counts: the router's spine in workerd, by itself, over real
// D1 and queues. The queues have no consumer, so they let go what they are given: a batch for a hundred
// pipelines is 10,000 messages, which is all that local ones hold.
import { queueBinding } from "../../src/shapes/bindings.ts";
import { openInWorkerd } from "./workerd.ts";

const MAX_PIPELINES = 100;

export async function openDelivery() {
  const queues = Array.from({ length: MAX_PIPELINES }, (_, n) => {
    return [queueBinding(`p${n}`), { type: "queue" as const, name: `weir-p${n}` }] as const;
  });
  const { ask, close } = await openInWorkerd("delivery", Object.fromEntries(queues));
  return {
    /** One batch of new events, that each of so many pipelines wants; `bare` writes their rows and no more. */
    batch: (work: "nothing" | "bare" | "route", events: number, pipelines: number) =>
      ask<{ roundTrips: number }>(`/${work}?events=${events}&pipelines=${pipelines}`),
    close,
  };
}
