// Options that many of the operator's subcommands share, each worded once.
import { InvalidArgumentError } from "commander";

export const URL_OPTION = ["--url <url>", "which Weir; default: WEIR_URL, a profile, or local work"] as const;
export const JSON_OPTION = ["--json", "tell the answer as JSON on stdout"] as const;
export const KEY_OPTION = [
  "--idempotency-key <key>",
  "asked again with the same key within 24 hours, nothing is done twice",
] as const;
export const FIFTY = ["--limit <count>", "how many, newest first", positive, 50] as const;

export function positive(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1) throw new InvalidArgumentError("a whole number above 0.");
  return count;
}
