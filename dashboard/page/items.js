// The views of items: the items of one object as a strip of its time and a table, a collection's items by object, and
// an item's lineage, down to the object's version, the code and the model.
import { h, styled } from "./dom.js";
import { bytes, position, preview } from "./format.js";
import { mediaView } from "./media.js";
import { factsList, objectName, pager } from "./parts.js";
import { linkTo } from "./route.js";
import { hitsView, loadSearch, searchBox } from "./search.js";

/** @typedef {import("./api.js").Item} Item */
/** @typedef {import("./api.js").Lineage} Lineage */
/** @typedef {import("./route.js").Route} Route */

/**
 * @param {import("./api.js").Read} read
 * @param {Route} route
 */
export async function loadLineage(read, { collection, item }) {
  if (collection === undefined || item === undefined) return undefined;
  const path = `/v1/collections/${encodeURIComponent(collection)}/items/${encodeURIComponent(item)}`;
  const [stored, lineage] = await Promise.all([
    /** @type {Promise<Item>} */ (read(path)),
    /** @type {Promise<Lineage>} */ (read(`${path}/lineage`)),
  ]);
  return { collection, item: stored, lineage };
}

/**
 * @param {import("./api.js").Read} read
 * @param {Route} route
 * @param {import("./overview.js").Overview} overview
 */
export async function loadCollection(read, route, { pipelines }) {
  const { id, cursor } = route;
  const names = [...new Set(pipelines.map(({ config }) => config.destination.collection))].sort();
  const name = id ?? names[0];
  const found = name === undefined ? undefined : await loadSearch(name, route);
  /** @type {import("./api.js").Page<Item>} */
  const page =
    name && !found
      ? await read(`/v1/collections/${encodeURIComponent(name)}/items`, { limit: 100, cursor })
      : { data: [] };
  return { names, name, page, found };
}

/**
 * @param {Awaited<ReturnType<typeof loadCollection>>} data
 * @param {Route} route
 */
export function collectionView({ names, name, page, found }, route) {
  const objects = Map.groupBy(page.data, ({ pipeline, object }) =>
    JSON.stringify([pipeline, object.bucket, object.key]),
  );
  const here = { ...route, ...(name && { id: name }) };
  return h(
    "section",
    { key: `collection-${name}`, "aria-labelledby": "collection-title" },
    h("h2", { id: "collection-title" }, "Collections"),
    h(
      "nav",
      { class: "names", "aria-label": "Collections" },
      ...names.map((each) =>
        h(
          "a",
          { href: linkTo({ view: "collections", id: each }), "aria-current": each === name && "page" },
          each,
        ),
      ),
    ),
    name && searchBox(name, here),
    name && found && hitsView(name, found, here),
    !found && objects.size === 0 && h("p", { class: "empty" }, "This collection holds no items."),
    ...[...objects].map(([key, items]) =>
      h(
        "article",
        { key, class: "run" },
        h(
          "h4",
          {},
          items[0] && objectName(items[0].object),
          h("span", { class: "quiet" }, items[0]?.pipeline),
        ),
        name && itemsView(name, items, here),
      ),
    ),
    pager(here, found ? found.next : page.next),
  );
}

/**
 * Draws the items of one object: their spans and their data.
 * @param {string} collection
 * @param {Item[]} items
 * @param {Route} route
 */
export function itemsView(collection, items, route) {
  /** @param {Item} item */
  const link = (item) => ({
    href: linkTo({ ...route, collection, item: item.id }),
    "aria-current": item.id === route.item && "true",
  });
  if (items.length === 0) return h("p", { class: "empty" }, "None: they were replaced or removed since.");
  const heads = ["Item", "Span", "Vectors", "Data"];
  return h(
    "div",
    { class: "items" },
    strip(items, link),
    h(
      "div",
      { class: "scroll tall", tabindex: 0, role: "region", "aria-label": "Items" },
      h(
        "table",
        {},
        h("thead", {}, h("tr", {}, ...heads.map((head) => h("th", { scope: "col" }, head)))),
        h("tbody", {}, ...items.map((item) => itemRow(item, link(item)))),
      ),
    ),
  );
}

