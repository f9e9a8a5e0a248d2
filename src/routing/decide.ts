// The spine's first step: which pipelines an event runs, and why not the others. Looks at the object only
// when some pipeline's outcome hangs on what the event does not carry, and then once for all of them.
import type { Candidates } from "../dispatch/pipelines.ts";
import { explain, type Lookup, reasonOf, type View, viewOf } from "../match/index.ts";
import type { Event } from "../shapes/event.ts";
import { FailureError, ok, type Result, verdictOf } from "../shapes/failure.ts";
import type { Source } from "../source/contract.ts";
import type { LookedUp, Outcome } from "../store/ledger/events.ts";

type Looks = Pick<Source, "observe" | "tags">;

/** Reasons kept on the event itself; `why` explains any other pipeline's. */
const MAX_REASONS = 5;

/** Fails only where the event should be delivered again: the object's store did not answer. */
export async function decide(
  event: Event,
  candidates: Candidates | undefined,
  source: Looks,
): Promise<Result<Outcome>> {
  if (!candidates) return ok({ matched: [], refused: [], refused_count: 0 });
  // A removed object runs no handler. What it had is found by the ledger, among the objects it tracks.
  if (event.type === "removed")
    return ok(refuseAll(candidates, () => "the object was removed; only its items are concerned"));
  const told = viewOf(event);
  const found = candidates.index.match(told);
  if (found.undecided.length === 0) return ok(outcomeOf(candidates, found.matched, told));
  const looked = await look(event, found.needs, source);
  if (!looked.ok) {
    const { kind, detail } = looked.failure;
    if (["retry", "wait"].includes(verdictOf(kind))) return looked;
    return ok({ ...refuseAll(candidates, () => detail, new Set(found.matched)), unseen: detail });
  }
  const object = looked.value;
  const seen = viewOf(event, object);
  return ok({ ...outcomeOf(candidates, candidates.index.match(seen).matched, seen), object });
}

const outcomeOf = (candidates: Candidates, matched: string[], view: View): Outcome =>
  refuseAll(candidates, (alias) => why(candidates, alias, view), new Set(matched));

/** What the object says of itself. */
async function look(event: Event, needs: ReadonlySet<Lookup>, source: Looks): Promise<Result<LookedUp>> {
  try {
    const [seen, tags] = await Promise.all([
      needs.has("head") ? source.observe(event.bucket, event.key) : undefined,
      needs.has("tags") ? source.tags(event.bucket, event.key) : undefined,
    ]);
    if (seen === null) {
      const failure = {
        kind: "object_gone" as const,
        detail: "the object is gone; what its metadata was cannot be known",
      };
      return { ok: false, failure };
    }
    if (!seen) return ok(tags ? { tags } : {});
    const { size, etag, content_type, metadata } = seen;
    return ok({ size, etag, content_type, metadata, ...(tags && { tags }) });
  } catch (error) {
    if (error instanceof FailureError) return { ok: false, failure: error.failure };
    return {
      ok: false,
      failure: { kind: "unavailable", detail: `looking at the object failed: ${String(error)}` },
    };
  }
}

function why(candidates: Candidates, alias: string, view: View): string {
  const filter = candidates.filters.get(alias);
  return filter ? reasonOf(explain(filter, view)) : "";
}

function refuseAll(
  candidates: Candidates,
  reason: (alias: string) => string,
  except: ReadonlySet<string> = new Set(),
): Outcome {
  const refused: Outcome["refused"] = [];
  for (const alias of candidates.filters.keys()) {
    if (refused.length === MAX_REASONS) break;
    if (!except.has(alias)) refused.push({ alias, reason: reason(alias) });
  }
  return { matched: [...except], refused, refused_count: candidates.filters.size - except.size };
}
