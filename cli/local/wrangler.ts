// Environment of a quiet wrangler, and the wait until its Workers answer; for the stack and `weir compare`.
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { CliError } from "../io/output.ts";

const BASE_START_SECONDS = 90;
/** Time to bundle and load a Worker: well under a second on an idle machine. */
const START_SECONDS_PER_WORKER = 3;
const WAIT_NOTICE_MS = 10_000;

/** Longest time that Workers may take to start, in seconds. */
export const startLimitSeconds = (workers: number): number =>
  BASE_START_SECONDS + START_SECONDS_PER_WORKER * workers;

/**
 * Waits until `/healthz` answers. `onWait` gets the seconds so far, from time to time.
 *
 * @throws CliError where it does not answer within the limit, or the process has `ended`
 */
export async function waitUntilHealthy(
  url: string,
  ended: Promise<string>,
  limitSeconds = startLimitSeconds(1),
  onWait: (seconds: number) => void = () => {},
): Promise<void> {
  let over: string | undefined;
  void ended.then((reason) => {
    over = reason;
  });
  const began = Date.now();
  let next = began + WAIT_NOTICE_MS;
  while (Date.now() < began + limitSeconds * 1000) {
    if (over) throw new CliError(`The Workers did not start: ${over}.`);
    const answer = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(5_000) }).catch(
      () => undefined,
    );
    if (answer?.ok) return;
    if (Date.now() > next) {
      onWait(Math.round((Date.now() - began) / 1000));
      next += WAIT_NOTICE_MS;
    }
    await delay(150);
  }
  throw new CliError(
    `${url}/healthz did not answer within ${limitSeconds} s. The output of the Workers is above; on a busy machine, try again.`,
  );
}

/** Environment for wrangler without metrics, update checks and look-ups, and with its own registry of Workers. */
export function wranglerEnv(persist: string): NodeJS.ProcessEnv {
  return {
    ...process.env,
    WRANGLER_SEND_METRICS: "false",
    WRANGLER_SEND_ERROR_REPORTS: "false",
    WRANGLER_HIDE_BANNER: "true",
    CLOUDFLARE_CF_FETCH_ENABLED: "false",
    WRANGLER_REGISTRY_PATH: join(persist, "registry"),
    WRANGLER_LOG_PATH: join(persist, "wrangler.log"),
    CI: "true",
  };
}
