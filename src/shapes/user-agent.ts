// How Weir names itself in requests of its own. On a custom domain Cloudflare's Browser Integrity Check challenges
// requests without a name, with 403, and so may the server of any object, key or model.

export const USER_AGENT = "Weir/0.1";

/** Fetches as `fetch` does, under Weir's name. */
export function fetchNamed(input: string | URL | Request, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers ?? (input instanceof Request ? input.headers : undefined));
  headers.set("user-agent", USER_AGENT);
  return fetch(input, { ...init, headers });
}

/** Whether an answer is Cloudflare's challenge, which says nothing of what was asked for. */
export const isChallenge = (status: number, mitigated: string | null | undefined): boolean =>
  status === 403 && mitigated === "challenge";
