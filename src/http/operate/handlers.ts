// Handlers of the routes that operate Weir: replays and audits, redrives, pauses. They join routes to the parts that
// do the work.

import { pipelineByAlias } from "../../dispatch/pipelines.ts";
import { describeArchive, listExpired } from "../../query/archive.ts";
import { listReplays } from "../../query/replays.ts";
import { createReplay, describeReplay, moveReplay } from "../../replay/manage.ts";
import { cancelRun } from "../../routing/cancel-run.ts";
import type { RouterDeps } from "../../routing/deps.ts";
import { dispatchRuns } from "../../routing/route.ts";
import { notFound } from "../../shapes/failure.ts";
import { logWarning } from "../../shapes/log.ts";
import type { LetterChoice } from "../../store/ledger/contract.ts";
import { endPause, listPaused, pausePipeline } from "../../store/ledger/pauses.ts";
import { getReplay } from "../../store/ledger/replays.ts";
import { announceShards, describeShards } from "../../store/ledger/shard-count.ts";
import { currentIds } from "../../store/moving/old-ids.ts";
import { openStores } from "../../store/stores.ts";
import type { AuditDetail } from "../gate/gate.ts";
import type { OpenDeps, RouterApp } from "../router-app.ts";
import * as routes from "./routes.ts";

/** Dead letters that one redrive takes at most: as many as a request can hand over. */
const REDRIVE_LIMIT = 1000;

export function addOperateRoutes(app: RouterApp, open: OpenDeps): void {
  addLedgerRoutes(app, open);
  app.openapi(routes.createReplay, async (c) => {
    const deps = open(c);
    const replay = await createReplay(c.req.valid("json"), deps);
    const { select, aliases, dry_run } = replay.request;
    c.set("audit", { target: replay.id, detail: { select: select.kind, aliases, dry_run } });
    return c.json(await describeReplay(replay, deps), 202);
  });
  app.openapi(routes.audit, async (c) => {
    const deps = open(c);
    const { alias, prefix, repair, force } = c.req.valid("json");
    const select = { kind: "drift" as const, ...(prefix !== undefined && { prefix }) };
    const replay = await createReplay(
      { select, aliases: [alias], dry_run: !repair, ...(force && { force }) },
      deps,
    );
    c.set("audit", { target: alias, detail: { replay_id: replay.id, repair, force } });
    return c.json(await describeReplay(replay, deps), 202);
  });
  app.openapi(routes.replays, async (c) => {
    const deps = open(c);
    const { limit, cursor } = c.req.valid("query");
    const { rows, ...page } = await listReplays(deps.env.ledger(), { limit, cursor });
    const data = await Promise.all(rows.map((replay) => describeReplay(replay, deps)));
    return c.json({ data, ...page }, 200);
  });
  app.openapi(routes.replay, async (c) => {
    const deps = open(c);
    const { id } = c.req.valid("param");
    const replay = await getReplay(deps.env.ledger(), id);
    if (!replay) throw notFound(`replay ${id}`);
    return c.json(await describeReplay(replay, deps), 200);
  });
  app.openapi(routes.moveReplay, async (c) => {
    const deps = open(c);
    const { id, move } = c.req.valid("param");
    const { budget_usd } = c.req.valid("json");
    return c.json(await describeReplay(await moveReplay(id, move, deps, budget_usd), deps), 200);
  });

  app.openapi(routes.cancelRun, async (c) => {
    const { reason } = c.req.valid("json");
    return c.json(await cancelRun(c.req.valid("param").id, reason, open(c)), 200);
  });
  app.openapi(routes.redrive, async (c) => {
    const choice = c.req.valid("json");
    const redriven = await redrive(choice, open(c));
    c.set("audit", auditDetailOf(choice, redriven.redriven));
    return c.json(redriven, 200);
  });
  app.openapi(routes.drop, async (c) => {
    const deps = open(c);
    const { reason, ...choice } = await currentChoice(c.req.valid("json"), deps);
    const dropped = await openStores(deps).shards.drop(choice, reason, deps.now());
    c.set("audit", auditDetailOf(choice, dropped));
    return c.json({ dropped }, 200);
  });

  app.openapi(routes.pause, async (c) => {
    const deps = open(c);
    const { alias } = pipelineByAlias(c.req.valid("param").alias, deps.pipelines);
    const { reason } = c.req.valid("json");
    await pausePipeline(deps.env.ledger(), { alias, reason, at: deps.now() });
    return c.json({ alias, paused: true, reason }, 200);
  });
  app.openapi(routes.resume, async (c) => {
    const deps = open(c);
    const { alias } = pipelineByAlias(c.req.valid("param").alias, deps.pipelines);
    await endPause(deps.env.ledger(), alias);
    await openStores(deps).shards.release(alias, deps.now());
    return c.json({ alias, paused: false, reason: null }, 200);
  });
}

function addLedgerRoutes(app: RouterApp, open: OpenDeps): void {
  app.openapi(routes.ledger, async (c) => {
    return c.json(await describeShards(openStores(open(c))), 200);
  });
  app.openapi(routes.growLedger, async (c) => {
    const deps = open(c);
    const { shards } = c.req.valid("json");
    const before = await announceShards(openStores(deps), shards, deps.now());
    c.set("audit", { detail: { from: before, to: shards } });
    return c.json(await describeShards(openStores(deps)), 200);
  });
  app.openapi(routes.archive, async (c) => {
    const { env, connections } = open(c);
    return c.json(await describeArchive(env, connections), 200);
  });
  app.openapi(routes.expired, async (c) => {
    return c.json(await listExpired(open(c).env.ledger(), c.req.valid("query")), 200);
  });
}

/** The audit row's facts about dead letters: how they were chosen, and how many they were. */
const auditDetailOf = (
  { alias, kind, run_ids, all }: LetterChoice & { all?: true | undefined },
  count: number,
): AuditDetail => ({
  ...(alias !== undefined && { target: alias }),
  detail: { kind, all, run_ids: run_ids?.slice(0, 20), count },
});

/** A choice of letters with the ids that their runs have now. */
async function currentChoice<Choice extends LetterChoice>(
  choice: Choice,
  { env }: RouterDeps,
): Promise<Choice> {
  return choice.run_ids ? { ...choice, run_ids: await currentIds(env.ledger(), choice.run_ids) } : choice;
}

/** Opens the runs of dead letters again and hands them over; those of a paused pipeline wait. */
export async function redrive(choice: LetterChoice, deps: RouterDeps) {
  const { ledger, shards } = openStores(deps);
  const paused = (await listPaused(ledger)).map((pause) => pause.alias);
  const taken = await shards.redrive(await currentChoice(choice, deps), {
    now: deps.now(),
    limit: REDRIVE_LIMIT,
    paused,
  });
  const ready = taken.filter(({ waits }) => !waits);
  // The runs are open from here on, so that their shards send those that do not leave now.
  await dispatchRuns(ready, deps).catch((error: unknown) =>
    logWarning("redrive.left", { error: String(error) }),
  );
  const waiting = taken.length - ready.length;
  return { redriven: taken.length, waiting, run_ids: taken.map(({ run }) => run.run_id) };
}
