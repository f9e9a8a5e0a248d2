// Replays as people manage them: create, describe, pause, resume, cancel. The work of a replay is in advance.ts.

import type { z } from "zod";
import { aliasesOf } from "../dispatch/pipelines.ts";
import { compileRequested } from "../query/filters.ts";
import type { RouteDeps } from "../routing/route.ts";
import { costOf } from "../shapes/cost.ts";
import { FailureError, notFound } from "../shapes/failure.ts";
import { logWarning } from "../shapes/log.ts";
import { emptyPlan, type ReplayRequest, type replaySchema } from "../shapes/replay.ts";
import {
  changeBudget,
  changeStatus,
  getReplay,
  insertReplay,
  MAX_OPEN_REPLAYS,
  type ReplayRecord,
  type ReplayStatus,
} from "../store/ledger/replays.ts";
import { openStores } from "../store/stores.ts";
import { endIfDone, sendReplay } from "./advance.ts";
import { totals } from "./plan.ts";
import { progressOf } from "./progress.ts";

/** Creates a replay and sends it on its way. @throws FailureError for an unknown pipeline or a filter that is none */
export async function createReplay(
  body: z.infer<typeof replaySchema>,
  deps: RouteDeps,
): Promise<ReplayRecord> {
  const aliases = body.aliases ?? deps.pipelines.all.map(({ alias }) => alias);
  const unknown = aliases.filter((alias) => !deps.pipelines.get(alias));
  if (unknown.length > 0) {
    throw notFound(`pipeline ${unknown.join(", ")}`, {
      where: "aliases",
      expected: aliasesOf(deps.pipelines),
    });
  }
  if (body.filter) compileRequested(body.filter);
  const request: ReplayRequest = { ...body, aliases: [...new Set(aliases)] };
  const now = deps.now();
  const replay: ReplayRecord = {
    id: `rpl_${crypto.randomUUID().replaceAll("-", "")}`,
    status: "active",
    phase: "planning",
    request,
    plan: emptyPlan(),
    cursor: null,
    page: 0,
    created_at: now,
    moved_at: now,
    ended_at: null,
  };
  if (!(await insertReplay(deps.env.ledger(), replay))) {
    throw new FailureError({
      kind: "conflict",
      detail: `There are ${MAX_OPEN_REPLAYS} replays that are active or paused, which is as many as there may be.`,
      next: "Wait until some are done, or cancel what is no longer needed: weir replay list.",
    });
  }
  await sendReplay(replay, deps).catch(logLeft);
  return replay;
}

/** A replay as people see it: its plan, and its progress as counted from its runs. */
export async function describeReplay(stored: ReplayRecord, deps: RouteDeps) {
  const replay = await endIfDone(stored, deps);
  const stores = openStores(deps);
  const { by_status, open } = await progressOf(stores, replay.id);
  const spent = replay.request.dry_run
    ? { runs: 0, measures: {} }
    : await stores.shards.replaySpending(replay.id);
  const enqueued = Object.values(by_status).reduce((sum, runs) => sum + runs, 0);
  const planned = replay.phase === "planning" ? null : replay.plan.objects;
  const ended = enqueued - open;
  const { stopped, ...plan } = replay.plan;
  const seconds = Math.max(1, ((replay.ended_at ?? deps.now()) - replay.created_at) / 1000);
  const secondsLeft = planned === null || ended === 0 ? null : ((planned - ended) * seconds) / ended;
  return {
    id: replay.id,
    status: replay.status,
    phase: replay.phase,
    request: replay.request,
    ...(replay.status === "paused" && stopped && { stopped }),
    plan: { ...plan, ...totals(plan) },
    spent_usd: costOf(spent.measures, spent.runs, deps.pipelines.prices),
    progress: {
      planned,
      enqueued,
      open,
      succeeded: by_status.succeeded ?? 0,
      skipped: by_status.skipped ?? 0,
      dead: by_status.dead ?? 0,
      cancelled: by_status.cancelled ?? 0,
      per_second: Number((ended / seconds).toFixed(2)),
      seconds_left: replay.status === "active" && secondsLeft !== null ? Math.round(secondsLeft) : null,
    },
    created_at: new Date(replay.created_at).toISOString(),
    ended_at: replay.ended_at === null ? null : new Date(replay.ended_at).toISOString(),
  };
}

const MOVES = {
  pause: { from: ["active"], to: "paused" },
  resume: { from: ["paused"], to: "active" },
  cancel: { from: ["active", "paused"], to: "cancelled" },
} as const satisfies Record<string, { from: ReplayStatus[]; to: ReplayStatus }>;

/** @throws FailureError `not_found`, or `conflict` where the replay is not in a state to be moved so */
export async function moveReplay(
  id: string,
  move: keyof typeof MOVES,
  deps: RouteDeps,
  budget_usd?: number,
): Promise<ReplayRecord> {
  const { from, to } = MOVES[move];
  if (budget_usd !== undefined) await changeBudget(deps.env.ledger(), id, budget_usd);
  const moved = await changeStatus(deps.env.ledger(), id, [...from], to, deps.now());
  const replay = await getReplay(deps.env.ledger(), id);
  if (!replay) throw notFound(`replay ${id.slice(0, 80)}`);
  if (!moved && replay.status !== to) {
    throw new FailureError({
      kind: "conflict",
      detail: `the replay is ${replay.status}`,
      expected: from.join(" or "),
    });
  }
  if (moved && to === "active") await sendReplay(replay, deps).catch(logLeft);
  return replay;
}

/** Notes a replay whose message could not be sent: it is on record, and the sweep sends another. */
const logLeft = (error: unknown) => logWarning("replay.left", { error: String(error) });
