// The view of a run: its status, timings, log and failure, and the items of its object as they are now.
import { h } from "./dom.js";
import { clock, duration, plural } from "./format.js";
import { itemsView } from "./items.js";
import { collectionLink, factsList, failureView, status } from "./parts.js";

/** @typedef {import("./api.js").Run} Run */

/**
 * Loads the items that the collection now has of a run's object, stored by this run or a later one.
 * @param {import("./api.js").Read} read
 * @param {Run} run
 * @param {import("./api.js").Pipeline[]} pipelines
 */
export async function loadItemsOf(read, run, pipelines) {
  const pipeline = pipelines.find(({ alias }) => alias === run.alias);
  const { bucket, key } = run.object;
  if (!pipeline || !run.items || key === "") return null;
  const { collection } = pipeline.config.destination;
  /** @type {import("./api.js").Page<import("./api.js").Item>} */
  const page = await read(`/v1/collections/${encodeURIComponent(collection)}/items`, { key, limit: 100 });
  const items = page.data.filter((item) => item.pipeline === run.alias && item.object.bucket === bucket);
  return { collection, items, more: page.next !== undefined };
}

/**
 * @param {Run} run
 * @param {Awaited<ReturnType<typeof loadItemsOf>>} stored
 * @param {import("./route.js").Route} route
 * @param {Date} now
 */
export function runView(run, stored, route, now) {
  const facts = {
    run: h("code", {}, run.id),
    why: run.cause,
    waited: run.started_at && run.created_at && duration(between(run.created_at, run.started_at)),
    ran: run.started_at && duration(between(run.started_at, run.ended_at ?? now.toISOString())),
    ended: run.ended_at && clock(run.ended_at, now),
    items: run.items,
    code:
      run.version &&
      h("code", {}, `${run.version.slice(0, 8)} at ${run.commit?.slice(0, 12) || "no commit"}`),
    reason: run.reason,
  };
  return h(
    "article",
    { key: run.id, class: "run", "aria-label": `Run of ${run.alias}` },
    h(
      "h4",
      {},
      status(run.status),
      run.alias,
      h("span", { class: "quiet" }, run.attempt > 0 ? `attempt ${run.attempt}` : "not tried yet"),
    ),
    run.failure && failureView(run.failure),
    factsList(facts),
    run.log.length > 0 &&
      h(
        "details",
        {},
        h("summary", {}, `Log, ${plural(run.log.length, "line")}`),
        h("pre", { tabindex: 0 }, run.log.join("\n")),
      ),
    stored &&
      h(
        "div",
        {},
        h("h5", {}, "Items of this object now, in ", collectionLink(stored.collection)),
        itemsView(stored.collection, stored.items, route),
        stored.more && h("p", { class: "quiet" }, "More than these; the API has them all."),
      ),
  );
}

/** @param {string} from @param {string} to */
const between = (from, to) => Date.parse(to) - Date.parse(from);
