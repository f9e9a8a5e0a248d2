// What may be done with a proven request before it is sent: one signed byte altered, or shown as the curl
// command that it is, with everything masked that would be as good as a secret. Pure.
import type { Scheme } from "../../src/shapes/connection.ts";
import type { Signed } from "./prove.ts";

/** The header that the proof is in, or undefined where it is in the body. */
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

/** The request with one byte of what its proof covers, or of the proof itself, altered. */
export function tampered(scheme: Scheme, { headers, body }: Signed): Signed {
  switch (scheme.scheme) {
    case "standard-webhooks":
    case "sigv4":
    case "backblaze":
      return { headers, body: flipped(body, body.length >> 1) };
    case "sns":
      return { headers, body: flipped(body, body.indexOf('"MessageId":"') + 13) };
    case "ceph-opaque":
      return { headers, body: flipped(body, body.indexOf('"opaqueData":"') + 14) };
    default: {
      const name = proofHeader(scheme) ?? "authorization";
      const proof = headers[name] ?? "";
      return { headers: { ...headers, [name]: flipped(proof, proof.length >> 1) }, body };
    }
  }
}

/** The first letter or digit from a place on, made another. */
function flipped(text: string, from: number): string {
  const at = from + text.slice(from).search(/[0-9A-Za-z]/);
  return text.slice(0, at) + (text[at] === "1" ? "2" : "1") + text.slice(at + 1);
}

/** A curl command that shows the request; signatures and credentials are masked. */
export function curlText(url: string, scheme: Scheme, { headers, body }: Signed): string {
  const proof = proofHeader(scheme);
  const shown = Object.entries(headers).map(([name, value]) =>
    quoted("-H", `${name}: ${name === proof ? masked(value) : value}`),
  );
  const text = body.replace(/("(?:Signature|opaqueData)":")[^"]+/g, "$1***");
  return [quoted("curl", url), ...shown, quoted("--data-binary", text)].join(" \\\n  ");
}

/** All but how it begins: `Bearer`, `v1`, and what SigV4 says before its signature. */
function masked(proof: string): string {
  const before = /^(AWS4-HMAC-SHA256 .*Signature=|Bearer |Basic |v1a?[,=])/.exec(proof)?.[0] ?? "";
  return `${before}***`;
}

const quoted = (option: string, text: string) => `${option} '${text.replaceAll("'", "'\\''")}'`;
