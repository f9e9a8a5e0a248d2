// Runs one step of a deploy with wrangler, at the pace that the API allows. What is there already counts as done, and a
// step that the API's limit has cut off is done again when the limit is over.
import { note } from "../io/output.ts";
import type { Pace } from "./pace.ts";
import { stepText } from "./show.ts";
import type { Step } from "./step.ts";
import { runWrangler, type Wrangler, type WranglerOutcome } from "./wrangler.ts";

/** A token that has made too many calls is blocked for so long. */
const BLOCKED_MS = 300_000;
const MAX_TRIES = 3;

/** Codes and words of the API for a queue, a bucket or a database that is there already. */
const IS_THERE = /\[code: (11009|10004|7502)\]|already (exists|taken)|already have a bucket/i;
const IS_LIMITED = /\[code: (971|10429)\]|\b429\b|too many requests|rate.?limit/i;

export type RunCommand = (args: string[], secrets: Record<string, string>) => Promise<WranglerOutcome>;

/** Runs a step. `run` replaces wrangler in tests. */
export async function runStep(
  step: Step,
  wrangler: Wrangler,
  secrets: Record<string, string>,
  pace: Pace,
  run: RunCommand = (args, given) => runWrangler(wrangler, args, given),
): Promise<WranglerOutcome> {
  for (let tries = 1; ; tries++) {
    await pace.reserve(step.calls);
    note(`  ${stepText(step)} …`);
    const outcome = await run(step.args, secrets);
    if (outcome.ok) return outcome;
    const makes = step.kind === "queue" || step.kind === "bucket" || step.kind === "database";
    if (makes && IS_THERE.test(outcome.said)) return { ok: true };
    if (!IS_LIMITED.test(outcome.said) || tries >= MAX_TRIES) return outcome;
    note("  The Cloudflare API takes no more calls of this token for five minutes.");
    pace.rest(BLOCKED_MS);
  }
}
