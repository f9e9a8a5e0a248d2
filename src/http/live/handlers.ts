// The handler of the stream of changes: it writes what src/query/live.ts watches for as server-sent events.
import { streamSSE } from "hono/streaming";
import { watchChanges } from "../../query/live.ts";
import { logWarning } from "../../shapes/log.ts";
import type { OpenDeps, RouterApp } from "../router-app.ts";
import * as routes from "./routes.ts";

/** Time after which a listener connects again, ms. */
const RETRY_MS = 1_000;

export function addLiveRoutes(app: RouterApp, open: OpenDeps): void {
  app.openapi(routes.live, async (c) => {
    const { seconds } = c.req.valid("query");
    const resumes = c.req.valid("header")["last-event-id"] !== undefined;
    let wake = () => {};
    const sleep = (ms: number) =>
      new Promise<void>((resolve) => {
        wake = resolve;
        setTimeout(resolve, ms);
      });
    const changes = watchChanges(open(c), { lastsMs: seconds * 1000, resumes, sleep });
    // What keeps the first look from being taken is a problem with its status, not a broken stream.
    const first = await changes.next();
    // Proxies must neither hold the stream back nor pack it.
    c.header("x-accel-buffering", "no");
    return streamSSE(
      c,
      async (stream) => {
        stream.onAbort(() => wake());
        for (let next = first; !next.done && !stream.aborted; next = await changes.next()) {
          const { event, at, what } = next.value;
          const time = new Date(at).toISOString();
          await stream.writeSSE({
            ...{ event, id: time, retry: RETRY_MS },
            data: JSON.stringify({ at: time, what }),
          });
        }
        await changes.return(undefined);
      },
      async (error) => logWarning("live.ended", { error: String(error) }),
    );
  });
}
