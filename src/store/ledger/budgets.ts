// Budgets of pipelines: what each has spent today, and the pause that holds its runs back until tomorrow once that is as
// much as it may. The ledger's Worker adds a batch's spending and says whether another may begin; each minute the router
// ends pauses that are over (cron/budgets.ts).
import type { D1Database } from "@cloudflare/workers-types";
import { endPause } from "./pauses.ts";
import type { Shards } from "./shards.ts";

const DAY_MS = 86_400_000;
/** Days of which spending is kept. */
const KEEP_DAYS = 60;
const MICROS = 1e6;

export const dayOf = (now: number): number => Math.floor(now / DAY_MS);

/** A pipeline and what it may spend on a day, by UTC. */
export interface DailyBudget {
  alias: string;
  usd_per_day: number;
}

interface Books {
  ledger: D1Database;
  shards: Pick<Shards, "unsent" | "release">;
}

/**
 * Whether a batch may begin. Where the budget is spent the pipeline is paused, and the batch's runs wait with the others:
 * nobody else has them any more.
 */
export async function mayBegin(
  { ledger, shards }: Books,
  budget: DailyBudget,
  runIds: string[],
  now: number,
): Promise<boolean> {
  const row = await ledger.prepare(SQL.spent).bind(budget.alias, dayOf(now)).first<{ usd_micros: number }>();
  if ((row?.usd_micros ?? 0) < budget.usd_per_day * MICROS) return true;
  await pauseSpent(ledger, budget, (row?.usd_micros ?? 0) / MICROS, now);
  await shards.unsent(runIds, now);
  return false;
}

/** Adds what a batch has spent, and pauses the pipeline once that is as much as it may. */
export async function spendOf(
  ledger: D1Database,
  budget: DailyBudget,
  usd: number,
  now: number,
): Promise<void> {
  const { results } = await ledger
    .prepare(SQL.spend)
    .bind(budget.alias, dayOf(now), Math.ceil(usd * MICROS))
    .all<{ usd_micros: number }>();
  const spent = (results[0]?.usd_micros ?? 0) / MICROS;
  if (spent >= budget.usd_per_day) await pauseSpent(ledger, budget, spent, now);
}

async function pauseSpent(
  ledger: D1Database,
  { alias, usd_per_day }: DailyBudget,
  spent: number,
  now: number,
): Promise<void> {
  const reason = `its budget is spent: $${Number(spent.toPrecision(4))} of $${usd_per_day} today (UTC); its runs wait until tomorrow, or until budget.usd_per_day is raised`;
  await ledger.prepare(SQL.pause).bind(alias, reason, now, dayOf(now)).run();
}

/** What pipelines with a budget have spent today, dollars by alias. */
export async function listSpentToday(ledger: D1Database, now: number): Promise<Map<string, number>> {
  const { results } = await ledger
    .prepare(SQL.today)
    .bind(dayOf(now))
    .all<{ alias: string; usd_micros: number }>();
  return new Map(results.map(({ alias, usd_micros }) => [alias, usd_micros / MICROS]));
}

/** Ends pauses of a day that is over, or of a budget that was raised or taken away. Returns which pipelines go on. */
export async function resumeWithin(
  { ledger, shards }: Books,
  budgetOf: (alias: string) => number | undefined,
  now: number,
): Promise<string[]> {
  const today = dayOf(now);
  const { results } = await ledger.prepare(SQL.pauses).all<{ alias: string; budget_day: number }>();
  if (results.length === 0) return [];
  const spent = await listSpentToday(ledger, now);
  const resumed = results
    .filter(({ alias, budget_day }) => {
      const budget = budgetOf(alias);
      return budget === undefined || budget_day < today || (spent.get(alias) ?? 0) < budget;
    })
    .map(({ alias }) => alias);
  for (const alias of resumed) {
    await endPause(ledger, alias);
    await shards.release(alias, now);
  }
  return resumed;
}

/** Forgets days that nobody looks at any more. */
export async function forgetSpent(ledger: D1Database, now: number): Promise<void> {
  await ledger
    .prepare(SQL.forget)
    .bind(dayOf(now) - KEEP_DAYS)
    .run();
}

const SQL = {
  spent: "SELECT usd_micros FROM budgets WHERE alias = ?1 AND day = ?2",
  spend: `
    INSERT INTO budgets (alias, day, usd_micros) VALUES (?1, ?2, ?3)
    ON CONFLICT (day, alias) DO UPDATE SET usd_micros = usd_micros + excluded.usd_micros RETURNING usd_micros`,
  pause: `
    INSERT INTO paused (alias, reason, at, budget_day) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (alias) DO NOTHING`,
  pauses: "SELECT alias, budget_day FROM paused WHERE budget_day IS NOT NULL",
  today: "SELECT alias, usd_micros FROM budgets WHERE day = ?1",
  forget: "DELETE FROM budgets WHERE day < ?1",
};
