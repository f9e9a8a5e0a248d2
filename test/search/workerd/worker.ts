// Speaks to real shards of an index, beside their own class: one call of the index for each request, and what a test of
// exactness needs: many vectors that follow from a seed, and the same question asked by brute force.
import type { NewItem } from "../../../src/shapes/item.ts";
import { IndexClient } from "../../../src/store/index/client.ts";
import type { IndexShard } from "../../../src/store/index/shard.ts";
import { matchOf } from "../../../src/store/index/words.ts";
import { SearchShard } from "../../../workers/search/worker.ts";
import type { IndexCall, ShardClass } from "./call.ts";
import { bruteForce, type Fill, indexSet, type Probe, queryOf } from "./vectors.ts";

/** A shard that also runs the bare statement that its words are found by, for a comparison of times. */
class ProbedShard extends SearchShard {
  bare(text: string): number {
    const match = matchOf(text) ?? "";
    const sql = "SELECT rowid, bm25(words) AS score FROM words WHERE words MATCH ? ORDER BY score LIMIT 1000";
    return this.ctx.storage.sql.exec(sql, match).toArray().length;
  }

  /** The object and all that it holds go, as if they had never been. */
  async vanish(): Promise<void> {
    await this.ctx.storage.deleteAll();
    this.ctx.abort("vanished");
  }

  size(): number {
    return this.ctx.storage.sql.databaseSize;
  }
}

export { ProbedShard as SearchShard };

/** A shard that keeps next to nothing whole: it works by codes. */
export class CodedShard extends SearchShard {
  constructor(ctx: DurableObjectState, env: object) {
    super(ctx, { ...env, WHOLE_BYTES: "1" });
  }
}

type Bindings = Record<ShardClass, DurableObjectNamespace>;

export default {
  async fetch(request, env): Promise<Response> {
    const {
      collection,
      shards = 1,
      class: name = "SEARCH",
      call,
      args,
    } = (await request.json()) as IndexCall;
    const reach = (shard: number) => {
      const namespace = env[name];
      return namespace.get(namespace.idFromName(`${collection}/${shard}`)) as unknown as IndexShard;
    };
    const index = new IndexClient(reach, { shards });
    try {
      if (call === "fill") return Response.json(await fill(index, args[0] as Fill));
      if (call === "probe") return Response.json(await probe(index, args[0] as Fill, args[1] as Probe));
      if (call === "bare" || call === "size") {
        const shard = reach(0) as unknown as Record<
          "bare" | "size",
          (...given: unknown[]) => Promise<number>
        >;
        return Response.json(await shard[call](...args));
      }
      if (call === "queries") {
        // Each question must be answered; what it finds is another test's.
        for (const text of args as string[]) await index.query({ text, group: "item", limit: 5 });
        return Response.json({});
      }
      const work = index[call] as (...given: unknown[]) => Promise<unknown>;
      return Response.json((await work.apply(index, args.map(revived))) ?? null);
    } catch (error) {
      const failure = (error as { failure?: unknown }).failure ?? null;
      return Response.json(
        { error: String((error as Error).stack), failure },
        { status: failure ? 400 : 500 },
      );
    }
  },
} satisfies ExportedHandler<Bindings>;

/** Arguments with their vectors as vectors. */
function revived(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(revived);
  if (typeof value !== "object" || value === null) return value;
  const { values, items } = value as { values?: unknown; items?: NewItem[] };
  const copy = Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, revived(inner)]));
  if (Array.isArray(values)) copy.values = Float32Array.from(values as number[]);
  if ("frames" in value) {
    const { seconds, values: bytes } = value.frames as { seconds: number[]; values: number[] };
    copy.frames = { seconds, values: Int8Array.from(bytes) };
  }
  if (items) copy.items = items.map(revived);
  return copy;
}

async function fill(index: IndexClient, shape: Fill): Promise<{ ms: number }> {
  const began = Date.now();
  for (let set = 0; set < shape.sets; set++) await index.replace(indexSet(shape, set));
  return { ms: Date.now() - began };
}

/** Recall of queries against brute force, and the time that each took in the index. */
async function probe(index: IndexClient, shape: Fill, { queries, filter, part, limit = 10 }: Probe) {
  let recall = 0;
  let ms = 0;
  for (let n = 0; n < queries; n++) {
    const values = queryOf(shape, n);
    const space = { path: "embedding", model: "m", definition: "d", dimensions: shape.dimensions };
    const began = Date.now();
    const answer = await index.query({ vectors: [{ space, values }], group: "item", limit, filter });
    ms += Date.now() - began;
    const due = bruteForce(shape, values, limit, part);
    const found = new Set(answer.hits.map(({ item }) => item));
    recall +=
      due.length === 0 ? Number(found.size === 0) : due.filter((item) => found.has(item)).length / due.length;
  }
  return { recall: recall / queries, ms: ms / queries };
}