/** @param {Item} item @param {import("./dom.js").Attributes} link */
function itemRow(item, link) {
  const span = spanOf(item);
  return h(
    "tr",
    { key: item.id },
    h("th", { scope: "row" }, h("a", link, `#${item.position}`)),
    h("td", {}, span ? spanText(span) : ""),
    h("td", {}, ...item.vectors.map((vector) => h("div", {}, vectorText(vector)))),
    h("td", {}, h("code", {}, preview(dataOf(item)))),
  );
}

/**
 * Draws a bar for the object's whole time, with each item at its span; null where items have no spans.
 * @param {Item[]} items
 * @param {(item: Item) => import("./dom.js").Attributes} link
 */
function strip(items, link) {
  const spans = items.flatMap((item) => {
    const span = spanOf(item);
    return span ? [{ item, span }] : [];
  });
  const end = Math.max(0, ...spans.map(({ span }) => span.end));
  if (end === 0) return null;
  const percent = (/** @type {number} */ seconds) => `${((100 * seconds) / end).toFixed(3)}%`;
  return h(
    "figure",
    { class: "strip" },
    h(
      "div",
      { class: "bar" },
      ...spans.map(({ item, span }) => {
        const label = `Item ${item.position}, ${spanText(span)}`;
        const segment = h("a", { ...link(item), key: item.id, title: label, "aria-label": label });
        return styled(segment, { "--from": percent(span.start), "--size": percent(span.end - span.start) });
      }),
    ),
    h("figcaption", {}, h("span", {}, position(0)), h("span", {}, position(end))),
  );
}

/**
 * An item's data without the vectors of its first level, which have a column of their own.
 * @param {Item} item
 */
function dataOf({ data, vectors }) {
  const apart = new Set(vectors.map(({ path }) => path));
  return Object.fromEntries(Object.entries(data).filter(([name]) => !apart.has(name)));
}

/**
 * Span of an item: that of its vector, or the `start` and `end` in its data.
 * @param {Item} item
 */
function spanOf({ vectors, data }) {
  const { start, end } = vectors.find(({ span }) => span)?.span ?? data;
  if (typeof start !== "number" || typeof end !== "number") return undefined;
  return 0 <= start && start < end && Number.isFinite(end) ? { start, end } : undefined;
}

/** @param {{ start: number, end: number }} span */
const spanText = ({ start, end }) => `${position(start)}–${position(end)}`;

/** @param {Item["vectors"][number]} vector */
const vectorText = ({ path, dims, model }) =>
  `${path}: ${dims} numbers, ${model ?? "brought by the handler"}`;

/**
 * Draws an item's lineage, which stays open over any view until it is closed.
 * @param {NonNullable<Awaited<ReturnType<typeof loadLineage>>>} open
 * @param {Route} route
 * @param {Date} now
 */
export function lineageView({ collection, item, lineage }, route, now) {
  const { collection: _collection, item: _item, ...closed } = route;
  const { object, event, run, pipeline } = lineage;
  const facts = {
    item: h("code", {}, item.id),
    collection: `${collection}, position ${item.position}`,
    vectors:
      item.vectors.length > 0 &&
      h("ul", {}, ...lineage.vectors.map((vector) => h("li", {}, vectorText(vector)))),
    object: objectName(object),
    "object version": h(
      "code",
      {},
      [object.etag, object.version_id].filter(Boolean).join(" / ") || "unknown",
    ),
    size: object.size === null ? undefined : bytes(object.size),
    event: h("a", { href: linkTo({ view: "events", id: event.id }) }, h("code", {}, event.id)),
    "event time": event.time,
    run: h("code", {}, run.id),
    stored: run.stored_at,
    pipeline: pipeline.alias,
    "pipeline version": h("code", {}, pipeline.version),
    commit: h("code", {}, pipeline.commit || "none"),
  };
  return h(
    "aside",
    { key: `lineage-${item.id}`, class: "lineage", "aria-labelledby": "lineage-title" },
    h("a", { class: "close", href: linkTo(closed) }, "Close"),
    h("h2", { id: "lineage-title" }, "Lineage"),
    mediaView(object, spanOf(item), now),
    factsList(facts),
    h("h3", {}, "Data"),
    h("pre", { tabindex: 0 }, JSON.stringify(dataOf(item), null, 2)),
  );
}
