// The search of a collection: the box, the filters as chips, the hits as a grid of thumbnails, and the player of the hit
// that is open. Everything that is asked is in the address, so that an answer has a link.
import { question } from "./api.js";
import { h } from "./dom.js";
import { plural, position, preview } from "./format.js";
import { linkTo } from "./route.js";

/** @typedef {import("./api.js").SearchAnswer} SearchAnswer */
/** @typedef {import("./api.js").SearchHit} SearchHit */
/** @typedef {import("./route.js").Route} Route */
/** @typedef {Record<string, unknown>} Filter */

const HITS = 24;
/** Time for which an answer is shown before the collection is asked again, ms. */
const FRESH_MS = 15_000;

/** The last answer, by what was asked. @type {{ name: string, at: number, answer: SearchAnswer } | undefined} */
let last;

/** @param {Route} route */
export const isSearch = ({ q, like, filter }) =>
  q !== undefined || like !== undefined || filter !== undefined;

/**
 * Asks a collection what the route says; undefined where it says nothing.
 * @param {string} collection
 * @param {Route} route
 */
export async function loadSearch(collection, route) {
  if (!isSearch(route)) return undefined;
  const { q, like, cursor } = route;
  const body = {
    limit: HITS,
    ...(like ? { like: { item: like } } : q ? { text: q } : {}),
    ...(route.filter && { filter: filterIn(route) }),
    ...(cursor && { cursor }),
  };
  const name = JSON.stringify([collection, body]);
  const isFresh = last && Date.now() - last.at < FRESH_MS;
  // A film that plays keeps its address: another signature of it would begin it anew.
  if (last?.name === name && (isFresh || route.play !== undefined)) return last.answer;
  const path = `/v1/collections/${encodeURIComponent(collection)}/search`;
  const answer = /** @type {SearchAnswer} */ (await question(path, body));
  last = { name, at: Date.now(), answer };
  return answer;
}

/**
 * The filter of a route; none where its text is no filter, which the router would refuse.
 * @param {Route} route
 * @returns {Filter}
 */
