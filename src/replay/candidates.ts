// Candidates of a replay from the ledger, in pages: objects of recorded events, or objects by what produced their items.
import { runId } from "../shapes/event-id.ts";
import type { Candidate } from "../shapes/replay.ts";
import type { RunStatus } from "../shapes/run.ts";
import type { LogEntry } from "../store/log/contract.ts";
import { cutPage } from "../store/page.ts";
import type { EventStores } from "../store/stores.ts";

/** One page of candidates. */
export interface CandidatePage {
  candidates: Candidate[];
  passed_over: number;
  next?: string;
}

/** Objects of a connection's events, each once, by its newest event of the period. */
export async function eventsPage(
  { log, shards }: EventStores,
  query: {
    alias: string;
    connection: string;
    since?: string | undefined;
    until?: string | undefined;
    status?: RunStatus | undefined;
  },
  cursor: string | undefined,
  limit: number,
): Promise<CandidatePage> {
  const { alias, connection, status } = query;
  const range = { connection, since: ms(query.since), until: ms(query.until), without: "replay" } as const;
  const { entries, next } = await log.walkObjects(range, cursor, limit);
  const open = status === undefined ? [] : await shards.runsOf(entries.map(({ event }) => event.id));
  const statuses = new Map(open.map((run) => [run.id, run.status]));
  const hasStatus = ({ event, runs }: LogEntry) =>
    status === undefined ||
    (statuses.get(runId(event.id, alias)) ?? runs.find((run) => run.alias === alias)?.status) === status;
  const candidates = entries.filter(hasStatus).map(({ event }): Candidate => {
    const { id: replay_of, bucket, key, size, etag } = event;
    const sizeAndEtag = { ...(size !== undefined && { size }), ...(etag !== undefined && { etag }) };
    return { connection, bucket, key, why: "selected", ...sizeAndEtag, replay_of };
  });
  return { candidates, passed_over: 0, ...(next !== undefined && { next }) };
}

const ms = (time: string | undefined) => (time === undefined ? undefined : Date.parse(time));

/** What produced the items: any version but this one, or all that is named of version, commit and model. */
export type Producer =
  | { kind: "not_version"; value: string }
  | {
      kind: "made_by";
      version?: string | undefined;
      commit?: string | undefined;
      model?: string | undefined;
    };

/** Objects of a pipeline whose items have this producer. */
export async function producedPage(
  { shards }: Pick<EventStores, "shards">,
  alias: string,
  producer: Producer,
  cursor: string | undefined,
  limit: number,
): Promise<CandidatePage> {
  const after = cursor === undefined ? undefined : (JSON.parse(cursor) as [string, string, string]);
  const by =
    producer.kind === "not_version"
      ? { not_version: producer.value }
      : { version: producer.version, commit: producer.commit, model: producer.model };
  const tracked = await shards.tracked({ alias, ...by, after, limit: limit + 1 });
  const { rows, last } = cutPage(tracked, limit);
  const candidates = rows.map(({ connection, bucket, key, size, etag }): Candidate => {
    const sizeAndEtag = { ...(size !== null && { size }), ...(etag !== null && { etag }) };
    return { connection, bucket, key, why: "selected", ...sizeAndEtag };
  });
  return {
    candidates,
    passed_over: 0,
    ...(last && { next: JSON.stringify([last.bucket, last.key, last.connection]) }),
  };
}
