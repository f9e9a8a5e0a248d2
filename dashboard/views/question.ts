// The question that an address puts to a collection.
import type { SearchRequest } from "../../src/client/client.ts";
import { filterIn } from "../data/conditions.ts";
import type { Route } from "../data/route.ts";
import { picture } from "./picture.ts";

/** Hits of one page. */
const PAGE_HITS = 48;

/** The question of a route, without its page. */
export function questionOf({ query }: Route): SearchRequest {
  const { q, like, filter, group } = query;
  return {
    limit: PAGE_HITS,
    ...(like
      ? { like: { item: like } }
      : q
        ? { text: q }
        : picture.value && { image: { data: picture.value.data } }),
    ...(filter !== undefined && { filter: filterIn(filter) }),
    ...(group === "object" && { group }),
  };
}
