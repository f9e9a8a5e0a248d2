// The stages of Signature Version 4, each a value with a name: canonical request, string to sign,
// signature. Pure; AWS publishes what each should be for its examples, and the tests hold them to it.
import { sha256Hex } from "../../shapes/hash.ts";
import { hmacSha256, toHex } from "../digest.ts";

/** Date, region and service that a signature is valid for. */
export interface SigningScope {
  date: string;
  region: string;
  service: string;
}

interface SignedRequest {
  method: string;
  url: URL;
  headers: Headers;
  /** Names of the signed headers, in the order in which the signer lists them. */
  names: readonly string[];
}

/** The canonical request, or undefined where there is none: a signed header that is absent, a bad escape. */
export function canonicalRequest(
  request: SignedRequest,
  bodyHash: string,
  service: string,
): string | undefined {
  const { method, url, headers, names } = request;
  const sorted = [...new Set(names)].sort();
  if (sorted.join(";") !== names.join(";")) return undefined;
  const lines: string[] = [];
  for (const name of sorted) {
    const value = headers.get(name);
    if (value === null) return undefined;
    lines.push(`${name}:${value.trim().replace(/ +/g, " ")}\n`);
  }
  try {
    const query = canonicalQuery(url.search);
    return [
      method,
      canonicalPath(url.pathname, service),
      query,
      lines.join(""),
      names.join(";"),
      bodyHash,
    ].join("\n");
  } catch {
    return undefined;
  }
}

/** The text over which the signature is computed. */
export const stringToSign = (
  canonical: string,
  amzDate: string,
  { date, region, service }: SigningScope,
): string =>
  ["AWS4-HMAC-SHA256", amzDate, `${date}/${region}/${service}/aws4_request`, sha256Hex(canonical)].join("\n");

/** The signature, in lower-case hex. */
export function signature(toSign: string, secret: string, { date, region, service }: SigningScope): string {
  const dated = hmacSha256(`AWS4${secret}`, date);
  const key = [region, service, "aws4_request"].reduce((outer, part) => hmacSha256(outer, part), dated);
  return toHex(hmacSha256(key, toSign));
}

/** The path as it is signed: S3 encodes it once, every other service encodes the encoded path again. */
function canonicalPath(path: string, service: string): string {
  const segments =
    service === "s3" ? path.split("/").map(decodeURIComponent) : path.replace(/\/+/g, "/").split("/");
  return segments.map(encode).join("/");
}

/** The query as it is signed, from the raw text: `searchParams` would turn a `+` into a space. */
function canonicalQuery(search: string): string {
  const pairs = search.replace(/^\?/, "").split("&").filter(Boolean);
  return pairs
    .map((pair) => {
      const [, name = "", value = ""] = /^([^=]*)=?(.*)$/s.exec(pair) ?? [];
      return [encode(decodeURIComponent(name)), encode(decodeURIComponent(value))] as const;
    })
    .sort(([a, x], [b, y]) => (a === b ? order(x, y) : order(a, b)))
    .map((pair) => pair.join("="))
    .join("&");
}

const order = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** Percent-encodes by RFC 3986: only letters, digits, `-`, `.`, `_` and `~` stay. */
const encode = (text: string) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
