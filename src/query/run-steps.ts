// A run as a waterfall: what happened to its event, how long it waited, and what its last attempt did, as its report says.
import type { LogEntry, RunOnRecord } from "../store/log/contract.ts";

interface Step {
  name: string;
  at: string;
  seconds: number;
  bytes?: number;
  cached?: number;
  detail?: string;
}

const at = (ms: number) => new Date(ms).toISOString();
const secondsFrom = (from: number, to: number) => Math.max(0, to - from) / 1000;

/** Steps in order; a step may be within another, as calls of compute are within the handler. */
export function stepsOf(run: RunOnRecord, entry: LogEntry | null): Step[] {
  return [...(entry ? stepsOfEvent(run, entry) : []), ...stepsOfAttempt(run)];
}

function stepsOfEvent({ created_at, alias }: RunOnRecord, { event, outcome }: LogEntry): Step[] {
  const [time, received] = [Date.parse(event.time), Date.parse(event.received_at)];
  const isMatched = outcome.matched.includes(alias);
  return [
    {
      ...{ name: "happened", at: at(time), seconds: secondsFrom(time, received) },
      detail: `${event.operation}, by the clock of ${event.sender}`,
    },
    {
      ...{ name: "received", at: at(received), seconds: secondsFrom(received, created_at) },
      detail: `from ${event.sender}; until it was on record`,
    },
    ...(outcome.object ? [{ name: "looked up", at: at(received), seconds: 0, detail: LOOKED_UP }] : []),
    {
      ...{ name: "decided", at: at(created_at), seconds: 0 },
      detail: isMatched ? "the filter passed it" : "not by the filter: the pipeline had items of the object",
    },
  ];
}

const LOOKED_UP = "the filter needed what the event does not say; when, is not on record";

function stepsOfAttempt({
  history,
  created_at,
  started_at,
  ended_at,
  attempt,
  steps = [],
}: RunOnRecord): Step[] {
  const waits = history.filter(({ status }) => status === "queued" || status === "pending");
  const last = waits.at(-1)?.at ?? created_at;
  const waited = started_at === null ? undefined : secondsFrom(last, started_at);
  return [
    ...waits.slice(0, -1).map((state) => ({ name: state.status, at: at(state.at), seconds: 0 })),
    { name: waits.at(-1)?.status ?? "queued", at: at(last), seconds: waited ?? 0 },
    ...(started_at === null
      ? []
      : [
          {
            ...{
              name: "started",
              at: at(started_at),
              seconds: secondsFrom(started_at, ended_at ?? started_at),
            },
            detail: `attempt ${attempt}${ended_at === null ? ", under way" : ""}`,
          },
        ]),
    ...steps.map(({ at: began, ms, ...step }) => ({ ...step, at: at(began), seconds: ms / 1000 })),
  ];
}

/** Lines of the log with their times, and the failure as the last of them. */
export function logsOf({ log, log_at = [], failure, started_at, ended_at, created_at }: RunOnRecord) {
  const began = started_at ?? created_at;
  const lines = log.map((text, line) => ({ at: at(log_at[line] ?? began), level: "info" as const, text }));
  if (!failure) return lines;
  const where = failure.where === undefined ? "" : ` ${failure.where}`;
  return [...lines, { at: at(ended_at ?? began), level: "error" as const, text: failure.detail + where }];
}
