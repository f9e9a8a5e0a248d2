// The front door of local work. It passes requests on to the router as they come, and does what Cloudflare does for a
// deployed Weir: R2's notifications, the cron, and queues that outlive the process (queues.ts). Never deployed.
import { type CutOffBindings, takeUpCutOff } from "./cut-off.ts";
import { refusalOf } from "./gate.ts";
import { isQueuedIn, type QueueBindings, wakeQueues } from "./queues.ts";

export { LocalQueue, QueueDoor } from "./queues.ts";

/** Bindings. Queues on disk are bound under `weir dev`; tests that start Workers by themselves have queues in memory. */
interface Env extends CutOffBindings, Partial<Pick<QueueBindings, "LOCAL_QUEUES" | "CONSUMERS">> {
  R2_EVENTS: Queue;
  WEIR_LOCAL_URL?: string;
  WEIR_URL?: string;
  WEIR_LOCAL_TOKEN?: string;
}

const refusal = ({ status, detail }: { status: number; detail: string }) =>
  Response.json(
    { type: "about:blank", title: "Refused", status, detail },
    { status, headers: { "content-type": "application/problem+json" } },
  );

/** What the router says of an upload. */
interface Uploaded {
  bucket: string;
  key: string;
  size: number;
  etag: string;
  reported_by: string[];
}

/** Sends the notification that R2 would send of an upload, where its bucket has them. */
async function notified(response: Response, env: Env): Promise<Response> {
  if (!response.ok) return response;
  const { bucket, key, size, etag: eTag, reported_by } = await response.clone().json<Uploaded>();
  const eventTime = new Date().toISOString();
  if (reported_by.includes("r2-queue"))
    await env.R2_EVENTS.send({
      ...{ account: "local", action: "PutObject", bucket, object: { key, size, eTag }, eventTime },
    });
  return response;
}

export default {
  async fetch(request, env): Promise<Response> {
    const gate = { urls: [env.WEIR_LOCAL_URL, env.WEIR_URL], token: env.WEIR_LOCAL_TOKEN };
    const refused = refusalOf(request, gate);
    if (refused) return refusal(refused);
    const { pathname } = new URL(request.url);
    if (request.method === "PUT" && pathname.startsWith("/v1/uploads/"))
      return notified(await env.ROUTER.fetch(request), env);
    if (request.method !== "POST" || !pathname.startsWith("/__local/")) return env.ROUTER.fetch(request);
    switch (pathname) {
      case "/__local/r2-notification":
        await env.R2_EVENTS.send(await request.json());
        return new Response(null, { status: 202 });
      case "/__local/cron":
        if (env.LOCAL_QUEUES)
          await Promise.all([
            wakeQueues(env as QueueBindings),
            takeUpCutOff(env, isQueuedIn(env as QueueBindings)),
          ]);
        return Response.json(await env.ROUTER.scheduled({ cron: "* * * * *" }));
      default:
        return new Response("There is no such local door.\n", { status: 404 });
    }
  },
} satisfies ExportedHandler<Env>;
