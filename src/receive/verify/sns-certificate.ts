// Certificates that sign SNS messages: the addresses they may come from, fetching them, and their public keys.
//
// The trust is TLS to a host that only AWS can serve. Validity dates are deliberately not looked at: a
// message signed before its certificate was rotated is still genuine, and AWS serves no others there.
import { importX509 } from "jose";
import { awsDomain } from "../../shapes/aws.ts";
import { fail, ok, type Result } from "../../shapes/failure.ts";
import { readCapped } from "../body.ts";
import { type CertificateKeys, type Trust, unproven } from "./contract.ts";
import { configured } from "./keys.ts";

const ADDRESS = /^https:\/\/([a-z0-9.-]+)\/SimpleNotificationService-[0-9a-f]+\.pem$/;
const REGION = /^sns\.((?:[a-z]{2}|eusc)(?:-[a-z]+)+-\d{1,2})\./;
const DAY_MS = 86_400_000;
const MAX_PEM_BYTES = 65_536;
const FETCH_MS = 5_000;
/** Time until an address is asked again, ms: after SNS had no such certificate, and after a fetch failed. */
const FORGED_MS = 300_000;
const FAILED_MS = 20_000;

/** Whether a host is SNS's own: `sns.<region>.` and the domain of that region's partition. */
export function isSnsHost(host: string): boolean {
  const [, region] = REGION.exec(host) ?? [];
  return region !== undefined && host === `sns.${region}.${awsDomain(region)}`;
}

/**
 * The keys of the certificate at an address, which must be AWS's, letter by letter, before any request. Each address is
 * fetched once at a time: further requests wait for the same fetch, and an address without a certificate is not asked
 * again for a while.
 */
export async function certificateAt(
  url: string,
  trust: Trust,
  now: number,
): Promise<Result<CertificateKeys>> {
  const [, host] = ADDRESS.exec(url) ?? [];
  if (host === undefined || !isSnsHost(host))
    return unproven("The certificate is not at an address of SNS.", "SigningCertURL");
  const { certificates, absent, flights } = trust.cache;
  const cached = certificates.get(url, now);
  if (cached !== undefined) return ok(cached);
  const failure = absent.get(url, now);
  if (failure !== undefined) return { ok: false, failure };

  const flight = flights.get(url);
  if (flight !== undefined) return Promise.race([flight, tooLate()]);
  const own = fetchCertificate(url, trust).finally(() => flights.delete(url));
  flights.set(url, own);
  const keys = await own;
  if (keys.ok) certificates.set(url, keys.value, now + DAY_MS);
  else absent.set(url, keys.failure, now + (keys.failure.kind === "unproven" ? FORGED_MS : FAILED_MS));
  return keys;
}

async function fetchCertificate(url: string, { fetch }: Trust): Promise<Result<CertificateKeys>> {
  const init = { redirect: "manual", signal: AbortSignal.timeout(FETCH_MS) } as const;
  const response = await fetch(url, init).catch(() => undefined);
  if (response === undefined) return NOT_FETCHED;
  const { status } = response;
  if (status !== 200) await response.body?.cancel();
  if (status === 0 || (status >= 300 && status < 400))
    return unproven("The certificate's address redirects.", "SigningCertURL");
  // 403 is how a store without listing says 404.
  if ([403, 404, 410].includes(status))
    return unproven("SNS has no certificate of this name.", "SigningCertURL");
  if (status !== 200) return NOT_FETCHED;
  const pem = await readCapped(response.body, MAX_PEM_BYTES).catch(() => undefined);
  const keys = pem?.ok ? await importKeys(new TextDecoder().decode(pem.value)) : undefined;
  return keys === undefined ? NOT_FETCHED : ok(keys);
}

const NOT_FETCHED = fail("unavailable", "The signing certificate could not be fetched from SNS.", {
  retry_after_seconds: 20,
});

/** The failure for requests that wait on another's fetch, which may be cut off with its request. */
const tooLate = () =>
  new Promise<typeof NOT_FETCHED>((resolve) => setTimeout(resolve, FETCH_MS + 1_000, NOT_FETCHED));

/** The keys of a certificate that the connection pins, by the name of the variable that holds its PEM. */
export async function pinnedCertificate(
  name: string,
  trust: Trust,
  now: number,
): Promise<Result<CertificateKeys>> {
  const pem = configured(name, trust);
  if (!pem.ok) return pem;
  const cached = trust.cache.certificates.get(pem.value, now);
  if (cached !== undefined) return ok(cached);
  const keys = await importKeys(pem.value);
  if (keys === undefined) {
    return fail("unavailable", `${name} holds no PEM certificate with an RSA key.`, {
      where: name,
      retry_after_seconds: 60,
    });
  }
  trust.cache.certificates.set(pem.value, keys, now + DAY_MS);
  return ok(keys);
}

async function importKeys(pem: string): Promise<CertificateKeys | undefined> {
  try {
    const [first = ""] = /-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----/s.exec(pem) ?? [];
    const certified = await importX509(first, "RS256", { extractable: true });
    const spki = await crypto.subtle.exportKey("spki", certified);
    if (!(spki instanceof ArrayBuffer)) return undefined;
    const forHash = (hash: string) =>
      crypto.subtle.importKey("spki", spki, { name: "RSASSA-PKCS1-v1_5", hash }, false, ["verify"]);
    return { sha1: await forHash("SHA-1"), sha256: await forHash("SHA-256") };
  } catch {
    return undefined;
  }
}
