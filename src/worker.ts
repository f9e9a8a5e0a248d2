// Entry of the router's Worker: fetch (http/app.ts), queue (queue/consume.ts) and scheduled (cron/scheduled.ts).
import { runScheduled } from "./cron/scheduled.ts";
import { createApp } from "./http/app.ts";
import { consume } from "./queue/consume.ts";
import { openRouter } from "./routing/deps.ts";

const app = createApp();
const open = (env: object, context: ExecutionContext) => openRouter(env, (work) => context.waitUntil(work));

export default {
  fetch: (request, env, context) => app.fetch(request, env, context),
  queue: (batch, env, context) => consume(batch, open(env, context)),
  scheduled: (_, env, context) => runScheduled(open(env, context)),
} satisfies ExportedHandler<object>;
