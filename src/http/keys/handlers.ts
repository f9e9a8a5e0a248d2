// Handlers for API keys (create, rotate, revoke) and for reading the audit log. A key can create or replace only
// keys that may do no more than itself and live no longer.
import { listChanges } from "../../query/audit-log.ts";
import { keyOf, listKeys } from "../../query/keys.ts";
import { FailureError, notFound } from "../../shapes/failure.ts";
import { sha256Hex } from "../../shapes/hash.ts";
import { type Caller, mayDo, SCOPES, type Scope } from "../../shapes/key.ts";
import { addKey, findKey, type KeyRow, type NewKey, replaceKey, revokeKey } from "../../store/access/keys.ts";
import { forgetKeys } from "../gate/authenticate.ts";
import { mintKey, PREFIX_LENGTH } from "../gate/key-format.ts";
import type { OpenDeps, RouterApp } from "../router-app.ts";
import * as routes from "./routes.ts";

export function addKeyRoutes(app: RouterApp, open: OpenDeps): void {
  app.openapi(routes.whoami, (c) => {
    const { id, name, scopes, expires_at } = c.get("caller");
    const until = expires_at === null ? null : new Date(expires_at).toISOString();
    return c.json({ id, name, scopes: [...scopes], expires_at: until }, 200);
  });
  app.openapi(routes.keys, async (c) => {
    const { env, now } = open(c);
    return c.json(await listKeys(env.ledger(), c.req.valid("query"), now()), 200);
  });
  app.openapi(routes.createKey, async (c) => {
    const { env, now } = open(c);
    const { name, scopes, expires_at } = c.req.valid("json");
    const until = expires_at === undefined ? null : Date.parse(expires_at);
    const [row, key] = await newKey({ name, scopes, expires_at: until }, c.get("caller"), now());
    await addKey(env.ledger(), row);
    c.set("audit", { target: row.id, detail: { name, scopes: row.scopes } });
    return c.json({ ...keyOf(rowOf(row), now()), key }, 201, UNSTORED);
  });
  app.openapi(routes.exchangeKey, async (c) => {
    const { env, now } = open(c);
    const caller = c.get("caller");
    const old = await findKey(env.ledger(), caller.id);
    if (!old) throw notExchanged(caller);
    const [row, key] = await newKey(caller, caller, now());
    if (!(await replaceKey(env.ledger(), old.id, row, now()))) throw notLive(old);
    forgetKeys();
    c.set("audit", { target: old.id, detail: { replaced_by: row.id } });
    return c.json({ ...keyOf(rowOf(row), now()), key }, 201, UNSTORED);
  });
  app.openapi(routes.rotateKey, async (c) => {
    const { env, now } = open(c);
    const { id } = c.req.valid("param");
    const { overlap_seconds, expires_at } = c.req.valid("json");
    const old = await findKey(env.ledger(), id);
    if (!old) throw noKey(id);
    refuseStronger(old, c.get("caller"));
    const lived = old.expires_at === null ? null : now() + (old.expires_at - old.created_at);
    const request = {
      name: old.name,
      scopes: JSON.parse(old.scopes) as Scope[],
      expires_at: expires_at === undefined ? lived : Date.parse(expires_at),
    };
    const [row, key] = await newKey(request, c.get("caller"), now());
    if (!(await replaceKey(env.ledger(), id, row, now() + overlap_seconds * 1000))) throw notLive(old);
    forgetKeys();
    c.set("audit", { detail: { replaced_by: row.id, overlap_seconds } });
    return c.json({ ...keyOf(rowOf(row), now()), key }, 201, UNSTORED);
  });
  app.openapi(routes.revokeKey, async (c) => {
    const { env, now } = open(c);
    const { id } = c.req.valid("param");
    const existing = await findKey(env.ledger(), id);
    if (existing) refuseStronger(existing, c.get("caller"));
    const row = await revokeKey(env.ledger(), id, now());
    if (!row) throw noKey(id);
    forgetKeys();
    c.set("audit", { detail: { name: row.name } });
    return c.json(keyOf(row, now()), 200);
  });
  app.openapi(routes.auditLog, async (c) => {
    const { limit, cursor, ...filters } = c.req.valid("query");
    return c.json(await listChanges(open(c).env.ledger(), filters, { limit, cursor }), 200);
  });
}

