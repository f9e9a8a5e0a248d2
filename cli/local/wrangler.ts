// wrangler as a quiet guest of the stack and of `weir compare`, and how long it is waited for.
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { CliError } from "../io/output.ts";
import { packageRoot } from "../project/project.ts";

export const WRANGLER = join(packageRoot, "node_modules/wrangler/bin/wrangler.js");
const BASE_START_SECONDS = 90;
/** Each Worker is bundled and loaded: well under a second where the machine has nothing else to do. */
const START_SECONDS_PER_WORKER = 3;
const TELL_EACH_MS = 10_000;

/** How long Workers may take to start, in seconds. */
export const startLimit = (workers: number): number =>
  BASE_START_SECONDS + START_SECONDS_PER_WORKER * workers;

/**
 * Resolves when `/healthz` answers; `onWait` hears from time to time how many seconds that has taken.
 *
 * Throws a {@link CliError} when it does not within the limit, or when what should answer has `ended`.
 */
export async function healthy(
  url: string,
  ended: Promise<string>,
  limitSeconds = startLimit(1),
  onWait: (seconds: number) => void = () => {},
): Promise<void> {
  let over: string | undefined;
  void ended.then((reason) => {
    over = reason;
  });
  const began = Date.now();
  let next = began + TELL_EACH_MS;
  while (Date.now() < began + limitSeconds * 1000) {
    if (over) throw new CliError(`The Workers did not start: ${over}.`);
    const answer = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(5_000) }).catch(
      () => undefined,
    );
    if (answer?.ok) return;
    if (Date.now() > next) {
      onWait(Math.round((Date.now() - began) / 1000));
      next += TELL_EACH_MS;
    }
    await delay(150);
  }
  throw new CliError(
    `${url}/healthz did not answer within ${limitSeconds} s. What the Workers said is above; a machine that is busy may need another try.`,
  );
}

/** wrangler as a quiet guest: no metrics, no update check, no look-ups, a registry of its own. */
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
