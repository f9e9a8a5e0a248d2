// Routes of the page: the address's fragment names the view, so that every view has a link and the browser's back button
// works: `#/events/evt_1?collection=data_bucket&item=itm_2`.

export const VIEWS = /** @type {const} */ ({
  events: "Events",
  collections: "Collections",
  replays: "Replays",
  "dead-letters": "Dead letters",
  rejections: "Rejections",
});

/** @typedef {keyof typeof VIEWS} View */
/**
 * `collection` and `item` open the lineage of an item beside the view; `cursor` is the page of a list. A collection is
 * asked for words `q`, or for more `like` an item, among what passes a `filter` (JSON); `play` is the hit that is open.
 * @typedef {{ view: View, id?: string, cursor?: string, collection?: string, item?: string, q?: string, like?: string, filter?: string, play?: string }} Route
 */

/**
 * Reads a route from an address's fragment; an unknown view is that of events.
 * @param {string} hash
 * @returns {Route}
 */
export function routeOf(hash) {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const [view = "", id] = path.split("/", 2);
  if (!Object.hasOwn(VIEWS, view)) return { view: "events" };
  const parameters = new URLSearchParams(query);
  const options = Object.fromEntries(
    ["cursor", "collection", "item", "q", "like", "filter", "play"].flatMap((name) => {
      const value = parameters.get(name);
      return value ? [[name, value]] : [];
    }),
  );
  return { view: /** @type {View} */ (view), ...(id && { id: decoded(id) }), ...options };
}

/**
 * Makes the link to a route.
 * @param {Route} route
 */
export function linkTo({ view, id, ...rest }) {
  const query = new URLSearchParams(Object.entries(rest)).toString();
  return `#/${view}${id ? `/${encodeURIComponent(id)}` : ""}${query && `?${query}`}`;
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
