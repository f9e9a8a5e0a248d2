// Google Pub/Sub push: an OIDC token signed by Google for our audience and the push service account.
// https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  errors,
  type JWTVerifyGetKey,
  jwtVerify,
} from "jose";
import { z } from "zod";
import { fail, ok, type Result } from "../../shapes/failure.ts";
import { authorization, type Trust, unproven, type Verifier } from "./contract.ts";
import { configured } from "./keys.ts";

const GOOGLE_KEYS = "https://www.googleapis.com/oauth2/v3/certs";
const DAY_MS = 86_400_000;

export const googleOidc: Verifier<"google-oidc"> = {
  claims({ headers }) {
    const given = authorization(headers);
    return given?.kind === "bearer" && given.value.split(".").length === 3;
  },

  async verify({ headers, body, receivedAt }, { audience, email, jwks }, trust) {
    const given = authorization(headers);
    if (given?.kind !== "bearer") return unproven("The request has no token.", "Authorization");
    const keys = jwks === undefined ? googleKeys(trust, receivedAt) : pinnedKeys(jwks, trust, receivedAt);
    if (!keys.ok) return keys;
    try {
      const { payload } = await jwtVerify(given.value, keys.value, {
        algorithms: ["RS256"],
        issuer: ["https://accounts.google.com", "accounts.google.com"],
        audience,
        requiredClaims: ["exp", "iat", "email"],
        currentDate: new Date(receivedAt),
        clockTolerance: 30,
      });
      if (payload.email !== email || payload.email_verified !== true) {
        return fail("forbidden", "The token is genuine, but not of the configured service account.", {
          where: "email",
        });
      }
      return ok({ scheme: "google-oidc", payload: body, headers });
    } catch (error) {
      return refusal(error);
    }
  },
};

/** The failure of a verification: ours where the key set could not be fetched, else the token's. */
function refusal(error: unknown): Result<never> {
  const ours =
    !(error instanceof errors.JOSEError) ||
    error instanceof errors.JWKSTimeout ||
    error instanceof errors.JWKSInvalid ||
    error.code === "ERR_JOSE_GENERIC";
  return ours
    ? fail("unavailable", "Google's signing keys could not be fetched.", { retry_after_seconds: 20 })
    : unproven("The token is not valid here.", "Authorization");
}

function googleKeys({ cache, fetch }: Trust, now: number): Result<JWTVerifyGetKey> {
  const cached = cache.keySets.get(GOOGLE_KEYS, now);
  if (cached !== undefined) return ok(cached);
  const keys = createRemoteJWKSet(new URL(GOOGLE_KEYS), {
    timeoutDuration: 5_000,
    [customFetch]: (url, options) => fetch(url, options),
  });
  cache.keySets.set(GOOGLE_KEYS, keys, now + DAY_MS);
  return ok(keys);
}

const keySetSchema = z.object({ keys: z.array(z.looseObject({ kty: z.string() })) });

function pinnedKeys(name: string, trust: Trust, now: number): Result<JWTVerifyGetKey> {
  const text = configured(name, trust);
  if (!text.ok) return text;
  const cached = trust.cache.keySets.get(text.value, now);
  if (cached !== undefined) return ok(cached);
  try {
    const keys = createLocalJWKSet(keySetSchema.parse(JSON.parse(text.value)));
    trust.cache.keySets.set(text.value, keys, now + DAY_MS);
    return ok(keys);
  } catch {
    return fail("unavailable", `${name} holds no JWKS document.`, { where: name, retry_after_seconds: 60 });
  }
}
