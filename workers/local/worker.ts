// The front door of local work: everything goes to the router as it came, except what a deployed Weir gets
// from Cloudflare and a local one must do itself: R2's notifications, the cron, and what becomes of messages
// when the process ends. Never deployed.
import type { D1Database } from "@cloudflare/workers-types";
import { presumeQueuesLost } from "./lost-queues.ts";

interface Env {
  /** `scheduled` comes with the flag `service_binding_extra_handlers`, which the types do not know. */
  ROUTER: Fetcher & { scheduled(options: { cron: string }): Promise<{ outcome: string }> };
  R2_EVENTS: Queue;
  LEDGER: D1Database;
}

export default {
  async fetch(request, env): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (request.method !== "POST" || !pathname.startsWith("/__local/")) return env.ROUTER.fetch(request);
    switch (pathname) {
      case "/__local/r2-notification":
        await env.R2_EVENTS.send(await request.json());
        return new Response(null, { status: 202 });
      case "/__local/started":
        await presumeQueuesLost(env.LEDGER);
        return Response.json(await env.ROUTER.scheduled({ cron: "* * * * *" }));
      case "/__local/cron":
        return Response.json(await env.ROUTER.scheduled({ cron: "* * * * *" }));
      default:
        return new Response("no such local door\n", { status: 404 });
    }
  },
} satisfies ExportedHandler<Env>;
