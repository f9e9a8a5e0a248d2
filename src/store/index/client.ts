// The index of one collection over all its shards: sets go to the shard of their object, questions to all shards, whose
// lists are merged and fused here. Sets may be moving to another number of shards (rebuild.ts): each answer of a shard says
// so, and a set then goes to both places.
import { FailureError } from "../../shapes/failure.ts";
import type { SetKey } from "../../shapes/item.ts";
import { logWarning } from "../../shapes/log.ts";
import {
  type IndexState,
  MAX_RANKED,
  type SearchAnswer,
  type SearchSettings,
  spaceId,
} from "../../shapes/search.ts";
import { parseItemId, setId } from "../collections/ids.ts";
import { cutPage } from "../page.ts";
import type { Indexed, IndexQuery, IndexSet, OrderQuery, SearchIndex } from "./contract.ts";
import { type FusedHit, fusePage, type PageQuestion, placeOf } from "./fuse.ts";
import { firstPlaces } from "./order.ts";
import { objectNumber, packSet } from "./pack.ts";
import {
  type IndexShard,
  type ShardAnswer,
  type ShardLayout,
  type ShardNumber,
  type ShardQuestion,
  type ShardRanking,
  shardOf,
} from "./shard.ts";

/** Reaches one shard of a collection's index. */
export type ReachShard = (shard: number) => IndexShard;

/** Times that a call follows sets that move. */
const MAX_MOVES = 3;

/** An answer of one shard. */
interface FromShard {
  shard: number;
  ranking: ShardRanking;
}

export class IndexClient implements SearchIndex {
  readonly #reach: ReachShard;
  readonly #text: readonly string[] | undefined;
  #layout: ShardLayout;

  constructor(reach: ReachShard, { shards, text }: Pick<SearchSettings, "shards" | "text">) {
    this.#reach = reach;
    this.#text = text;
    this.#layout = { shards };
  }

  async replace(set: IndexSet, epoch?: number): Promise<Indexed> {
    for (let move = 0; move < MAX_MOVES; move++) {
      const { shards } = this.#layout;
      const answer = await this.#send(set, shards, epoch);
      this.#layout = answer.layout;
      if (answer.result === "elsewhere" || answer.result === "unknown") continue;
      const { next } = answer.layout;
      if (next !== undefined && next !== shards) await this.#send(set, next, epoch);
      return answer.result === "superseded" ? "superseded" : "stored";
    }
    throw new FailureError({
      kind: "unavailable",
      detail: "the index's sets are being moved",
      retry_after_seconds: 5,
    });
  }

  /** Sends a set to its place among so many shards. A shard that knows nothing yet is first given what shard 0 knows. */
  async #send(set: IndexSet, shards: number, epoch: number | undefined) {
    const place = { shard: shardOf(objectNumber(set.set), shards), shards };
    const shard = this.#reach(place.shard);
    let answer: Awaited<ReturnType<IndexShard["replace"]>> = { result: "unknown", layout: { shards } };
    for (const part of packSet(set, this.#text)) {
      answer = await shard.replace({ ...part, epoch }, place);
      if (answer.result === "unknown") {
        const layout = await this.#reach(0).layout(shards);
        await shard.setLayout(layout);
        return { result: "elsewhere" as const, layout };
      }
      if (answer.result !== "staged") break;
    }
    return answer;
  }

  remove: SearchIndex["remove"] = (set, order, lineage) => this.replace({ set, order, lineage, items: [] });

