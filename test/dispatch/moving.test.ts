// The router's queues while a ledger of the release before is on its way into the shards, and afterwards: what cannot be
// done yet comes again, and what jobs of that release report reaches their runs under the ids that these have now.
import { beforeEach, describe, expect, test } from "vitest";
import { moveLedger } from "../../src/cron/move-ledger.ts";
import { openPipelines } from "../../src/dispatch/pipelines.ts";
import { getDeadLetter } from "../../src/query/dead-letters.ts";
import { getRun } from "../../src/query/ledger.ts";
import { consume } from "../../src/queue/consume.ts";
import { endIfDone } from "../../src/replay/advance.ts";
import type { RouterDeps } from "../../src/routing/deps.ts";
import { connectionsSchema } from "../../src/shapes/connection.ts";
import { runId } from "../../src/shapes/event-id.ts";
import type { Report } from "../../src/shapes/run.ts";
import { getReplay } from "../../src/store/ledger/replays.ts";
import { finishPlaced } from "../../src/store/moving/old-jobs.ts";
import { currentIdOf, fillOld, type GivenEvent, NOW, REPLAY } from "../store/moving-given.ts";
import { oldRunIdOf } from "../store/moving-snapshot.ts";
import { openD1InNode } from "../support/d1-in-node.ts";
import { type LedgerInNode, openLedger } from "../support/ledger.ts";
import { openMapBucket } from "../support/map-bucket.ts";

let ledger: LedgerInNode;
let given: GivenEvent[];
beforeEach(async () => {
  const { db } = openD1InNode();
  const { bucket } = openMapBucket(NOW);
  given = await fillOld(db, bucket, { hot: 36, archived: 6 });
  ledger = openLedger({ ledger: db, archive: bucket });
});

const connections = connectionsSchema.parse({
  connections: { c: { kind: "r2", buckets: ["bucket"], events: [{ scheme: "r2-queue" }] } },
});
const deps = () =>
  ({ env: ledger.env, connections, pipelines: openPipelines([]), now: () => NOW }) as unknown as RouterDeps;

async function move(): Promise<void> {
  for (const minute of [0, 1, 2])
    await moveLedger({ ...deps(), connections: { connections: {} }, now: () => NOW + minute * 60_000 });
}

async function deliver(queue: string, body: unknown): Promise<"again" | "done"> {
  let verdict: "again" | "done" = "done";
  const message = { id: "m", timestamp: new Date(), attempts: 1, body, ack: () => undefined };
  const retry = () => {
    verdict = "again";
  };
  await consume(
    { queue, messages: [{ ...message, retry }] } as unknown as Parameters<typeof consume>[0],
    deps(),
  );
  return verdict;
}

const oneOf = (status: string) => {
  const found = given.find((one) => one.status === status && !one.archived && !one.replay);
  if (!found) throw new Error(status);
  return found.event;
};
const reportOn = (run_id: string): Report => ({
  ...{ run_id, attempt: 1, status: "succeeded", items: 3, version: "v2", commit: "c2" },
  ...{ started_at: NOW, ended_at: NOW + 5, stored_at: NOW + 5 },
});

describe("while the ledger of before is moved", () => {
  test("events, replays and dead jobs come again, and reports of runs that are on their way", async () => {
    const event = oneOf("queued");
    const fresh = { ...event, id: currentIdOf(event) };
    const notification = {
      ...{ account: "a", action: "PutObject", bucket: "bucket", object: { key: "k", size: 1, eTag: "e" } },
      eventTime: new Date(NOW).toISOString(),
    };
    const job = { run_id: oldRunIdOf(event), alias: "aa", event, cause: "matched", attempts_before: 0 };
    expect(await deliver("weir-events", fresh)).toBe("again");
    expect(await deliver("weir-r2-events", notification)).toBe("again");
    expect(await deliver("weir-events-dead", fresh)).toBe("again");
    expect(await deliver("weir-replays", { replay_id: REPLAY, page: 7 })).toBe("again");
    expect(await deliver("weir-aa-dead", { job, attempts: 3 })).toBe("again");
    expect(await deliver("weir-reports", reportOn(oldRunIdOf(event)))).toBe("again");
    await move();
    expect(await deliver("weir-events", fresh)).toBe("done");
    expect(await deliver("weir-reports", reportOn(oldRunIdOf(event)))).toBe("done");
    expect(await getRun(ledger, runId(fresh.id, "aa"))).toMatchObject({ status: "succeeded", items: 3 });
  });

  test("a replay whose runs are on their way does not end", async () => {
    await ledger.ledger.prepare("UPDATE replays SET phase = 'draining' WHERE status = 'active'").run();
    const replay = await getReplay(ledger.ledger, REPLAY);
    if (!replay) throw new Error("no replay");
    expect((await endIfDone(replay, deps())).status).toBe("active");
    await move();
    // Two of its runs are open.
    expect((await endIfDone(replay, deps())).status).toBe("active");
    for (const { event } of given.filter((one) => one.replay))
      await deliver("weir-reports", { ...reportOn(oldRunIdOf(event)), attempt: 2 });
    expect((await endIfDone(replay, deps())).status).toBe("done");
  });
});

describe("when it has been moved", () => {
  beforeEach(move);

  test("a dead job of before gets its letter under its new id", async () => {
    const event = oneOf("failed");
    const job = { run_id: oldRunIdOf(event), alias: "aa", event, cause: "matched", attempts_before: 0 };
    const failure = { kind: "timeout", detail: "slow" };
    expect(await deliver("weir-aa-dead", { job, attempts: 3, failure })).toBe("done");
    expect(await getDeadLetter(ledger, oldRunIdOf(event))).toMatchObject({
      ...{ run_id: runId(currentIdOf(event), "aa"), attempts: 3, failure },
    });
  });

  test("a pipeline's door passes on what no shard knows, and nothing else", async () => {
    const [known, old] = [oneOf("pending"), oneOf("queued")];
    const reports = [reportOn(runId(currentIdOf(known), "aa")), reportOn(oldRunIdOf(old))];
    const rest = await finishPlaced(ledger.shards, reports, NOW);
    expect(rest.map(({ run_id }) => run_id)).toEqual([oldRunIdOf(old)]);
    expect((await getRun(ledger, runId(currentIdOf(known), "aa")))?.status).toBe("succeeded");
    expect(await deliver("weir-reports", { kind: "finish", reports: rest })).toBe("done");
    expect((await getRun(ledger, oldRunIdOf(old)))?.status).toBe("succeeded");
  });
});
