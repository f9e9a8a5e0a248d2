// Pages of other origins: those that the setting WEIR_ALLOWED_ORIGINS names may call the API with a key of their own, and no
// other may. Never with credentials of the browser, since the API has none; never in local work, whose doors are for this
// machine's own pages alone (workers/local/gate.ts).
import { cors } from "hono/cors";
import { createMiddleware } from "hono/factory";
import { type Env, openEnv } from "../../env.ts";

/** Name of the setting: origins, with commas between them. */
const ALLOWED_ORIGINS = "WEIR_ALLOWED_ORIGINS";
/** Time for which a browser remembers what it may, seconds. */
const REMEMBERED_SECONDS = 600;

/** The origins that may call. What is no origin, such as `*` or an address with a path, allows nothing. */
function allowedOrigins(env: Env): string[] {
  if (env.setting("WEIR_LOCAL") !== undefined) return [];
  const named = (env.setting(ALLOWED_ORIGINS) ?? "").split(",").map((origin) => origin.trim());
  return named.filter((origin) => URL.parse(origin)?.origin === origin);
}

export const crossOrigin = createMiddleware<{ Bindings: object }>((c, next) => {
  const origin = c.req.header("origin");
  if (origin === undefined || !allowedOrigins(openEnv(c.env)).includes(origin)) return next();
  // The headers that a page may send are those that it asks for: none says who it is but the key.
  return cors({
    origin,
    allowMethods: ["GET", "POST", "PUT"],
    exposeHeaders: ["location", "retry-after", "idempotent-replayed", "www-authenticate", "x-request-id"],
    maxAge: REMEMBERED_SECONDS,
  })(c, next);
});
