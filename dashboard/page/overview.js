// The overview above every view: the pipelines of this deployment with the statuses of their latest runs. The views
// below it look names up in its pipelines and runs.
import { h } from "./dom.js";
import { dollars } from "./format.js";
import { collectionLink, status } from "./parts.js";

/** Number of the latest runs that are counted. */
const COUNTED_RUNS = 100;

const STATUSES = ["running", "queued", "pending", "failed", "dead", "skipped", "cancelled", "succeeded"];

/** @param {import("./api.js").Read} read */
export async function loadOverview(read) {
  const [pipelines, runs, caller] = await Promise.all([
    /** @type {Promise<import("./api.js").Page<import("./api.js").Pipeline>>} */ (read("/v1/pipelines")),
    /** @type {Promise<import("./api.js").Page<import("./api.js").Run>>} */ (
      read("/v1/runs", { limit: COUNTED_RUNS })
    ),
    /** @type {Promise<import("./api.js").Caller>} */ (read("/v1/whoami")),
  ]);
  return { pipelines: pipelines.data, runs: runs.data, caller };
}
/** @typedef {Awaited<ReturnType<typeof loadOverview>>} Overview */

/** @param {Overview} overview */
export function overviewView({ pipelines, runs, caller }) {
  const heads = ["Pipeline", "Version", "Takes", "From", "Into", "Cost", `Latest ${COUNTED_RUNS} runs`];
  const rows = pipelines.map(({ alias, version, config, paused, cost }) =>
    h(
      "tr",
      { key: alias },
      h("th", { scope: "row" }, alias, paused && h("p", { class: "paused" }, `paused: ${paused.reason}`)),
      h("td", {}, h("code", { class: "clip", title: version }, version.slice(0, 8))),
      h("td", {}, h("code", { class: "clip" }, JSON.stringify(config.source.filters))),
      h("td", {}, config.source.connection_id),
      h("td", {}, collectionLink(config.destination.collection)),
      h("td", { title: `${cost.runs} runs, by list prices` }, dollars(cost.usd)),
      h("td", { class: "counts" }, counts(runs.filter((run) => run.alias === alias))),
    ),
  );
  return h(
    "section",
    { key: "overview", id: "overview", "aria-labelledby": "overview-title" },
    h("h2", { id: "overview-title" }, "Pipelines"),
    rows.length === 0
      ? h("p", { class: "empty" }, "No pipelines yet. Add one under pipelines/ and run `npx weir generate`.")
      : h(
          "div",
          { class: "scroll" },
          h(
            "table",
            {},
            h("thead", {}, h("tr", {}, ...heads.map((head) => h("th", { scope: "col" }, head)))),
            h("tbody", {}, ...rows),
          ),
        ),
    h("p", { class: "quiet" }, mayText(caller)),
  );
}

const SCOPES = ["read", "search", "invoke", "operate", "deploy"];

/**
 * The name of the key and its scopes, granted and missing. The page itself only reads.
 * @param {import("./api.js").Caller} caller
 */
function mayText({ name, scopes, expires_at }) {
  // What may read may search.
  const held = scopes.includes("read") ? [...scopes, "search"] : scopes;
  const missing = SCOPES.filter((scope) => !held.some((granted) => granted === scope));
  const may = `You look with the key ${name}, which may ${scopes.join(", ")}`;
  const until = expires_at === null ? "" : `, until ${expires_at}`;
  return `${may}${missing.length > 0 ? ` and may not ${missing.join(", ")}` : ""}${until}.`;
}

/** @param {import("./api.js").Run[]} runs */
function counts(runs) {
  const byStatus = Map.groupBy(runs, (run) => run.status);
  const chips = STATUSES.flatMap((name) => {
    const group = byStatus.get(/** @type {import("./api.js").Run["status"]} */ (name));
    return group ? [status(name, group.length)] : [];
  });
  return chips.length > 0 ? chips : h("span", { class: "quiet" }, "none");
}
