// The spine's first step: decides which pipelines an event runs, and why not the others. Looks at the object only when
// some pipeline's verdict hangs on what the event does not carry, and then once for all of them.
import type { Candidates } from "../dispatch/pipelines.ts";
import {
  explain,
  type Lookup,
  namesEvent,
  reasonOf,
  type View,
  viewOf,
  viewOfPresent,
} from "../match/index.ts";
import type { Event } from "../shapes/event.ts";
import { type Failure, FailureError, ok, type Result, verdictOf } from "../shapes/failure.ts";
import type { Source } from "../source/contract.ts";
import type { EventOutcome, LookedUp } from "../store/log/contract.ts";

type ObjectLooks = Pick<Source, "observe" | "tags">;

/** Reasons kept on the event itself, at most; query/why.ts explains any other pipeline's. */
const MAX_REASONS = 5;

export const REMOVED = "the object was removed; only its items are concerned";
export const ACCESSED =
  "an access changes nothing; it runs only what names it in its filter, by type or operation";

/** Decides about one event. Fails only where it should be delivered again: the object's store did not answer. */
export async function decide(
  event: Event,
  candidates: Candidates | undefined,
  source: ObjectLooks,
): Promise<Result<EventOutcome>> {
  if (!candidates) return ok({ matched: [], refused: [], refused_count: 0 });
  if (event.type === "removed") return decideRemoval(event, candidates, source);
  if (event.type === "accessed") return decideAccess(event, candidates, source);
  const view = viewOf(event);
  const found = candidates.index.match(view);
  if (found.undecided.length === 0) return ok(outcomeOf(candidates, found.matched, view));
  const looked = await lookUp(event, found.needs, source);
  if (!looked.ok) return outcomeUnseen(looked.failure, candidates, found.matched);
  const object = looked.value;
  const seen = viewOf(event, object);
  return ok({ ...outcomeOf(candidates, candidates.index.match(seen).matched, seen), object });
}

/**
 * A removal is a hint like any other: under the delete marker or the version that went may be an object. If one is
 * there now, it is decided about as if it had just been created; by whom and how, nobody says, so conditions on the
 * operation count as met. No look is made where no pipeline would take it. Items of an object that is gone are found
 * by the ledger, among the objects it tracks.
 */
async function decideRemoval(
  event: Event,
  candidates: Candidates,
  source: ObjectLooks,
): Promise<Result<EventOutcome>> {
  const gone = () => ok(refuseAll(candidates, () => REMOVED));
  const { matched, undecided, needs } = candidates.index.match(viewOfPresent(event, {}));
  if (matched.length + undecided.length === 0) return gone();
  const looked = await lookUp(event, new Set([...needs, "head"]), source);
  if (!looked.ok)
    return looked.failure.kind === "object_gone" ? gone() : outcomeUnseen(looked.failure, candidates);
  const object = looked.value;
  const seen = viewOfPresent(event, object);
  const found = candidates.index.match(seen);
  return ok({ ...outcomeOf(candidates, [...found.matched, ...found.undecided], seen), object });
}

/** An access asks those pipelines alone that name it: every look at the object would be one more. */
async function decideAccess(
  event: Event,
  candidates: Candidates,
  source: ObjectLooks,
): Promise<Result<EventOutcome>> {
  const isNamed = (view: View) => (alias: string) => {
    const filter = candidates.filters.get(alias);
    return filter !== undefined && namesEvent(filter, view);
  };
  const decided = (matched: string[]) => refuseAll(candidates, () => ACCESSED, new Set(matched));
  const view = viewOf(event);
  const { matched, undecided, needs } = candidates.naming.match(view);
  const sure = matched.filter(isNamed(view));
  if (!undecided.some(isNamed(view))) return ok(decided(sure));
  const looked = await lookUp(event, needs, source);
  if (!looked.ok) return outcomeUnseen(looked.failure, candidates, sure);
  const object = looked.value;
  const seen = viewOf(event, object);
  return ok({ ...decided(candidates.naming.match(seen).matched.filter(isNamed(seen))), object });
}

/** The outcome where the look at the object found nothing; a failure where the store should be asked again. */
function outcomeUnseen(
  failure: Failure,
  candidates: Candidates,
  matched: readonly string[] = [],
): Result<EventOutcome> {
  if (["retry", "wait"].includes(verdictOf(failure.kind))) return { ok: false, failure };
  const { detail } = failure;
  return ok({ ...refuseAll(candidates, () => detail, new Set(matched)), unseen: detail });
}

const outcomeOf = (candidates: Candidates, matched: string[], view: View): EventOutcome =>
  refuseAll(candidates, (alias) => reasonFor(candidates, alias, view), new Set(matched));

/** The object's attributes and tags, as far as they are needed. */
async function lookUp(
  event: Event,
  needs: ReadonlySet<Lookup>,
  source: ObjectLooks,
): Promise<Result<LookedUp>> {
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
    const { size, etag, content_type, metadata, version_id } = seen;
    return ok({
      size,
      etag,
      content_type,
      metadata,
      ...(version_id && { version_id }),
      ...(tags && { tags }),
    });
  } catch (error) {
    if (error instanceof FailureError) return { ok: false, failure: error.failure };
    return {
      ok: false,
      failure: { kind: "unavailable", detail: `looking at the object failed: ${String(error)}` },
    };
  }
}

function reasonFor(candidates: Candidates, alias: string, view: View): string {
  const filter = candidates.filters.get(alias);
  return filter ? reasonOf(explain(filter, view)) : "";
}

function refuseAll(
  candidates: Candidates,
  reason: (alias: string) => string,
  except: ReadonlySet<string> = new Set(),
): EventOutcome {
  const refused: EventOutcome["refused"] = [];
  for (const alias of candidates.filters.keys()) {
    if (refused.length === MAX_REASONS) break;
    if (!except.has(alias)) refused.push({ alias, reason: reason(alias) });
  }
  return { matched: [...except], refused, refused_count: candidates.filters.size - except.size };
}
