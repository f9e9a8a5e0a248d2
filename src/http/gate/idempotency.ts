// `Idempotency-Key`: the same request sent twice is done once and answered twice alike. After
// draft-ietf-httpapi-idempotency-key-header. Rows are kept by store/access/idempotency.ts; app.ts lists the routes
// that take a key.
import { createMiddleware } from "hono/factory";
import { z } from "zod";
import { openEnv } from "../../env.ts";
import { getRun } from "../../query/ledger.ts";
import { sha256Hex } from "../../shapes/hash.ts";
import { logError } from "../../shapes/log.ts";
import type { RunStatus } from "../../shapes/run.ts";
import {
  claimKey,
  freeAnswered,
  type HeldKey,
  type KeptAnswer,
  keepAnswer,
  releaseKey,
} from "../../store/access/idempotency.ts";
import { type EventStores, openStores } from "../../store/stores.ts";
import { problem } from "../problem.ts";
import type { OpenDeps } from "../router-app.ts";
import { IDEMPOTENCY_KEY_FORM } from "../schemas.ts";

/** Largest answer that is kept. The key of a larger one only keeps a second request from running beside the first. */
const MAX_ANSWER_BYTES = 500_000;

const KEY = /^[\w.~:+/=@-]{1,200}$/;

/**
 * Holds the key while the request is in progress, and keeps an answer of 2xx for 24 hours. What failed is not
 * kept: whoever asks again is the first. Nor does an answer hold whose queued run has come to a bad end since.
 */
export const idempotent = (open: OpenDeps) =>
  createMiddleware<{ Bindings: object }>(async (c, next) => {
    const header = c.req.header("idempotency-key");
    if (header === undefined) return next();
    // A structured field's string has quotes; most clients send none.
    const key = header.replace(/^"(.*)"$/, "$1");
    if (!KEY.test(key)) {
      const detail = "the Idempotency-Key is not of the form that is taken";
      return problem({ kind: "invalid", detail, where: "Idempotency-Key", expected: IDEMPOTENCY_KEY_FORM });
    }
    const { search, pathname } = new URL(c.req.url);
    const db = openEnv(c.env).ledger();
    const body_hash = sha256Hex(`${search}\n${await c.req.text()}`);
    // An answer is its caller's: the same key from another API key is another request.
    const route = `${c.get("caller").id} ${c.req.method} ${pathname}`;
    const held: HeldKey = { key, route, body_hash, at: Date.now() };
    let claim = await claimKey(db, held);
    if (claim.is === "answered" && (await hasFailedSince(claim, openStores(open(c))))) {
      await freeAnswered(db, held, claim.answer);
      claim = await claimKey(db, held);
    }
    switch (claim.is) {
      case "ours": {
        const work = next().then(() => settleKey(c.res).catch(logLost));
        // A caller that hangs up is the one that asks again: its run is not cut off with the connection.
        c.executionCtx.waitUntil(work);
        return work;
      }
      case "answered": {
        const headers = new Headers({ "content-type": "application/json", "idempotent-replayed": "true" });
        if (claim.location !== null) headers.set("location", claim.location);
        return new Response(claim.answer, { status: claim.status, headers });
      }
      case "in_progress":
        return problem({
          kind: "conflict",
          detail: "a request with this Idempotency-Key is still in progress",
          where: "Idempotency-Key",
          next: "wait for its answer, then ask again with the same key",
        });
      case "another_body":
        return problem({
          kind: "key_reused",
          detail: "this Idempotency-Key was used for another request",
          where: "Idempotency-Key",
          expected: "the same body and query as the first time, byte for byte, or a new key",
        });
    }

    function logLost(error: unknown): void {
      logError("idempotency.lost", { key, error: String(error) });
    }

    async function settleKey(response: Response): Promise<void> {
      const { status, headers } = response;
      const answer = response.ok ? await response.clone().text() : "";
      if (answer === "" || new TextEncoder().encode(answer).byteLength > MAX_ANSWER_BYTES)
        return releaseKey(db, held);
      return keepAnswer(db, held, { status, answer, location: headers.get("location") });
    }
  });

/** Whether the answer named a queued run that has come to a bad end. */
async function hasFailedSince({ status, answer }: KeptAnswer, stores: EventStores): Promise<boolean> {
  if (status !== 202) return false;
  const { run_id } = queuedSchema.parse(JSON.parse(answer));
  const run = run_id === undefined ? null : await getRun(stores, run_id);
  return run !== null && BAD_ENDS.includes(run.status);
}

const queuedSchema = z.object({ run_id: z.string().optional() });
const BAD_ENDS: readonly RunStatus[] = ["dead", "cancelled", "skipped"];
