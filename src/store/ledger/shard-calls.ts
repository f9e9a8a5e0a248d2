// Calls to the shards of the ledger: one, those of some items, all at once, or one after the other.
import { keyBitsOfId, partsOfRun, shardOf } from "../../shapes/event-id.ts";
import { FailureError } from "../../shapes/failure.ts";
import { storeFailure } from "../failure.ts";
import type { ShardPeer } from "./contract.ts";

/** Where shards are called: a namespace of Durable Objects. */
export interface ShardNamespace {
  getByName(name: string): ShardPeer;
}

const NAME = "shard-";
export const shardName = (number: number): string => `${NAME}${number}`;
export const shardNumberOf = (name: string): number => Number(name.slice(NAME.length));

export type ShardCalls = ReturnType<typeof openCalls>;

export function openCalls(namespace: ShardNamespace, count: number) {
  const shard = (number: number) => namespace.getByName(shardName(number));
  const numbers = Array.from({ length: count }, (_, number) => number);
  const numberOfEvent = (eventId: string) => shardOf(keyBitsOfId(eventId), count);
  const numberOfRun = (run_id: string) => {
    const parts = partsOfRun(run_id);
    return parts && numberOfEvent(parts.event_id);
  };
  const onAll = <T>(call: (shard: ShardPeer) => Promise<T>) => settled(numbers.map((at) => call(shard(at))));
  /** One call for each shard that has some of the items. */
  const onTheirs = <Item, T>(
    items: Item[],
    numberOf: (item: Item) => number | undefined,
    call: (shard: ShardPeer, items: Item[]) => Promise<T>,
  ) =>
    settled(
      [...Map.groupBy(items, numberOf)].flatMap(([at, group]) =>
        at === undefined ? [] : [call(shard(at), group)],
      ),
    );
  /** One shard after the other, until enough is found. */
  const inTurn = async <T>(limit: number, call: (shard: ShardPeer, limit: number) => Promise<T[]>) => {
    const found: T[] = [];
    for (const at of numbers) {
      if (found.length >= limit) break;
      found.push(...(await settled([call(shard(at), limit - found.length)])).flat());
    }
    return found;
  };

  return { shard, numbers, numberOfEvent, numberOfRun, onAll, onTheirs, inTurn };
}

/** The results of all calls, when all have ended; the first error, where there is one, as a failure. */
export async function settled<T>(calls: Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(calls);
  return results.map((result) => {
    if (result.status === "rejected") throw new FailureError(storeFailure(result.reason));
    return result.value;
  });
}
