// Parts that several views share: a status, an object's name, a list of facts, a failure, links between pages.
import { h } from "./dom.js";
import { linkTo } from "./route.js";

/**
 * @param {string} name
 * @param {number} [count]
 */
export const status = (name, count) =>
  h("span", { class: "chip", "data-status": name }, count === undefined ? name : `${count} ${name}`);

/** @param {string} name */
export const collectionLink = (name) => h("a", { href: linkTo({ view: "collections", id: name }) }, name);

/** @param {{ bucket: string, key: string }} object */
export const objectName = ({ bucket, key }) =>
  key === ""
    ? h("span", { class: "object quiet" }, "payload without an object")
    : h("span", { class: "object" }, h("span", { class: "quiet" }, `${bucket}/`), key);

/** @param {import("./api.js").Run["failure"] & {}} failure */
export function failureView({ kind, detail, where, expected, next }) {
  const rows = Object.entries({ where, expected, next }).filter(([, value]) => value !== undefined);
  return h(
    "div",
    { class: "failure" },
    h("p", {}, h("strong", {}, kind.replaceAll("_", " ")), " ", detail),
    rows.length > 0 &&
      h("dl", {}, ...rows.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
  );
}

/**
 * Draws links to a list's first and next page; null where it has only one page.
 * @param {import("./route.js").Route} route
 * @param {string | undefined} next
 */
export function pager(route, next) {
  const { cursor, item: _item, collection: _collection, ...here } = route;
  if (cursor === undefined && next === undefined) return null;
  return h(
    "nav",
    { class: "pager", "aria-label": "Pages" },
    cursor !== undefined && h("a", { href: linkTo(here) }, "First page"),
    next !== undefined && h("a", { href: linkTo({ ...here, cursor: next }) }, "Next page"),
  );
}

/**
 * Draws facts by their names, without those that have no value.
 * @param {Record<string, import("./dom.js").Child>} facts
 */
export function factsList(facts) {
  const shown = Object.entries(facts).filter(
    ([, value]) => value !== undefined && value !== null && value !== false && value !== "",
  );
  return h(
    "dl",
    { class: "facts" },
    ...shown.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
  );
}
