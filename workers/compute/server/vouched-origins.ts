// Origins that a caller vouches for: a pipeline's Worker names, with each call, the origins of the URLs that it has signed
// in this run. So a URL that came from elsewhere, say out of an object's metadata, is not read. The address of
// what is vouched for is checked all the same (address.ts).
import { type Failure, fail } from "../../../src/shapes/failure.ts";

/** Fields by which the bodies of the endpoints name objects. */
interface NamedUrls {
  url?: unknown;
  items?: unknown;
}

/** Why a body is refused for a URL that its caller's header does not vouch for. A call without one vouches for all. */
export function refuseUnvouched(header: string | undefined, body: unknown): Failure | undefined {
  if (header === undefined) return undefined;
  const origins = new Set(header.split(","));
  for (const url of urlsOf(body)) {
    const { origin, host } = new URL(url);
    if (origins.has(origin)) continue;
    const next = "Give a URL that weir.fileUrl has signed in this run.";
    return fail("forbidden", `${host} is no source that this run has signed a URL of`, { where: "url", next })
      .failure;
  }
  return undefined;
}

function urlsOf(body: unknown): string[] {
  const { url, items } = (body ?? {}) as NamedUrls;
  const itemUrls = Array.isArray(items) ? items.map((item: NamedUrls) => item.url) : [];
  return [url, ...itemUrls].filter((value) => typeof value === "string");
}
