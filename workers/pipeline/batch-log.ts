// The log line of a batch: how many attempts ended how, and the attempts themselves, in trouble first. One line, since
// lines are what logs are paid by; every attempt is in the ledger too. Local work has more of each: people read along.
import type { Job } from "../../src/shapes/job.ts";
import { logInfo } from "../../src/shapes/log.ts";
import type { Attempted } from "./attempt.ts";

/** Attempts that a line names at most: a line holds 256 KB, and a key may be long. */
const MAX_NAMED_ATTEMPTS = 50;

/** Gathers the attempts of a batch; `write` logs its line, for local work with what failed and what was logged. */
export function batchLog(alias: string, isLocal = false): { add(done: Attempted): void; write(): void } {
  const attempts: ReturnType<typeof entryOf>[] = [];
  return {
    add: (done) => void attempts.push({ ...entryOf(done), ...(isLocal && detailsOf(done)) }),
    write() {
      if (attempts.length === 0) return;
      const counts = Object.entries(Object.groupBy(attempts, ({ status }) => status));
      const ended = Object.fromEntries(counts.map(([status, all]) => [status, all?.length ?? 0]));
      const named = attempts.toSorted((a, b) => Number(isQuiet(a)) - Number(isQuiet(b)));
      logInfo("attempts", { alias, ...ended, attempts: named.slice(0, MAX_NAMED_ATTEMPTS) });
    },
  };
}

const isQuiet = ({ next }: { next: Attempted["next"] }) => next === "done";

const detailsOf = ({ report: { failure, log } }: Attempted) => ({
  detail: failure?.detail,
  where: failure?.where,
  log,
});

/** Logs that a handler is called: should it never end, this is all that is known of it. */
export function logBegin({ run_id, alias, event: { bucket, key } }: Job): void {
  logInfo("attempt", { alias, run_id, bucket, key });
}

function entryOf({ job, attempt, report, next }: Attempted) {
  const { run_id, cause } = job;
  const { id: event_id, bucket, key } = job.event;
  const { status, version, items, reason, failure, started_at, ended_at = started_at } = report;
  const subject = { run_id, event_id, attempt, cause, bucket, key };
  return {
    ...subject,
    status,
    next,
    ms: ended_at - started_at,
    items,
    reason,
    failure: failure?.kind,
    version,
  };
}
