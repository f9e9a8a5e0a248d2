// The search Worker: one Durable Object class, one object for each shard of a collection's index. It holds a copy of what
// the collection holds and can always be built again from it. store/index/client.ts speaks to it; nothing else does.
import { DurableObject } from "cloudflare:workers";
import type { ErasureScope } from "../../src/shapes/erasure.ts";
import { type Failure, FailureError } from "../../src/shapes/failure.ts";
import type { SetKey } from "../../src/shapes/item.ts";
import type { IndexState, SearchHit } from "../../src/shapes/search.ts";
import type { IndexedOrder, LikeVectors, SpaceVector } from "../../src/store/index/contract.ts";
import { type FusedHit, fusePage } from "../../src/store/index/fuse.ts";
import type { OrderPlace } from "../../src/store/index/order.ts";
import type { PackedPart } from "../../src/store/index/pack.ts";
import type {
  IndexShard,
  Rebuilding,
  ReplaceAnswer,
  ScopedSets,
  ShardAnswer,
  ShardLayout,
  ShardListing,
  ShardNumber,
  ShardPlace,
  ShardQuestion,
} from "../../src/store/index/shard.ts";
import { shardOf } from "../../src/store/index/shard.ts";
import { docOf, readHits } from "./hits.ts";
import { leftOut, rankLegs } from "./rank.ts";
import { ShardStore } from "./store.ts";

interface SearchBindings {
  /** Bytes of vectors that an object keeps whole in memory. */
  WHOLE_BYTES?: string;
}

/** Sets that one call of `prune` looks at. */
const PRUNE_SETS = 500;
/** Items of an object that are listed at most. */
const MAX_OBJECT_ITEMS = 10_000;