  async query(query: IndexQuery): Promise<SearchAnswer> {
    const after = query.after === undefined ? undefined : placeOf(query.after);
    if (query.after !== undefined && !after)
      throw new FailureError({
        kind: "invalid",
        detail: "the cursor is not one of this list",
        where: "cursor",
      });
    const { text, vectors = [] } = query;
    const counted = query.vectors !== undefined;
    const isListing = text === undefined && vectors.length === 0;
    const byObject = query.group === "object";
    const question: ShardQuestion = {
      ...{ text, vectors, counted, byObject, filter: query.filter, min_score: query.min_score },
      explain: query.explain ?? false,
      ranked: isListing ? query.limit + 1 : MAX_RANKED,
      ...(isListing && after && { listAfter: after.item }),
    };
    const names = [...vectors.map(({ space }) => spaceId(space)), "text", "list"];
    const page: PageQuestion = { byObject, ranked: question.ranked, names, limit: query.limit, after };
    const { answered, missing, shards } = await this.#askAll(question, page);
    const { hits, next } = answered[0]?.ranking.page ?? (await this.#pageOf(page, question, answered));
    return {
      hits,
      ...(next !== undefined && { next }),
      left_out: {
        items: answered.reduce((sum, { ranking }) => sum + ranking.leftOut.items, 0),
        spaces: [
          ...new Map(
            answered.flatMap(({ ranking }) => ranking.leftOut.spaces).map((space) => [spaceId(space), space]),
          ).values(),
        ],
      },
      index: { ...stateOf(answered.map(({ ranking }) => ranking.state)), shards, missing_shards: missing },
    };
  }

  /** Fuses what the shards have ranked, and reads the page where its items are. */
  async #pageOf(page: PageQuestion, question: ShardQuestion, answered: readonly FromShard[]) {
    const { hits, next } = fusePage(
      answered.flatMap(({ ranking }) => ranking.legs),
      page,
    );
    return { hits: await this.#read(hits, question, answered), next };
  }

  /** Asks every shard; more of them where shard 0 knows that sets are spread otherwise. One alone gives the page itself. */
  async #askAll(
    question: ShardQuestion,
    page: PageQuestion,
  ): Promise<{ answered: FromShard[]; missing: number; shards: number }> {
    for (let move = 1; ; move++) {
      const { shards } = this.#layout;
      const answers = await this.#each(shards, (shard) =>
        shard.rank(shards === 1 ? { ...question, page } : question),
      );
      const layout = answers.map((answer) => ("value" in answer ? layoutIn(answer.value) : undefined))[0];
      if (layout && layout.shards !== shards && move < MAX_MOVES) {
        this.#layout = layout;
        continue;
      }
      const answered = answers.flatMap((answer, shard) => {
        if (!("value" in answer)) return [];
        if ("failure" in answer.value) throw new FailureError(answer.value.failure);
        return [{ shard, ranking: answer.value }];
      });
      return { answered, missing: shards - answered.length, shards };
    }
  }

  /** Calls every shard at once; one that does not answer is left out, and logged. */
  async #each<T>(
    shards: number,
    call: (shard: IndexShard) => Promise<T>,
  ): Promise<({ value: T } | { error: unknown })[]> {
    return Promise.all(
      Array.from({ length: shards }, (_, shard) =>
        call(this.#reach(shard)).then(
          (value) => ({ value }),
          (error: unknown) => {
            logWarning("index.silent", { shard, error: String(error) });
            return { error };
          },
        ),
      ),
    );
  }

  async #read(hits: readonly FusedHit[], question: ShardQuestion, answered: readonly FromShard[]) {
    const holders = new Map<string, number>();
    for (const { shard, ranking } of answered)
      for (const { items } of ranking.legs) for (const item of items) holders.set(item, shard);
    const byShard = Map.groupBy(hits, ({ item }) => holders.get(item) ?? 0);
    const read = await Promise.all(
      [...byShard].map(([shard, own]) => this.#reach(shard).read(own, question)),
    );
    const byItem = new Map(read.flat().map((hit) => [hit.item, hit]));
    // What was replaced since it was ranked is left out.
    return hits.flatMap(({ item }) => byItem.get(item) ?? []);
  }

  async sorted({ limit, ...query }: OrderQuery) {
    // One more, which says whether there is another page.
    const answers = await this.#all((shard) => shard.sorted({ ...query, count: limit + 1 })).catch(
      (error: unknown) => {
        logWarning("index.silent", { error: String(error) });
        throw new FailureError({
          kind: "unavailable",
          detail: "a part of the index does not answer, and a sorted list needs all of it",
          retry_after_seconds: 5,
        });
      },
    );
    const parts = answers.map((answer) => {
      if ("failure" in answer) throw new FailureError(answer.failure);
      return answer;
    });
    const places = firstPlaces(parts, query.order.descending, limit + 1);
    const page = cutPage(places, limit);
    return { items: page.rows.map(({ item }) => item), ...(page.last && { next: page.last }) };
  }

  async spaces() {
    const all = await this.#all((shard) => shard.spaces());
    const bySpace = Map.groupBy(all.flat(), ({ space }) => spaceId(space));
    return [...bySpace.values()].flatMap((parts) => {
      const [first] = parts;
      return first
        ? [{ space: first.space, vectors: parts.reduce((sum, { vectors }) => sum + vectors, 0) }]
        : [];
    });
  }

  vectorsOf: SearchIndex["vectorsOf"] = async (like) => {
    if (!parseItemId(like.item)) return [];
    return (await this.#all((shard) => shard.vectorsOf(like))).flat();
  };

  itemsOf: SearchIndex["itemsOf"] = async (object) =>
    (await this.#all((shard) => shard.itemsOf(object))).flat();

  orders: SearchIndex["orders"] = async (sets) => {
    const { shards } = await this.#known();
    const packed = sets.map((set) => ({ set, shard: shardOf(objectNumber(set), shards) }));
    const found = new Map<unknown, Awaited<ReturnType<SearchIndex["orders"]>>[number]>();
    await Promise.all(
      [...Map.groupBy(packed, ({ shard }) => shard)].map(async ([shard, own]) => {
        const orders = await this.#reach(shard).orders(own.map(({ set }) => setId(set)));
        own.forEach(({ set }, i) => void found.set(set, orders[i] ?? { order: 0, items: 0 }));
      }),
    );
    return sets.map((set) => found.get(set) ?? { order: 0, items: 0 });
  };

  /** Numbers of the sets that the index has items of, after an id up to and with another; or of one set alone. */
  async numbers(after: string, to: string | undefined, only?: string): Promise<ShardNumber[]> {
    return (await this.#all((shard) => shard.numbers(after, to, only))).flat();
  }

  /** Removes a set that the collection does not know. */
  async forget(set: SetKey): Promise<void> {
    await this.#all((shard) => shard.forget(setId(set)));
  }

  comparedTo = (): Promise<string> => this.#reach(0).comparedTo();
  keepCompared = (id: string): Promise<void> => this.#reach(0).keepCompared(id);

  async state() {
    const { shards } = await this.#known();
    const answers = await this.#each(shards, (shard) => shard.state());
    const states = answers.flatMap((answer) => ("value" in answer ? [answer.value] : []));
    return { ...stateOf(states), shards, missing_shards: shards - states.length };
  }

  /** Asks every shard, and fails where one does not answer. */
  async #all<T>(call: (shard: IndexShard) => Promise<T>): Promise<T[]> {
    const { shards } = await this.#known();
    return Promise.all(Array.from({ length: shards }, (_, shard) => call(this.#reach(shard))));
  }

  async #known(): Promise<ShardLayout> {
    const { layout } = await this.#reach(0).state();
    if (layout) this.#layout = layout;
    return this.#layout;
  }
}

const layoutIn = (answer: ShardAnswer) => ("layout" in answer ? answer.layout : undefined);

/** State of all shards together. */
function stateOf(states: readonly IndexState[]): IndexState {
  const sum = (count: (state: IndexState) => number) => states.reduce((all, state) => all + count(state), 0);
  const newest = states.flatMap((state) => state.newest ?? []).sort();
  return {
    sets: sum(({ sets }) => sets),
    items: sum(({ items }) => items),
    vectors: sum(({ vectors }) => vectors),
    newest: newest.at(-1) ?? null,
    building: states.find(({ building }) => building)?.building ?? null,
  };
}
