// Who the local front door lets in. What listens on loopback is within reach of every page that the developer has open,
// by this machine's name or by another whose DNS leads here: so the Host must be the stack's own, a page its own, and
// the local doors ask for the stack's token.
import { createHash, timingSafeEqual } from "node:crypto";

export interface Gate {
  /** Where the stack is reached: on this machine, and by a tunnel, where WEIR_URL names one. */
  urls: (string | undefined)[];
  /** WEIR_LOCAL_TOKEN. */
  token: string | undefined;
}

/** Why a request is refused, with its status; undefined where it may go on. */
export function refusalOf(request: Request, gate: Gate): { status: number; detail: string } | undefined {
  const own = hostsOf(gate.urls);
  const host = request.headers.get("host") ?? new URL(request.url).host;
  if (!own.has(host)) return { status: 403, detail: `This stack is not reached as ${host}.` };
  const origin = request.headers.get("origin");
  if (origin !== null && !(URL.canParse(origin) && own.has(new URL(origin).host)))
    return { status: 403, detail: "A page of another origin is not answered." };
  if (isOfOtherPage(request)) return { status: 403, detail: "A page of another site is not answered." };
  if (!new URL(request.url).pathname.startsWith("/__local/")) return undefined;
  return isShown(request, gate.token)
    ? isJson(request)
    : { status: 401, detail: "This door asks for WEIR_LOCAL_TOKEN of .weir/dev.env, as a bearer token." };
}

/** What a browser says of a request that another page makes. Following a link to a page of ours is no such thing. */
function isOfOtherPage({ method, headers }: Request): boolean {
  const site = headers.get("sec-fetch-site");
  if (site === null || site === "same-origin" || site === "none") return false;
  const isLink = headers.get("sec-fetch-mode") === "navigate" && headers.get("sec-fetch-dest") === "document";
  return !(isLink && method === "GET");
}

const isShown = ({ headers }: Request, token: string | undefined) =>
  Boolean(token) && timingSafeEqual(digest(headers.get("authorization") ?? ""), digest(`Bearer ${token}`));

const isJson = ({ headers }: Request) =>
  /^application\/json\s*(;|$)/i.test(headers.get("content-type") ?? "")
    ? undefined
    : { status: 415, detail: "This door takes JSON, said to be application/json." };

function hostsOf(urls: Gate["urls"]): Set<string> {
  const hosts = urls.flatMap((url) => (url && URL.canParse(url) ? [new URL(url).host] : []));
  return new Set(hosts.flatMap((host) => [host, host.replace(/^127\.0\.0\.1(?=:|$)/, "localhost")]));
}

const digest = (text: string) => createHash("sha256").update(text).digest();