/** The class behind the `SEARCH` binding of the router and of every pipeline Worker. */
export class SearchShard extends DurableObject<SearchBindings> implements IndexShard {
  readonly #store = new ShardStore(
    this.ctx.storage,
    this.env.WHOLE_BYTES ? Number(this.env.WHOLE_BYTES) : undefined,
  );

  async replace(part: PackedPart, { shard, shards }: ShardPlace): Promise<ReplaceAnswer> {
    const layout = shard === 0 ? await this.layout(shards) : this.#layout();
    if (!layout) return { result: "unknown", layout: { shards } };
    // While sets move, they are brought under the number of shards that is to come.
    if (layout.shards !== shards && layout.next !== shards) return { result: "elsewhere", layout };
    return { result: this.#store.replace(part, part.epoch ?? this.#epoch()), layout };
  }

  async rank(question: ShardQuestion): Promise<ShardAnswer> {
    try {
      const memory = this.#store.memory();
      const mask = question.filter ? memory.columns.mask(question.filter) : undefined;
      const legs = rankLegs(this.#store, question, mask);
      const page = question.page && fusePage(legs, question.page);
      return {
        ...(page
          ? { legs: [], page: { hits: readHits(this.#store, page.hits, question), next: page.next } }
          : { legs }),
        leftOut: question.counted
          ? leftOut(
              memory,
              question.vectors.map(({ space }) => space),
              mask,
            )
          : { items: 0, spaces: [] },
        state: this.#state(),
        layout: this.#layout(),
      };
    } catch (error) {
      // A class does not travel between Workers; what it says does.
      if (error instanceof FailureError) return { failure: error.failure };
      throw error;
    }
  }

  async sorted(listing: ShardListing): Promise<OrderPlace[] | { failure: Failure }> {
    try {
      const { columns, orders } = this.#store.memory();
      return orders.places(listing, listing.filter && columns.mask(listing.filter));
    } catch (error) {
      if (error instanceof FailureError) return { failure: error.failure };
      throw error;
    }
  }

  async read(hits: FusedHit[], question: ShardQuestion): Promise<SearchHit[]> {
    return readHits(this.#store, hits, question);
  }

  async spaces() {
    return this.#store.memory().vectors.spaces();
  }

  async vectorsOf({ item, second }: LikeVectors): Promise<SpaceVector[]> {
    const found = docOf(this.#store, item);
    if (!found) return [];
    const nearest = new Map<string, SpaceVector & { distance: number }>();
    for (const row of this.#store.memory().vectors.ofDoc(found.id, found.doc)) {
      const isFrame = !Number.isNaN(row.second);
      // Without a second, the item's own vector; a frame only where it has none.
      const distance =
        second === undefined ? Number(isFrame) : isFrame ? Math.abs(row.second - second) : Number.MAX_VALUE;
      const name = JSON.stringify(row.space);
      if (distance < (nearest.get(name)?.distance ?? Number.POSITIVE_INFINITY))
        nearest.set(name, { space: row.space, values: Float32Array.from(row.values), distance });
    }
    return [...nearest.values()].map(({ space, values }) => ({ space, values }));
  }

  async itemsOf({ connection, bucket, key }: { connection?: string; bucket?: string; key: string }) {
    const rows = this.#store.sql
      .exec<{ name: string; docs: ArrayBuffer }>(
        `SELECT name, docs FROM sets WHERE head ->> '$.set.key' = ?1 AND items > 0 AND name < '~'
         AND (?2 IS NULL OR head ->> '$.set.connection' = ?2) AND (?3 IS NULL OR head ->> '$.set.bucket' = ?3)
         ORDER BY name`,
        ...[key, connection ?? null, bucket ?? null],
      )
      .toArray();
    const ids = rows.flatMap(({ name, docs }) =>
      Array.from({ length: docs.byteLength / 4 }, (_, position) => `itm_${name}_${position}`),
    );
    return ids
      .slice(0, MAX_OBJECT_ITEMS)
      .map((item) => ({ item, span: docOf(this.#store, item)?.span ?? null }));
  }

  async orders(ids: string[]): Promise<IndexedOrder[]> {
    return ids.map((id) => {
      const row = this.#store.set(id);
      return { order: row?.number ?? 0, items: row?.items ?? 0 };
    });
  }

  async numbers(after: string, to: string | undefined, only: string | undefined): Promise<ShardNumber[]> {
    return this.#store.sql
      .exec<{ name: string; head: string; number: number; items: number }>(
        `SELECT name, head, number, items FROM sets
         WHERE name > ?1 AND name <= ?2 AND name < '~' AND items > 0 AND (?3 IS NULL OR name = ?3) ORDER BY name`,
        ...[after, to ?? "~", only ?? null],
      )
      .toArray()
      .map(({ name, head, ...row }) => ({
        id: name,
        set: (JSON.parse(head) as { set: SetKey }).set,
        ...row,
      }));
  }

  async forget(id: string): Promise<void> {
    this.#store.removeAll([id]);
  }

  async setsOf(scope: ErasureScope, erasedAt: number, after: string, limit: number): Promise<ScopedSets> {
    return this.#store.setsOf(scope, erasedAt, after, limit);
  }

  async erase(ids: string[]): Promise<void> {
    this.#store.removeAll(ids);
    this.#store.purgeWords();
  }

  async comparedTo(): Promise<string> {
    return this.#store.meta("compared") ?? "";
  }

  async keepCompared(id: string): Promise<void> {
    this.#store.setMeta("compared", id);
  }

  async state(): Promise<IndexState & { layout?: ShardLayout | undefined }> {
    return { ...this.#state(), layout: this.#layout() };
  }

  async layout(shards: number): Promise<ShardLayout> {
    const kept = this.#layout();
    if (!kept) await this.setLayout({ shards });
    return kept ?? { shards };
  }

  async setLayout(layout: ShardLayout & { epoch?: number | undefined }): Promise<void> {
    this.#store.setMeta("layout", JSON.stringify({ shards: layout.shards, next: layout.next }));
    if (layout.epoch !== undefined) this.#store.setMeta("epoch", String(layout.epoch));
  }

  async rebuilding(): Promise<Rebuilding | null> {
    return this.#rebuilding();
  }

  async keepRebuilding(progress: Rebuilding | null): Promise<void> {
    this.#store.setMeta("rebuilding", JSON.stringify(progress));
  }

  async prune(epoch: number, mine: ShardPlace): Promise<boolean> {
    const after = this.#store.meta("pruned") ?? "";
    const rows = this.#store.sql
      .exec<{ name: string; object: number; epoch: number; items: number }>(
        "SELECT name, object, epoch, items FROM sets WHERE name > ? AND name < '~' ORDER BY name LIMIT ?",
        ...[after, PRUNE_SETS],
      )
      .toArray();
    const gone = rows.filter(
      (set) => shardOf(set.object, mine.shards) !== mine.shard || (set.items > 0 && set.epoch < epoch),
    );
    this.#store.removeAll(gone.map(({ name }) => name));
    const isMore = rows.length === PRUNE_SETS;
    this.#store.setMeta("pruned", isMore ? (rows.at(-1)?.name ?? "") : "");
    return isMore;
  }

  #rebuilding(): Rebuilding | null {
    const kept = JSON.parse(this.#store.meta("rebuilding") ?? "null") as Rebuilding | null;
    // One that began before these were counted has neither.
    return kept && { ...kept, failed: kept.failed ?? 0, tries: kept.tries ?? 0 };
  }

  #epoch = () => Number(this.#store.meta("epoch") ?? 0);

  #layout(): ShardLayout | undefined {
    const kept = this.#store.meta("layout");
    return kept === undefined ? undefined : (JSON.parse(kept) as ShardLayout);
  }

  #state(): IndexState {
    const { catalog, vectors } = this.#store.memory();
    const [row] = this.#store.sql.exec<{ at: string }>(
      "SELECT at FROM sets WHERE name < '~' ORDER BY at DESC LIMIT 1",
    );
    const progress = this.#rebuilding();
    return {
      sets: catalog.liveSets,
      items: catalog.liveDocs,
      vectors: vectors.spaces().reduce((sum, space) => sum + space.vectors, 0),
      newest: row?.at ?? null,
      building: progress && {
        started_at: progress.started_at,
        sets: progress.sets,
        failed: progress.failed,
        after: progress.after ?? null,
      },
    };
  }
}

export default {
  fetch(): Response {
    const detail =
      "This Worker has no routes. Ask a collection at POST /v1/collections/{name}/search of the router.";
    const problem = { type: "about:blank", title: "Not Found", status: 404, detail };
    return Response.json(problem, { status: 404, headers: { "content-type": "application/problem+json" } });
  },
} satisfies ExportedHandler<SearchBindings>;
