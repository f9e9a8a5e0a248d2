// Proves a delivery: the table of all schemes, and the choice among those that a connection accepts.
import type { Scheme, SchemeName } from "../../shapes/connection.ts";
import type { Failure, Result } from "../../shapes/failure.ts";
import { backblaze } from "./backblaze.ts";
import { basic } from "./basic.ts";
import { bearer } from "./bearer.ts";
import { cephOpaque } from "./ceph-opaque.ts";
import { type Delivery, type Proof, type Trust, unproven, type Verifier } from "./contract.ts";
import { eventbridge } from "./eventbridge.ts";
import { googleOidc } from "./google-oidc.ts";
import { sigv4 } from "./sigv4.ts";
import { sns } from "./sns.ts";
import { standardWebhooks } from "./standard-webhooks.ts";

/** A proof, or why there is none and by which scheme one was claimed. */
export type ProofResult = { ok: true; value: Proof } | { ok: false; failure: Failure; scheme?: SchemeName };

/**
 * Proves a delivery by one of the schemes that its connection lists. Only schemes that claim the request
 * are tried; the first that proves it wins. Otherwise the most telling refusal is returned: one that is
 * our own fault, then one of a genuine sender that is not listed, then that of the first scheme.
 */
export async function prove(
  delivery: Delivery,
  schemes: readonly Scheme[],
  trust: Trust,
): Promise<ProofResult> {
  const refused: { ok: false; failure: Failure; scheme: SchemeName }[] = [];
  for (const scheme of schemes) {
    const result = await attempt(delivery, scheme, trust);
    if (result?.ok) return result;
    if (result) refused.push({ ...result, scheme: scheme.scheme });
  }
  return (
    refused.find(({ failure }) => failure.kind === "unavailable") ??
    refused.find(({ failure }) => failure.kind === "forbidden") ??
    refused[0] ??
    unproven("The request carries no proof of a kind that this connection accepts.")
  );
}

function attempt(delivery: Delivery, scheme: Scheme, trust: Trust): Promise<Result<Proof>> | undefined {
  type Of<S extends SchemeName> = Extract<Scheme, { scheme: S }>;
  const by = <S extends SchemeName>(verifier: Verifier<S>, config: Of<S>) =>
    verifier.claims(delivery, config) ? verifier.verify(delivery, config, trust) : undefined;
  switch (scheme.scheme) {
    case "sns":
      return by(sns, scheme);
    case "standard-webhooks":
      return by(standardWebhooks, scheme);
    case "eventbridge":
      return by(eventbridge, scheme);
    case "sigv4":
      return by(sigv4, scheme);
    case "bearer":
      return by(bearer, scheme);
    case "basic":
      return by(basic, scheme);
    case "ceph-opaque":
      return by(cephOpaque, scheme);
    case "backblaze":
      return by(backblaze, scheme);
    case "google-oidc":
      return by(googleOidc, scheme);
    case "r2-queue":
      return undefined; // Proven by the queue's binding; nothing that comes over HTTP is it.
  }
}
