// The doors of the router: fetch, queue, scheduled. Each takes in what came, hands it to the one spine, and
// answers for each message by itself.

import { guard } from "./cron/circuit-breaker.ts";
import { letPayloadsGo, retain } from "./cron/retention.ts";
import { createApp } from "./http/app.ts";
import { consume } from "./queue/consume.ts";
import { sweepReplays } from "./replay/advance.ts";
import { openRouter, type RouterDeps } from "./routing/deps.ts";
import { sweep } from "./routing/route.ts";

const app = createApp();

export default {
  fetch: (request, env, context) => app.fetch(request, env, context),
  queue: (batch, env, context) =>
    consume(
      batch,
      openRouter(env, (work) => context.waitUntil(work)),
    ),
  scheduled: async (_, env, context) => {
    const deps = openRouter(env, (work) => context.waitUntil(work));
    // Each by itself: what stops one must not stop the others for good.
    for (const [name, work] of Object.entries({ sweep, sweepReplays, guard, archive, letPayloadsGo })) {
      await work(deps).catch((error: unknown) =>
        console.error(JSON.stringify({ log: "scheduled.failed", name, error: String(error) })),
      );
    }
  },
} satisfies ExportedHandler<object>;

async function archive(deps: RouterDeps): Promise<void> {
  for (const went of await retain(deps)) console.log(JSON.stringify({ log: "archive", ...went }));
}
