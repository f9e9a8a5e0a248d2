// The gate of the local front door (worker.ts). A port on loopback is within reach of every page that the developer has
// open, by this machine's name or by another name whose DNS leads here. So the Host must be the stack's own, a calling
// page must be too, and the local doors ask for the stack's token.
import { createHash, timingSafeEqual } from "node:crypto";

/** Settings of the gate. */
export interface Gate {
  /** Addresses of the stack: on this machine, and by a tunnel where WEIR_URL names one. */
  urls: (string | undefined)[];
  /** WEIR_LOCAL_TOKEN. */
  token: string | undefined;
}

/** Refusal of a request, with its status; undefined where it may go on. */
export function refusalOf(request: Request, gate: Gate): { status: number; detail: string } | undefined {
  const own = hostsOf(gate.urls);
  const host = request.headers.get("host") ?? new URL(request.url).host;
  if (!own.has(host))
    return {
      status: 403,
      detail: `This stack is not reached as ${host}. Use the address that \`weir dev\` prints.`,
    };
  const origin = request.headers.get("origin");
  if (origin !== null && !(URL.canParse(origin) && own.has(new URL(origin).host)))
    return { status: 403, detail: "A page of another origin is not answered." };
  if (isOfOtherPage(request)) return { status: 403, detail: "A page of another site is not answered." };
  if (!new URL(request.url).pathname.startsWith("/__local/")) return undefined;
  return hasToken(request, gate.token)
    ? typeRefusal(request)
    : { status: 401, detail: "This door asks for WEIR_LOCAL_TOKEN of .weir/dev.env, as a bearer token." };
}

/** Whether a page of another site makes the request, by the browser's word. Following a link to Weir is not meant. */
function isOfOtherPage({ method, headers }: Request): boolean {
  const site = headers.get("sec-fetch-site");
  if (site === null || site === "same-origin" || site === "none") return false;
  const isLink = headers.get("sec-fetch-mode") === "navigate" && headers.get("sec-fetch-dest") === "document";
  return !(isLink && method === "GET");
}

const hasToken = ({ headers }: Request, token: string | undefined) =>
  Boolean(token) && timingSafeEqual(digest(headers.get("authorization") ?? ""), digest(`Bearer ${token}`));

const typeRefusal = ({ headers }: Request) =>
  /^application\/json\s*(;|$)/i.test(headers.get("content-type") ?? "")
    ? undefined
    : { status: 415, detail: "This door takes JSON. Send it with the content type application/json." };

function hostsOf(urls: Gate["urls"]): Set<string> {
  const hosts = urls.flatMap((url) => (url && URL.canParse(url) ? [new URL(url).host] : []));
  return new Set(hosts.flatMap((host) => [host, host.replace(/^127\.0\.0\.1(?=:|$)/, "localhost")]));
}

const digest = (text: string) => createHash("sha256").update(text).digest();
