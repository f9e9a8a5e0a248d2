// Takes an erasure on, a page at a time, from wherever it stands: each page is noted, removed, and turned, and may be cut
// off anywhere. It goes through all stores, waits until what was on its way has arrived, and goes through them again.
import type { RouteDeps } from "../routing/route.ts";
import type { Receipt } from "../shapes/erasure.ts";
import { logError } from "../shapes/log.ts";
import { signReceipt } from "../shapes/receipt.ts";
import type { ErasableStore } from "../store/erasure/contract.ts";
import {
  countErased,
  countFound,
  type ErasureRecord,
  endErasure,
  getErasure,
  listFound,
  listOpen,
  noteFinds,
  noteTrouble,
  turnErasure,
} from "../store/erasure/record.ts";
import { openHasher } from "../store/erasure/tombstones.ts";
import { openErasable } from "./stores.ts";

/** Time after the first sweep in which all that was on its way ends, ms: a Worker, and a run, have 15 minutes at most. */
export const SETTLE_MS = 16 * 60_000;
/** Part of each minute that erasures may take, ms. */
const BUDGET_MS = 20_000;
/** Hashes of objects that a receipt lists; it counts all. */
const MAX_HASHES = 10_000;
const MAX_TROUBLE_CHARS = 500;

/** Takes erasures on that are not done, as far as there is time, the oldest first. */
export async function sweepErasures(deps: RouteDeps): Promise<void> {
  const until = deps.now() + BUDGET_MS;
  for (const erasure of await listOpen(deps.env.ledger())) {
    if (deps.now() >= until) return;
    await advanceErasure(erasure, deps, until);
  }
}

/** Takes an erasure on until a time. What fails is on record, and is tried again with the next call. */
export async function advanceErasure(
  erasure: ErasureRecord,
  deps: RouteDeps,
  until: number,
): Promise<ErasureRecord> {
  const ledger = deps.env.ledger();
  let at = erasure;
  try {
    const { stores, not_reached } = await openErasable(erasure, deps);
    while (isDue(at, deps.now())) {
      const to = await erasePage(at, stores, deps);
      if (to) await turnErasure(ledger, at, to, deps.now());
      else await end(at, not_reached, deps);
      at = (await getErasure(ledger, at.id)) ?? at;
      if (deps.now() >= until) break;
    }
  } catch (error) {
    logError("erasure.failed", { id: at.id, store: at.store, error: String(error) });
    await noteTrouble(ledger, at.id, String(error).slice(0, MAX_TROUBLE_CHARS));
    return (await getErasure(ledger, at.id)) ?? at;
  }
  return at;
}

/** When the second sweep begins, ms. */
export const settlesAt = ({ status, moved_at }: ErasureRecord): number | null =>
  status === "settling" ? moved_at + SETTLE_MS : null;

const isDue = (erasure: ErasureRecord, now: number) =>
  erasure.status === "sweeping" || (settlesAt(erasure) ?? Number.POSITIVE_INFINITY) <= now;

/** Does one page. Returns where the erasure stands then; undefined where that was the last. */
async function erasePage(at: ErasureRecord, stores: ErasableStore[], { env, now }: RouteDeps) {
  const { scope, erased_at, dry_run: dry, sweep, cursor } = at;
  // A store that is there no more has no place to go on from: the sweep begins again, and finds what is left.
  const number = Math.max(
    0,
    stores.findIndex(({ name }) => name === at.store),
  );
  const store = stores[number];
  if (!scope || !store) return undefined;
  const next = await store.erase({
    ...{ scope, erased_at, dry, again: sweep === 2, now: now() },
    at: store.name === at.store ? (cursor ?? undefined) : undefined,
    note: (finds) => noteFinds(env.ledger(), at, store.name, finds),
  });
  if (next !== undefined) return { status: "sweeping", sweep, store: store.name, cursor: next } as const;
  const following = stores[number + 1];
  if (following) return { status: "sweeping", sweep, store: following.name, cursor: null } as const;
  if (dry || sweep === 2) return undefined;
  return { status: "settling", sweep: 2, store: "", cursor: null } as const;
}

/** Ends an erasure with its receipt; a plan with its counts. */
async function end(at: ErasureRecord, not_reached: string[], { env, now }: RouteDeps): Promise<void> {
  const ledger = env.ledger();
  const [erased, count] = [await countErased(ledger, at.id), await countFound(ledger, at.id)];
  const ended_at = now();
  const hashes = at.dry_run ? [] : await hashesOf(at, env);
  const body = {
    version: 1,
    ...{ id: at.id, weir: env.setting("WEIR_URL") ?? "", commit: env.setting("WEIR_COMMIT") ?? "" },
    connection: at.connection,
    scope: { kind: at.scope?.key === undefined ? "prefix" : "key", hash: at.hash },
    ...{ began_at: new Date(at.erased_at).toISOString(), ended_at: new Date(ended_at).toISOString() },
    by: { key_id: at.key_id, key_name: at.key_name },
    ...{ objects: { count, hashes }, erased, not_reached },
  } as const;
  const receipt: Receipt | object = at.dry_run
    ? body
    : await signReceipt(env.required("WEIR_SIGNING_KEY"), body);
  await endErasure(ledger, at, receipt, ended_at);
}

async function hashesOf(at: ErasureRecord, env: RouteDeps["env"]): Promise<string[]> {
  const { objects } = await listFound(env.ledger(), at)(undefined, MAX_HASHES);
  const hasher = openHasher(env);
  return objects.map((object) => hasher.object(object)).sort();
}