/** A key that may do more than the one that asks is not its to end. @throws FailureError `missing_scope` */
function refuseStronger({ id, name, scopes }: KeyRow, caller: Caller): void {
  const beyond = (JSON.parse(scopes) as Scope[]).filter((scope) => !mayDo(caller.scopes, scope));
  if (beyond.length === 0) return;
  throw new FailureError({
    kind: "missing_scope",
    detail: `A key ends none that may do more: "${name}" (${id}) has ${beyond.join(", ")}, which "${caller.name}" (${caller.id}) lacks.`,
    where: "Authorization",
    expected: `an API key with the scope ${beyond.join(" and ")}`,
    next: "Ask with a key that has them, or with the root key.",
  });
}

/** Headers of an answer that holds a key: no cache may keep it. */
const UNSTORED = { "cache-control": "no-store" };

/** A new key, within the scopes and the lifetime of the key that asks. @throws FailureError `missing_scope`, `invalid` */
async function newKey(
  { name, scopes, expires_at }: Pick<Caller, "name" | "scopes" | "expires_at">,
  caller: Caller,
  now: number,
): Promise<[NewKey, string]> {
  const beyond = scopes.filter((scope) => !mayDo(caller.scopes, scope));
  if (beyond.length > 0) {
    throw new FailureError({
      kind: "missing_scope",
      detail: `a key gives no more than it has, and "${caller.name}" (${caller.id}) lacks ${beyond.join(", ")}`,
      where: "Authorization",
      expected: `an API key with the scope ${beyond.join(" and ")}`,
    });
  }
  const latest = caller.expires_at ?? Number.POSITIVE_INFINITY;
  if ((expires_at ?? Number.POSITIVE_INFINITY) > latest || (expires_at ?? now + 1) <= now) {
    throw new FailureError({
      kind: "invalid",
      detail: "expires_at is in the past, or later than the end of the key that asks",
      where: "json.expires_at",
      expected:
        caller.expires_at === null
          ? "a time to come"
          : `a time to come, no later than ${new Date(latest).toISOString()}`,
    });
  }
  const key = mintKey();
  const row: NewKey = {
    id: `key_${crypto.randomUUID().replaceAll("-", "").slice(0, 16)}`,
    name,
    prefix: key.slice(0, PREFIX_LENGTH),
    hash: sha256Hex(key),
    scopes: SCOPES.filter((scope) => scopes.includes(scope)),
    created_at: now,
    created_by: caller.id,
    expires_at,
  };
  return [row, key];
}

const rowOf = (row: NewKey): KeyRow => ({
  ...row,
  scopes: JSON.stringify(row.scopes),
  revoked_at: null,
  replaced_by: null,
  last_used_at: null,
});

const noKey = (id: string) => notFound(`key ${id}`, { next: "weir keys list" });

const notExchanged = ({ name }: Caller) =>
  new FailureError({
    kind: "conflict",
    detail: `${name} is a secret of the deployment, not a key that Weir made`,
    where: "Authorization",
    expected: "a key of `weir keys create`",
    next: "To replace the root key: `npx wrangler secret put WEIR_API_KEY`.",
  });

const notLive = ({ id, replaced_by }: KeyRow) =>
  new FailureError({
    kind: "conflict",
    detail:
      replaced_by === null
        ? `the key ${id} is revoked or has expired`
        : `the key ${id} has been replaced by ${replaced_by}`,
    next: "weir keys list says which is live; rotate that one",
  });
