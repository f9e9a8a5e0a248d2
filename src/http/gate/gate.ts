// The gate before every route that needs a key: who asks (authenticate.ts), whether the key has the route's scope
// (scopes.ts), and, for a change, a row in the audit log. The row is written before the change, so that no change is
// without one, and ended with the answer. It never holds what was sent or answered; a route adds facts with
// `c.set("audit", …)`.
import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import { matchedRoutes } from "hono/route";
import { openEnv } from "../../env.ts";
import { type Caller, mayDo, type Scope } from "../../shapes/key.ts";
import { logError } from "../../shapes/log.ts";
import { type AuditOutcome, beginChange, endChange } from "../../store/access/audit-log.ts";
import { problem } from "../problem.ts";
import { authenticate } from "./authenticate.ts";
import { accessOf } from "./scopes.ts";

/** Extra fields of the audit row: ids and counts, never contents. */
export interface AuditDetail {
  target?: string;
  detail?: Record<string, string | number | boolean | readonly string[] | undefined>;
}

declare module "hono" {
  interface ContextVariableMap {
    caller: Caller;
    audit: AuditDetail;
    /** By hono/request-id. */
    requestId: string;
  }
}

/** Least time between two audit rows of one key and one action that it lacks the scope for, ms. */
const REFUSED_EVERY_MS = 60_000;
const MAX_TARGET_CHARS = 300;
const refusedAt = new Map<string, number>();

export const authorize = createMiddleware<{ Bindings: object }>(async (c, next) => {
  const env = openEnv(c.env);
  const now = Date.now();
  const from = { authorization: c.req.header("authorization"), address: c.req.header("cf-connecting-ip") };
  const identified = await authenticate(from, env, now, (work) => c.executionCtx.waitUntil(work));
  if (identified.is === "unknown") return problem(identified.failure);
  c.set("caller", identified.caller);
  const action = actionOf(c);
  const refused =
    identified.is === "stale" ? problem(identified.failure) : missingScope(identified.caller, action?.needs);
  if (!action?.does) return refused ?? next();

  const change = {
    id: `aud_${crypto.randomUUID()}`,
    at: now,
    key_id: identified.caller.id,
    key_name: identified.caller.name,
    action: action.does,
    target: action.target,
    request_id: c.get("requestId"),
  };
  if (refused) {
    if (isNews(`${change.key_id} ${change.action}`, now))
      await beginChange(env.ledger(), { ...change, refused: { status: refused.status } });
    return refused;
  }
  await beginChange(env.ledger(), change);
  await next();
  const { target, detail } = c.get("audit") ?? {};
  const end = endChange(env.ledger(), change, {
    target: target?.slice(0, MAX_TARGET_CHARS) ?? null,
    detail: detail ? JSON.stringify(detail) : null,
    outcome: outcomeOf(c.res),
    status: c.res.status,
    ended_at: Date.now(),
  });
  c.executionCtx.waitUntil(
    end.catch((error) => logError("audit.unended", { ...change, error: String(error) })),
  );
});

interface Action {
  needs: Scope | null;
  does: string | null;
  /** The path's own ids. */
  target: string | null;
}

/** The route's row of the table, with the ids in its path; null where there is no such route, which app.ts answers. */
function actionOf(c: Context): Action | null {
  const route = matchedRoutes(c).findLast(({ method }) => method !== "ALL");
  if (!route) return null;
  const access = accessOf(route.method, route.path);
  // Not a caller's fault, and not open by mistake.
  if (!access) throw new Error(`${route.method} ${route.path} has no row in src/http/gate/scopes.ts`);
  const words = c.req.path.split("/").map(decodeWord);
  const ids = route.path
    .split("/")
    .flatMap((part, index) => (part.startsWith(":") ? (words[index] ?? "") : []));
  // The move of a replay belongs to the action (`replay.pause`), not to its target.
  const [move] = route.path.endsWith("/:move") ? ids.splice(-1) : [];
  const does = move === undefined ? access.does : `${access.does}.${move.slice(0, 20)}`;
  return {
    needs: access.needs,
    does,
    target: ids.length > 0 ? ids.join("/").slice(0, MAX_TARGET_CHARS) : null,
  };
}

function decodeWord(word: string): string {
  try {
    return decodeURIComponent(word);
  } catch {
    return word;
  }
}

/** The refusal where the key lacks the scope, with the header of RFC 6750; undefined where it has it. */
function missingScope({ id, name, scopes }: Caller, needs: Scope | null | undefined): Response | undefined {
  if (!needs || mayDo(scopes, needs)) return undefined;
  const response = problem({
    kind: "missing_scope",
    detail: `the API key "${name}" (${id}) lacks the scope ${needs}`,
    where: "Authorization",
    expected: `an API key with the scope ${needs}; this one has ${scopes.join(", ")}`,
    next: `weir keys create --name NAME --scope ${needs}`,
  });
  response.headers.set("www-authenticate", `Bearer error="insufficient_scope", scope="${needs}"`);
  return response;
}

function isNews(what: string, now: number): boolean {
  if ((refusedAt.get(what) ?? 0) > now - REFUSED_EVERY_MS) return false;
  if (refusedAt.size >= 1_000) refusedAt.clear();
  refusedAt.set(what, now);
  return true;
}

function outcomeOf({ status, headers }: Response): AuditOutcome {
  if (headers.has("idempotent-replayed")) return "repeated";
  return status >= 500 ? "failed" : status >= 400 ? "refused" : "done";
}
