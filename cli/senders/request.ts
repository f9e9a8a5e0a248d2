// Changes of a proven request for `weir trigger`: one signed byte altered (--tamper), or shown as a curl command with
// secrets and signatures masked (--dry-run). Pure.
import type { Scheme } from "../../src/shapes/connection.ts";
import type { SignedRequest } from "./prove.ts";

/** Name of the header with the proof; undefined where the proof is in the body. */
function proofHeader(scheme: Scheme): string | undefined {
  switch (scheme.scheme) {
    case "eventbridge":
      return scheme.auth.type === "api-key" ? scheme.auth.header.toLowerCase() : "authorization";
    case "standard-webhooks":
      return "webhook-signature";
    case "backblaze":
      return "x-bz-event-notification-signature";
    case "sns":
    case "ceph-opaque":
      return undefined;
    default:
      return "authorization";
  }
}

/** Alters one byte that the proof covers, or one byte of the proof itself. */
export function tamper(scheme: Scheme, { headers, body }: SignedRequest): SignedRequest {
  switch (scheme.scheme) {
    case "standard-webhooks":
    case "sigv4":
    case "backblaze":
      return { headers, body: flipCharacter(body, body.length >> 1) };
    case "sns":
      return { headers, body: flipCharacter(body, body.indexOf('"MessageId":"') + 13) };
    case "ceph-opaque":
      return { headers, body: flipCharacter(body, body.indexOf('"opaqueData":"') + 14) };
    default: {
      const name = proofHeader(scheme) ?? "authorization";
      const proof = headers[name] ?? "";
      return { headers: { ...headers, [name]: flipCharacter(proof, proof.length >> 1) }, body };
    }
  }
}

/** Replaces the first letter or digit at or after a position by another. */
function flipCharacter(text: string, from: number): string {
  const index = from + text.slice(from).search(/[0-9A-Za-z]/);
  return text.slice(0, index) + (text[index] === "1" ? "2" : "1") + text.slice(index + 1);
}

/** Curl command of a request, with signatures and credentials masked. */
export function curlText(url: string, scheme: Scheme, { headers, body }: SignedRequest): string {
  const proof = proofHeader(scheme);
  const shown = Object.entries(headers).map(([name, value]) =>
    quoted("-H", `${name}: ${name === proof ? maskProof(value) : value}`),
  );
  const text = body.replace(/("(?:Signature|opaqueData)":")[^"]+/g, "$1***");
  return [quoted("curl", url), ...shown, quoted("--data-binary", text)].join(" \\\n  ");
}

/** Masks a proof after its first part: `Bearer`, `v1`, or the part of SigV4 before its signature. */
function maskProof(proof: string): string {
  const before = /^(AWS4-HMAC-SHA256 .*Signature=|Bearer |Basic |v1a?[,=])/.exec(proof)?.[0] ?? "";
  return `${before}***`;
}

const quoted = (option: string, text: string) => `${option} '${text.replaceAll("'", "'\\''")}'`;
