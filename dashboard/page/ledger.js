// The views of what went wrong: dead letters, and requests that the router's doors refused.
import { h } from "./dom.js";
import { clock, plural } from "./format.js";
import { failureView, objectName, pager } from "./parts.js";
import { linkTo } from "./route.js";

/** @typedef {import("./api.js").DeadLetter} DeadLetter */
/** @typedef {import("./api.js").Rejection} Rejection */
/** @typedef {import("./route.js").Route} Route */
/** @template T @typedef {import("./api.js").Page<T>} Page */

/**
 * @param {import("./api.js").Read} read
 * @param {Route} route
 * @returns {Promise<Page<DeadLetter>>}
 */
export const loadDeadLetters = (read, { cursor }) => read("/v1/dead-letters", { limit: 50, cursor });

/**
 * @param {Page<DeadLetter>} page
 * @param {Route} route
 * @param {Date} now
 */
export const deadLettersView = (page, route, now) =>
  listView(
    "Dead letters",
    "No dead letters: every run has ended well or is still being tried.",
    page,
    route,
    (letter) =>
      h(
        "li",
        { key: letter.run_id, class: "run" },
        h(
          "h4",
          {},
          letter.alias,
          h("a", { href: linkTo({ view: "events", id: letter.event_id }) }, objectName(letter.object)),
          h(
            "span",
            { class: "quiet" },
            `${plural(letter.attempts, "attempt")}, ${letter.at ? clock(letter.at, now) : ""}`,
          ),
        ),
        failureView(letter.failure),
      ),
  );

/**
 * @param {import("./api.js").Read} read
 * @param {Route} route
 * @returns {Promise<Page<Rejection>>}
 */
export const loadRejections = (read, { cursor }) => read("/v1/rejections", { limit: 50, cursor });

/**
 * @param {Page<Rejection>} page
 * @param {Route} route
 * @param {Date} now
 */
export const rejectionsView = (page, route, now) =>
  listView(
    "Rejections",
    "Nothing was refused.",
    page,
    route,
    ({ connection, scheme, failure, count, at, raw }) =>
      h(
        "li",
        { class: "run" },
        h(
          "h4",
          {},
          connection,
          h(
            "span",
            { class: "quiet" },
            `${scheme || "no scheme"}, ${plural(count, "time")}, ${at ? clock(at, now) : ""}`,
          ),
        ),
        failureView(failure),
        raw !== undefined &&
          h("details", {}, h("summary", {}, "What was sent"), h("pre", { tabindex: 0 }, raw)),
      ),
  );

/**
 * Draws a list of cards, one page of it.
 * @template T
 * @param {string} title
 * @param {string} empty
 * @param {Page<T>} page
 * @param {Route} route
 * @param {(entry: T) => HTMLElement} row
 */
export function listView(title, empty, { data, next }, route, row) {
  return h(
    "section",
    { key: route.view, "aria-labelledby": "list-title" },
    h("h2", { id: "list-title" }, title),
    data.length === 0 ? h("p", { class: "empty" }, empty) : h("ul", { class: "cards" }, ...data.map(row)),
    pager(route, next),
  );
}
