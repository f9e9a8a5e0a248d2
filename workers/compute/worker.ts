// The compute Worker: a Durable Object that is a container when deployed, and forwards to a plain URL in
// local work, where there are no containers. One object's calls stay on one instance because callers pick
// the Durable Object by the object's name. Decoding itself is in server/, embeddings are kept by results.ts.

import { DurableObject, env } from "cloudflare:workers";
import { Buffer } from "node:buffer";
import { Container } from "@cloudflare/containers";

export { Results } from "./results.ts";

interface Bindings {
  /** Base URL of a compute server. Set: calls go there. Unset: they go to this object's own container. */
  COMPUTE_URL?: string;
  /** The token of that server. */
  COMPUTE_TOKEN?: string;
}

const { COMPUTE_URL, COMPUTE_TOKEN = "" } = env as Bindings;

// Constructing a Container throws where containers are disabled, so the choice is made once, here.
const Base = (COMPUTE_URL ? DurableObject : Container) as typeof Container<Bindings>;

/** The class behind the `COMPUTE` binding of every pipeline Worker. `fetch` takes the server's own paths. */
export class Compute extends Base {
  override defaultPort = 8080;
  override sleepAfter = "5m";

  /** What the container's server lets this object in by. Kept, since a container outlives the object that started it. */
  #token = COMPUTE_TOKEN;

  constructor(state: DurableObjectState<object>, bindings: Bindings) {
    super(state, bindings);
    if (COMPUTE_URL) return;
    void state.blockConcurrencyWhile(async () => {
      this.#token = (await state.storage.get<string>("token")) ?? newToken();
      await state.storage.put("token", this.#token);
      this.envVars = { COMPUTE_TOKEN: this.#token };
    });
  }

  override async fetch(request: Request): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    const onward = new Request(COMPUTE_URL ? new URL(pathname + search, COMPUTE_URL) : request.url, request);
    onward.headers.set("authorization", `Bearer ${this.#token}`);
    return COMPUTE_URL ? fetch(onward) : super.fetch(onward);
  }
}

const newToken = () => Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("hex");

export default {
  fetch(): Response {
    const detail =
      "This Worker has no routes. Pipelines reach it by their COMPUTE binding; send events to the router.";
    const problem = { type: "about:blank", title: "Not Found", status: 404, detail };
    return Response.json(problem, { status: 404, headers: { "content-type": "application/problem+json" } });
  },
} satisfies ExportedHandler<Bindings>;
