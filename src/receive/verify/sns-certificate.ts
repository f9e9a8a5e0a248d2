// The certificates that sign SNS messages: where they may come from, fetching, and their public keys.
//
// The trust is TLS to a host that only AWS can serve. Validity dates are deliberately not looked at: a
// message signed before its certificate was rotated is still genuine, and AWS serves no others there.
import { importX509 } from "jose";
import { fail, ok, type Result } from "../../shapes/failure.ts";
import { readCapped } from "../body.ts";
import { type Trust, unproven } from "./contract.ts";
import { type CertificateKeys, configured } from "./keys.ts";

const HOST = String.raw`sns\.[a-z]{2}(?:-[a-z]+)+-\d{1,2}\.amazonaws\.com(?:\.cn)?`;
const CERTIFICATE_URL = new RegExp(`^https://${HOST}/SimpleNotificationService-[0-9a-f]+\\.pem$`);
const SNS_HOST = new RegExp(`^${HOST}$`);
const DAY = 86_400_000;
const MAX_PEM_BYTES = 65_536;

export const isSnsHost = (host: string): boolean => SNS_HOST.test(host);

/** The keys of the certificate at an address that must be AWS's, letter by letter, before any request. */
export async function certificateAt(
  url: string,
  trust: Trust,
  now: number,
): Promise<Result<CertificateKeys>> {
  if (!CERTIFICATE_URL.test(url))
    return unproven("The certificate is not at an address of SNS.", "SigningCertURL");
  const known = trust.cache.certificates.get(url, now);
  if (known !== undefined) return ok(known);

  const { fetch } = trust;
  const response = await fetch(url, { redirect: "manual", signal: AbortSignal.timeout(5_000) }).catch(
    () => undefined,
  );
  if (
    response !== undefined &&
    (response.status === 0 || (response.status >= 300 && response.status < 400))
  ) {
    await response.body?.cancel();
    return unproven("The certificate's address redirects.", "SigningCertURL");
  }
  const pem =
    response?.status === 200
      ? await readCapped(response.body, MAX_PEM_BYTES).catch(() => undefined)
      : undefined;
  const keys = pem?.ok ? await importKeys(new TextDecoder().decode(pem.value)) : undefined;
  if (keys === undefined) {
    return fail("unavailable", "The signing certificate could not be fetched from SNS.", {
      retry_after_seconds: 20,
    });
  }
  trust.cache.certificates.set(url, keys, now + DAY);
  return ok(keys);
}

/** The keys of a certificate that the connection pins, by the name of the variable that holds its PEM. */
export async function pinnedCertificate(
  name: string,
  trust: Trust,
  now: number,
): Promise<Result<CertificateKeys>> {
  const pem = configured(name, trust);
  if (!pem.ok) return pem;
  const known = trust.cache.certificates.get(pem.value, now);
  if (known !== undefined) return ok(known);
  const keys = await importKeys(pem.value);
  if (keys === undefined) {
    return fail("unavailable", `${name} holds no PEM certificate with an RSA key.`, {
      where: name,
      retry_after_seconds: 60,
    });
  }
  trust.cache.certificates.set(pem.value, keys, now + DAY);
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
