// Erasures as people manage them: begin one, or go on with it, and describe it. The work is in advance.ts.
import type { RouteDeps } from "../routing/route.ts";
import type { ErasureScope } from "../shapes/erasure.ts";
import { FailureError, notFound } from "../shapes/failure.ts";
import type { Caller } from "../shapes/key.ts";
import {
  countErased,
  countFound,
  type ErasureRecord,
  findOpen,
  insertErasure,
} from "../store/erasure/record.ts";
import { openHasher } from "../store/erasure/tombstones.ts";
import { describeMove } from "../store/moving/state.ts";
import { advanceErasure, settlesAt } from "./advance.ts";

/** Time that one request takes an erasure on for, ms. */
const REQUEST_MS = 8_000;

export type ErasureRequest = Omit<ErasureScope, "bucket"> & { bucket?: string | undefined; dry_run: boolean };

/**
 * Begins an erasure, or goes on with the one of the same scope that is under way, for some seconds.
 *
 * @throws FailureError `not_found` or `invalid` where connection and bucket name none; `conflict` while a ledger of before moves
 */
export async function beginErasure(
  { dry_run, ...request }: ErasureRequest,
  { id: key_id, name: key_name }: Pick<Caller, "id" | "name">,
  deps: RouteDeps,
): Promise<ErasureRecord> {
  const scope = { ...request, bucket: bucketOf(request, deps) };
  const ledger = deps.env.ledger();
  if (await describeMove(ledger))
    throw new FailureError({
      kind: "conflict",
      detail: "The ledger of the release before is still being moved, so that not all of it can be erased.",
      next: "Wait until `weir archive` no longer says so.",
    });
  const hash = openHasher(deps.env).scope(scope);
  const open = await findOpen(ledger, hash, dry_run);
  const erasure = open ?? {
    ...{
      id: `era_${crypto.randomUUID().replaceAll("-", "")}`,
      status: "sweeping" as const,
      dry_run,
      hash,
      scope,
    },
    ...{
      connection: scope.connection,
      key_id,
      key_name,
      sweep: 1 as const,
      store: "",
      cursor: null,
      page: 0,
    },
    ...{ erased_at: deps.now(), moved_at: deps.now(), ended_at: null, trouble: null, receipt: null },
  };
  if (!open) await insertErasure(ledger, erasure);
  return advanceErasure(erasure, deps, deps.now() + REQUEST_MS);
}

/** The bucket that is named, or the only one of the connection. */
function bucketOf(
  { connection, bucket }: Omit<ErasureRequest, "dry_run">,
  { connections }: RouteDeps,
): string {
  const source = connections.connections[connection];
  // What was connected once may be erased as well; then nothing but its name is known.
  if (bucket !== undefined) return bucket;
  if (!source || source.kind === "d1")
    throw notFound(`source connection ${connection}`, {
      where: "connection",
      expected: Object.keys(connections.connections).join(", "),
      next: "Name a bucket, too, where the connection is there no more.",
    });
  const [only, ...others] = source.buckets;
  if (only !== undefined && others.length === 0) return only;
  throw new FailureError({
    kind: "invalid",
    detail: `The connection ${connection} has several buckets.`,
    where: "bucket",
    expected: source.buckets.join(", "),
  });
}

/** An erasure as people see it. */
export async function describeErasure(erasure: ErasureRecord, { env }: RouteDeps) {
  const { id, status, dry_run, connection, hash, sweep, store, receipt } = erasure;
  const trouble = status === "sweeping" ? erasure.trouble : null;
  const settles = settlesAt(erasure);
  const isoOf = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());
  return {
    ...{ id, status, dry_run, connection, hash, sweep, store: store === "" ? null : store, trouble },
    objects: receipt ? receipt.objects.count : await countFound(env.ledger(), id),
    erased: receipt ? receipt.erased : await countErased(env.ledger(), id),
    ...{ began_at: isoOf(erasure.erased_at), settles_at: isoOf(settles), ended_at: isoOf(erasure.ended_at) },
    receipt: dry_run ? null : receipt,
  };
}
