// Explains why a pipeline ran, or did not run, for a recorded event: the filter of that time, judged by what was known
// then. Neighbours: routing/decide.ts decided, store/ledger/deployments.ts knows by which filters.
import { aliasesOf, type Pipelines } from "../dispatch/pipelines.ts";
import { compileFilter, explain, reasonOf, viewOf, viewOfPresent } from "../match/index.ts";
import type { PipelineConfig } from "../shapes/config.ts";
import { notFound } from "../shapes/failure.ts";
import { versionThen } from "../store/ledger/deployments.ts";
import type { EventStores } from "../store/stores.ts";
import { getEvent, listRuns, type RecordedEvent } from "./ledger.ts";

/** Runs of one event and pipeline that are listed: there is one, since a replay is an event of its own. */
const MAX_RUNS = 50;

/**
 * Explains an event and a pipeline. `verdict` is null where no filter was asked, and `reason` says why not.
 *
 * @throws FailureError `not_found` for an event or a pipeline that there is not, and was not then
 */
export async function explainDecision(
  stores: EventStores,
  eventId: string,
  alias: string,
  pipelines: Pipelines,
) {
  const event = await getEvent(stores, eventId);
  if (!event) throw notFound(`event ${eventId.slice(0, 120)}`);
  const [then, runs] = await Promise.all([
    versionThen(stores.ledger, event.outcome.deployment, alias),
    listRuns(stores, { event_id: eventId, alias }, { limit: MAX_RUNS }),
  ]);
  if (!then && !pipelines.get(alias)) {
    throw notFound(`pipeline ${alias.slice(0, 80)}, nor was there when the event was recorded`, {
      expected: aliasesOf(pipelines),
    });
  }
  return {
    event_id: event.id,
    alias,
    version: then?.version ?? null,
    filter: then?.config.source.filters ?? null,
    ...judge(event, alias, then?.config),
    runs: runs.data,
  };
}

/** What the filter of then says of an event, clause by clause. */
export function judge(event: RecordedEvent, alias: string, config: PipelineConfig | undefined) {
  const whyUnjudged = reasonUnjudged(event, alias, config);
  if (!config || whyUnjudged !== undefined) return { verdict: null, reason: whyUnjudged ?? "", clauses: [] };
  const { object, unseen } = event.outcome;
  const whole = { ...event, identities: [] };
  const view = object ? viewOfPresent(whole, object) : viewOf(whole);
  const explanation = explain(compileFilter(config.source.filters), view);
  const { verdict, clauses, note } = explanation;
  const reason = reasonOf(explanation);
  const isBack = event.type === "removed" && verdict === "unknown";
  return {
    verdict: isBack ? true : verdict,
    reason: isBack
      ? `${BACK} (${reason})`
      : verdict === "unknown" && unseen !== undefined
        ? `${unseen} (${reason})`
        : reason,
    clauses,
    ...(note !== undefined && { note }),
  };
}

const BACK =
  "an object was there after the removal: what its operation was, nobody says, and it counts as met";

/** Why the pipeline's filter had no say in the event, or undefined where it had. */
function reasonUnjudged(event: RecordedEvent, alias: string, config: PipelineConfig | undefined) {
  if (!config) {
    return event.outcome.deployment === undefined
      ? "which filters decided this event is not on record"
      : `there was no pipeline ${alias} when this event was recorded; it was deployed later`;
  }
  const source = config.source.connection_id;
  if (event.connection !== source)
    return `the event is of connection ${event.connection}, and ${alias} reads from ${source}`;
  const isOwn = event.outcome.matched.includes(alias);
  if (event.sender === "invoke") {
    return isOwn
      ? "a person asked for this run: filters are not consulted"
      : "a person asked for another pipeline: filters are not consulted";
  }
  if (event.sender === "replay") {
    return isOwn
      ? "a replay brought the object up again: the run judges it as it is then, and has the reason"
      : "a replay brought the object up again, for another pipeline";
  }
  if (event.type === "accessed" && !isOwn)
    return "an access changes nothing: it runs only what names it in its filter, by type or operation";
  if (event.type === "removed" && !event.outcome.object && event.outcome.unseen === undefined)
    return "the object was removed: no handler runs; items that it had are removed, unless on_delete is keep";
  return undefined;
}
