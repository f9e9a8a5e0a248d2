// The picture that a question brings: kept for a time under a signed URL, since compute reads from Weir's own addresses
// alone. One that is named by a URL is fetched here, within bounds.
import { Buffer } from "node:buffer";
import type { Env } from "../env.ts";
import { FailureError } from "../shapes/failure.ts";
import type { SearchRequest } from "../shapes/search.ts";
import { fetchNamed } from "../shapes/user-agent.ts";
import { PAYLOADS, signingKeyOf, signObjectUrl } from "../source/signed-url.ts";
import { keepPicture } from "../store/moments.ts";

interface PictureDeps {
  env: Env;
  now(): number;
}

const MAX_BYTES = 8_000_000;
const FETCH_MS = 10_000;
const MAX_REDIRECTS = 3;
const URL_SECONDS = 600;

/** The signed URL that compute reads a question's picture by. @throws FailureError `invalid`, `too_large` */
export async function pictureUrl(
  image: NonNullable<SearchRequest["image"]>,
  { env, now }: PictureDeps,
): Promise<string> {
  const base = env.publicUrl();
  // Signed by Weir itself: a thumbnail or an object of an earlier answer.
  if ("url" in image && new URL(image.url).origin === new URL(base).origin) return image.url;
  const bytes =
    "url" in image ? await fetchPicture(image.url, env) : new Uint8Array(Buffer.from(image.data, "base64"));
  const key = await keepPicture(env.archive(), bytes, "application/octet-stream", now());
  const expires = Math.floor(now() / 1000) + URL_SECONDS;
  const signing = signingKeyOf(env.required("WEIR_SIGNING_KEY"), PAYLOADS);
  return signObjectUrl(base, signing, { connection: PAYLOADS, bucket: PAYLOADS, key, expires });
}

async function fetchPicture(first: string, env: Env): Promise<Uint8Array> {
  const signal = AbortSignal.timeout(FETCH_MS);
  let url = new URL(first);
  for (let turn = 0; turn <= MAX_REDIRECTS; turn++) {
    // Locally, everything is on this machine.
    if (env.setting("WEIR_LOCAL") === undefined && isPrivate(url.hostname))
      throw refused(`${url.hostname} is no public host`);
    const response = await fetchNamed(url, { redirect: "manual", signal }).catch(() => {
      throw refused(`${url.host} does not answer`);
    });
    const onward = response.headers.get("location");
    if (response.status >= 300 && response.status < 400 && onward !== null) {
      await response.body?.cancel();
      if (!URL.canParse(onward, url.href)) throw refused(`${url.host} leads nowhere`);
      url = new URL(onward, url);
      if (!/^https?:$/.test(url.protocol)) throw refused(`${url.host} leads away from the web`);
      continue;
    }
    if (!response.ok) {
      await response.body?.cancel();
      throw refused(`${url.host} answers ${response.status}`);
    }
    return readBounded(response, url.host);
  }
  throw refused(`${url.host} leads on more than ${MAX_REDIRECTS} times`);
}

async function readBounded(response: Response, host: string): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of response.body ?? []) {
    size += part.byteLength;
    if (size > MAX_BYTES)
      throw new FailureError({
        kind: "too_large",
        detail: `the picture of ${host} is over ${MAX_BYTES / 1e6} MB`,
        where: "image.url",
      });
    parts.push(part);
  }
  return new Uint8Array(Buffer.concat(parts));
}

/**
 * Whether a host is named by an address that is nobody's on the public net, or has a name of no domain. A URL has addresses
 * in one form, however they were written. What a public name leads to is the platform's to refuse: a Worker reaches no
 * private network.
 */
function isPrivate(named: string): boolean {
  // A name may end in the dot of the root.
  const hostname = named.replace(/\.+$/, "");
  // Of IPv6, only what is routed, without what carries an address of IPv4 in it (6to4, Teredo) or is for books.
  if (hostname.startsWith("["))
    return !/^\[[23][0-9a-f]{3}:/i.test(hostname) || /^\[(2002:|2001:(0|db8)?:)/i.test(hostname);
  if (/^[\d.]+$/.test(hostname)) return PRIVATE_IPV4.test(hostname);
  return !hostname.includes(".") || /\.(local|localhost|internal)$/i.test(hostname);
}

const PRIVATE_IPV4 =
  /^(0|10|127|169\.254|172\.(1[6-9]|2\d|3[01])|192\.168|192\.0\.[02]|198\.(1[89]|51\.100)|203\.0\.113|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])|22[4-9]|2[3-5]\d)\./;

const refused = (detail: string) =>
  new FailureError({
    kind: "invalid",
    detail: `the picture cannot be fetched: ${detail}`,
    where: "image.url",
    expected:
      "the http or https URL of a picture that anybody can read; or the picture itself, as image.data",
  });