function filterIn({ filter }) {
  try {
    const value = JSON.parse(filter ?? "{}");
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}

/**
 * The route with a condition added, or one taken away.
 * @param {Route} route
 * @param {string} name
 * @param {unknown} [value] undefined takes the condition away
 * @returns {Route}
 */
export function withCondition(route, name, value) {
  const { cursor: _cursor, play: _play, ...here } = route;
  const conditions = new Map(conditionsIn(filterIn(route)));
  conditions.delete(name);
  if (value !== undefined) conditions.set(name, [value]);
  /** @type {Filter} */
  const filter = {};
  for (const [path, condition] of conditions) {
    const steps = path.split(".");
    const leaf = steps.pop() ?? "";
    let at = filter;
    for (const step of steps) at = /** @type {Filter} */ ((at[step] ??= {}));
    at[leaf] = condition;
  }
  const { filter: _filter, ...rest } = here;
  return conditions.size > 0 ? { ...rest, filter: JSON.stringify(filter) } : rest;
}

/**
 * Each condition of a filter with its dotted name.
 * @param {Filter} filter
 * @param {string} [above]
 * @returns {[string, unknown][]}
 */
function conditionsIn(filter, above = "") {
  return Object.entries(filter).flatMap(([name, value]) => {
    const path = above === "" ? name : `${above}.${name}`;
    const isTable = typeof value === "object" && value !== null && !Array.isArray(value);
    return isTable && name !== "$or"
      ? conditionsIn(/** @type {Filter} */ (value), path)
      : [/** @type {[string, unknown]} */ ([path, value])];
  });
}

/**
 * Draws the box and the chips of a collection.
 * @param {string} collection
 * @param {Route} route
 */
export function searchBox(collection, route) {
  const { q, like } = route;
  const { like: _like, cursor: _cursor, play: _play, ...unlike } = route;
  const conditions = conditionsIn(filterIn(route));
  return h(
    "form",
    { class: "search", role: "search", "data-search": collection, key: `search-${collection}` },
    h("label", { for: "words", class: "quiet" }, "Search"),
    h("input", {
      id: "words",
      name: "words",
      type: "search",
      value: q ?? "",
      placeholder: "words, as you would say them",
      autocomplete: "off",
    }),
    h("input", {
      name: "condition",
      "aria-label": "Add a filter",
      placeholder: "filter: data.speaker=anna",
      autocomplete: "off",
    }),
    h("button", { type: "submit" }, "Search"),
    h(
      "p",
      { class: "chips" },
      like !== undefined && chip("like an item", linkTo(unlike)),
      ...conditions.map(([name, condition]) =>
        chip(`${name}: ${conditionText(condition)}`, linkTo(withCondition(route, name))),
      ),
    ),
  );
}

/** @param {unknown} condition */
const conditionText = (condition) =>
  Array.isArray(condition) && condition.every((value) => typeof value !== "object")
    ? condition.join(" or ")
    : preview(condition, 60);

/** @param {string} text @param {string} without */
const chip = (text, without) =>
  h("a", { class: "chip", href: without, "aria-label": `Take away ${text}` }, text, h("span", {}, " ×"));

/**
 * Draws what was found, with the player of the hit that the route opens.
 * @param {string} collection
 * @param {SearchAnswer} answer
 * @param {Route} route
 */
export function hitsView(collection, { hits, left_out, index }, route) {
  const played = hits.find(({ item }) => item === route.play);
  return h(
    "div",
    { key: "hits" },
    h(
      "p",
      { class: "quiet", role: "status" },
      hits.length === 0 ? "Nothing is found." : plural(hits.length, "hit"),
      left_out.items > 0 && `, ${plural(left_out.items, "item")} could not be compared`,
      index.building && ", the index is being built anew",
      ...left_out.spaces.map(({ why }) => h("span", { class: "why" }, why)),
    ),
    played && player(played, route),
    h("ul", { class: "hits" }, ...hits.map((hit) => hitView(collection, hit, route))),
  );
}

/** @param {string} collection @param {SearchHit} hit @param {Route} route */
function hitView(collection, hit, route) {
  const { item, object, second, score, data, highlights, links } = hit;
  const { cursor: _cursor, play: _play, q: _q, ...here } = route;
  const title = second === null ? object.key : `${object.key} at ${position(second)}`;
  const picture = own(links.thumbnail);
  return h(
    "li",
    { key: item, "aria-current": item === route.play && "true" },
    h(
      "a",
      { class: "shot", href: linkTo({ ...route, play: item }), "aria-label": `Show ${title}` },
      picture
        ? h("img", { src: picture, alt: "", loading: "lazy" })
        : h("span", { class: "quiet" }, "no picture"),
      second !== null && h("span", { class: "second" }, position(second)),
    ),
    h(
      "p",
      { class: "object" },
      object.key,
      h("span", { class: "quiet" }, ` ${score.toFixed(score < 0.1 ? 4 : 2)}`),
    ),
    highlights.length > 0
      ? h("p", { class: "words" }, ...highlights.flatMap((piece) => marked(piece)))
      : h("p", { class: "words quiet" }, preview(data, 80)),
    h(
      "p",
      { class: "more" },
      h("a", { href: linkTo({ ...here, like: item }) }, "More like this"),
      h("a", { href: linkTo(withCondition(route, "object.key", object.key)) }, "Only this object"),
      h("a", { href: linkTo({ ...route, collection, item }) }, "Lineage"),
    ),
  );
}

/**
 * A piece of text with its words marked.
 * @param {SearchHit["highlights"][number]} piece
 */
function marked({ text, marks }) {
  /** @type {import("./dom.js").Child[]} */
  const parts = [];
  let from = 0;
  for (const [start, end] of marks) {
    parts.push(text.slice(from, start), h("mark", {}, text.slice(start, end)));
    from = end;
  }
  return [...parts, `${text.slice(from)} `];
}

/** @param {SearchHit} hit @param {Route} route */
function player({ item, object, second, span, links }, route) {
  const { play: _play, ...closed } = route;
  // The page's policy lets it show what its own router serves: of a bucket elsewhere, the clip.
  const film = second === null ? undefined : (own(links.url, "/v1/objects/") ?? own(links.clip));
  const until = span ? `${position(span.start)}–${position(span.end)}` : "";
  return h(
    "figure",
    { class: "player", key: `play-${item}` },
    h("a", { class: "close", href: linkTo(closed) }, "Close"),
    film
      ? h("video", { class: "media", src: film, controls: true, autoplay: true, preload: "auto" })
      : h("img", {
          class: "media",
          src: own(links.url, "/v1/objects/") ?? own(links.thumbnail),
          alt: object.key,
        }),
    h("figcaption", {}, object.key, " ", h("span", { class: "quiet" }, until)),
  );
}

/**
 * The address of what the page's own router serves, on whatever name it is reached by.
 * @param {string | null} url
 * @param {string} [below]
 */
function own(url, below = "/v1/moments/") {
  const address = url === null ? null : URL.parse(url);
  if (!address?.pathname.startsWith(below)) return undefined;
  return address.pathname + address.search + address.hash;
}
