// The compute Worker: a Durable Object that is a container when deployed, and forwards to a plain URL in
// local work, where there are no containers. One object's calls stay on one instance because callers pick
// the Durable Object by the object's name. Decoding itself is in server/, what was made is kept by results.ts.
import { DurableObject, env } from "cloudflare:workers";
import { Container } from "@cloudflare/containers";

export { Results } from "./results.ts";

interface Bindings {
  /** Base URL of a compute server. Set: calls go there. Unset: they go to this object's own container. */
  COMPUTE_URL?: string;
}

const { COMPUTE_URL } = env as Bindings;

// Constructing a Container throws where containers are disabled, so the choice is made once, here.
const Base = (COMPUTE_URL ? DurableObject : Container) as typeof Container<Bindings>;

/** The class behind the `COMPUTE` binding of every pipeline Worker. `fetch` takes the server's own paths. */
export class Compute extends Base {
  override defaultPort = 8080;
  override sleepAfter = "5m";

  override async fetch(request: Request): Promise<Response> {
    if (!COMPUTE_URL) return super.fetch(request);
    const { pathname, search } = new URL(request.url);
    return fetch(new Request(new URL(pathname + search, COMPUTE_URL), request));
  }
}

export default {
  fetch(): Response {
    const detail =
      "This Worker has no routes. Pipelines reach it by their COMPUTE binding; send events to the router.";
    const problem = { type: "about:blank", title: "Not Found", status: 404, detail };
    return Response.json(problem, { status: 404, headers: { "content-type": "application/problem+json" } });
  },
} satisfies ExportedHandler<Bindings>;
