// The view of replays and audits: the selection, the plan and the progress of each.
import { h } from "./dom.js";
import { bytes, clock, dollars, duration, plural } from "./format.js";
import { listView } from "./ledger.js";
import { factsList, objectName, status } from "./parts.js";

/** @typedef {import("./api.js").Replay} Replay */
/** @typedef {import("./route.js").Route} Route */

const ENDED_STATUSES = /** @type {const} */ (["succeeded", "skipped", "dead", "cancelled"]);

/**
 * @param {import("./api.js").Read} read
 * @param {Route} route
 * @returns {Promise<import("./api.js").Page<Replay>>}
 */
export const loadReplays = (read, { cursor }) => read("/v1/replays", { limit: 20, cursor });

/**
 * @param {import("./api.js").Page<Replay>} page
 * @param {Route} route
 * @param {Date} now
 */
export const replaysView = (page, route, now) =>
  listView("Replays", "No replays yet. `npx weir replay create` makes one.", page, route, (replay) =>
    replayView(replay, now),
  );

/** @param {Replay} replay @param {Date} now */
function replayView(replay, now) {
  const { id, request, plan, progress, phase } = replay;
  const ended = progress.enqueued - progress.open;
  const facts = {
    replay: h("code", {}, id),
    pipelines: request.aliases.join(", "),
    filter: request.filter && h("code", {}, JSON.stringify(request.filter)),
    plan: phase === "planning" ? `${planText(plan)} so far` : planText(plan),
    replaces:
      plan.replaces.items > 0 &&
      `${plural(plan.replaces.items, "item")} of ${plural(plan.replaces.objects, "object")}`,
    "handlers take":
      plan.seconds !== null && plan.seconds > 0 && `about ${duration(plan.seconds * 1000)}, as past runs did`,
    costs:
      plan.cost !== null &&
      plan.cost.usd.high > 0 &&
      `about ${dollars(plan.cost.usd.mean)}, ${dollars(plan.cost.usd.low)} to ${dollars(plan.cost.usd.high)}`,
    progress: !request.dry_run && progress.planned !== null && `${ended} of ${progress.planned}`,
    rate: replay.status === "active" && ended > 0 && `${progress.per_second} a second`,
    left: progress.seconds_left !== null && duration(progress.seconds_left * 1000),
    began: replay.created_at && clock(replay.created_at, now),
    ended: replay.ended_at && clock(replay.ended_at, now),
  };
  const counts = ENDED_STATUSES.flatMap((name) => (progress[name] > 0 ? [status(name, progress[name])] : []));
  return h(
    "li",
    { key: id, class: "run" },
    h(
      "h4",
      {},
      status(request.dry_run && replay.status === "done" ? "planned" : replay.status),
      selectionText(request.select),
      h("span", { class: "counts" }, ...counts),
    ),
    !request.dry_run &&
      progress.planned !== null &&
      progress.planned > 0 &&
      h("progress", { value: ended, max: progress.planned, "aria-label": `Done of ${id}` }),
    factsList(facts),
    plan.sample.length > 0 &&
      h(
        "details",
        {},
        h("summary", {}, plan.sample.length < plan.objects ? "Some of its objects" : "Its objects"),
        h(
          "ul",
          { class: "reasons" },
          ...plan.sample.map((object) =>
            h(
              "li",
              { key: `${object.alias} ${object.bucket}/${object.key}` },
              status(object.why.replaceAll("_", " ")),
              h("strong", {}, object.alias),
              objectName(object),
            ),
          ),
        ),
      ),
  );
}

/** @param {Replay["plan"]} plan */
const planText = ({ objects, bytes: size, passed_over }) =>
  [plural(objects, "object"), size > 0 && bytes(size), passed_over > 0 && `${passed_over} looked at and left`]
    .filter(Boolean)
    .join(", ");

/** A replay's selection in one line. @param {Replay["request"]["select"]} select */
function selectionText(select) {
  switch (select.kind) {
    case "drift":
      return `Audit${select.prefix ? ` of ${select.prefix}` : ""}`;
    case "listing":
      return `Listing${select.prefix ? ` of ${select.prefix}` : ""}`;
    case "stale":
      return "Stale items";
    case "produced_by":
      return `Made by ${[select.version, select.commit, select.model].filter(Boolean).join(", ")}`;
    case "events":
      return [
        "Events",
        select.status,
        select.since && `since ${select.since}`,
        select.until && `until ${select.until}`,
      ]
        .filter(Boolean)
        .join(" ");
  }
}
