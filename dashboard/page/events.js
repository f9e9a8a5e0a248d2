// The view of events: their list, and one event with the decision of every filter. runs.js draws its runs.
import { h } from "./dom.js";
import { bytes, clock, plural, preview } from "./format.js";
import { factsList, objectName, pager, status } from "./parts.js";
import { linkTo } from "./route.js";
import { loadItemsOf, runView } from "./runs.js";

/** @typedef {import("./api.js").Event} Event */
/** @typedef {import("./api.js").Run} Run */
/** @typedef {import("./route.js").Route} Route */

/**
 * @param {import("./api.js").Read} read
 * @param {Route} route
 * @param {import("./overview.js").Overview} overview
 */
export async function loadEvents(read, { id, cursor }, { pipelines }) {
  const [list, open] = await Promise.all([
    /** @type {Promise<import("./api.js").Page<Event>>} */ (read("/v1/events", { limit: 50, cursor })),
    id === undefined ? undefined : loadEvent(read, id, pipelines),
  ]);
  return { list, open };
}

/**
 * @param {import("./api.js").Read} read
 * @param {string} id
 * @param {import("./api.js").Pipeline[]} pipelines
 */
async function loadEvent(read, id, pipelines) {
  const [event, runs] = await Promise.all([
    /** @type {Promise<Event>} */ (read(`/v1/events/${encodeURIComponent(id)}`)),
    /** @type {Promise<import("./api.js").Page<Run>>} */ (read("/v1/runs", { event_id: id, limit: 50 })),
  ]);
  const stored = await Promise.all(runs.data.map((run) => loadItemsOf(read, run, pipelines)));
  return { event, runs: runs.data.map((run, index) => ({ run, stored: stored[index] ?? null })) };
}

/**
 * @param {Awaited<ReturnType<typeof loadEvents>>} data
 * @param {Route} route
 * @param {import("./overview.js").Overview} overview
 * @param {Date} now
 */
export function eventsView({ list, open }, route, { runs }, now) {
  const byEvent = Map.groupBy(runs, (run) => run.event_id);
  return h(
    "div",
    { key: "events", class: "beside", "data-open": route.id !== undefined },
    h(
      "section",
      { id: "events", "aria-labelledby": "events-title" },
      h("h2", { id: "events-title" }, "Events"),
      list.data.length === 0
        ? h("p", { class: "empty" }, emptyText(route))
        : h(
            "ol",
            { class: "list" },
            ...list.data.map((event) => eventRow(event, byEvent.get(event.id) ?? [], route, now)),
          ),
      pager(route, list.next),
    ),
    open
      ? eventDetail(open, route, now)
      : h(
          "section",
          { class: "detail hint", "aria-label": "Event" },
          h("p", { class: "empty" }, "Choose an event to see why it ran what it ran, and what came of it."),
        ),
  );
}

/** @param {Route} route */
const emptyText = (route) =>
  route.cursor
    ? "No older events."
    : "No events yet. Put an object into a bucket that a connection names, or try " +
      "`npx weir put my.mp4 weir-media/my.mp4 --metadata foo=bar`.";

/**
 * @param {Event} event
 * @param {Run[]} runs
 * @param {Route} route
 * @param {Date} now
 */
function eventRow(event, runs, { id, cursor }, now) {
  const { matched, refused_count } = event.outcome;
  const outcome =
    runs.length > 0
      ? runs.map((run) => status(run.status))
      : h(
          "span",
          { class: "quiet" },
          matched.length ? plural(matched.length, "match") : `${refused_count} refused`,
        );
  return h(
    "li",
    { key: event.id },
    h(
      "a",
      {
        class: "row",
        href: linkTo({ view: "events", id: event.id, ...(cursor && { cursor }) }),
        "aria-current": event.id === id && "true",
      },
      h("time", { datetime: event.received_at }, clock(event.received_at, now)),
      h("span", { class: "type" }, event.sender === "replay" ? "replayed" : event.type),
      objectName(event),
      h("span", { class: "counts" }, outcome),
    ),
  );
}

/**
 * @param {Awaited<ReturnType<typeof loadEvent>>} open
 * @param {Route} route
 * @param {Date} now
 */
function eventDetail({ event, runs }, route, now) {
  const facts = {
    event: h("code", {}, event.id),
    "what happened": `${event.type} (${event.operation}), told by ${event.sender} for ${event.connection}`,
    happened: clock(event.time, now),
    received: clock(event.received_at, now),
    size: event.size === undefined ? undefined : bytes(event.size),
    etag: event.etag && h("code", {}, event.etag),
    version: event.version_id && h("code", {}, event.version_id),
    metadata: event.metadata && h("code", {}, preview(event.metadata, 400)),
    tags: event.tags && h("code", {}, preview(event.tags, 400)),
    payload: event.payload === undefined ? undefined : h("code", {}, preview(event.payload, 400)),
  };
  return h(
    "section",
    { key: event.id, class: "detail", "aria-labelledby": "event-title" },
    h("a", { class: "back", href: linkTo({ view: "events" }) }, "All events"),
    h("h2", { id: "event-title" }, objectName(event)),
    factsList(facts),
    h("h3", {}, "Outcome"),
    outcomeView(event.outcome),
    h("h3", {}, "Runs"),
    runs.length === 0
      ? h("p", { class: "empty" }, "This event made no runs.")
      : h("div", {}, ...runs.map(({ run, stored }) => runView(run, stored, route, now))),
  );
}

/** @param {Event["outcome"]} outcome */
function outcomeView({ matched, refused, refused_count }) {
  const hiddenCount = refused_count - refused.length;
  const rows = [
    ...matched.map((alias) => ({ alias, verdict: "matched", reason: "every condition is met" })),
    ...refused.map(({ alias, reason }) => ({ alias, verdict: "refused", reason })),
  ];
  if (rows.length === 0) return h("p", { class: "empty" }, "No filter was asked.");
  return h(
    "ul",
    { class: "reasons" },
    ...rows.map(({ alias, verdict, reason }) =>
      h("li", { key: alias }, status(verdict), h("strong", {}, alias), h("span", {}, reason)),
    ),
    hiddenCount > 0 && h("li", { class: "quiet" }, `and ${plural(hiddenCount, "more refusal")}`),
  );
}
