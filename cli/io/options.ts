// Options that several subcommands share, each worded once, and the parsers of numeric values.
import { InvalidArgumentError } from "commander";

export const URL_OPTION = [
  "--url <url>",
  "the Weir to talk to; default: WEIR_URL, a profile, or local work",
] as const;
export const ROUTER_URL_OPTION = [
  "--url <url>",
  "public URL of the router; default: WEIR_URL, a profile, or its workers.dev address",
] as const;
export const SECRETS_FILE_OPTION = [
  "--secrets-file <file>",
  "file of NAME=value lines, for secrets that are not in the environment",
] as const;
/** `--json` of a command that prints `what`. */
export const jsonOption = (what: string) => ["--json", `print ${what} as JSON`] as const;
export const JSON_OPTION = jsonOption("the answer");
export const IDEMPOTENCY_OPTION = [
  "--idempotency-key <key>",
  "do nothing again when the same key was sent within the last 24 hours",
] as const;
export const LIMIT_OPTION = ["--limit <count>", "rows to print, newest first", positiveInteger, 50] as const;
export const ALIAS_OPTION = ["--alias <alias>", "only this pipeline"] as const;
export const BUDGET_OPTION = [
  "--budget <usd>",
  "pause it once its runs have cost so many dollars, by list prices",
  positive,
] as const;
export const PREFIX_OPTION = ["--prefix <prefix>", "only objects whose key begins with this"] as const;
export const CONNECTION_OPTION = [
  "--connection <id>",
  "default: the first connection that takes this kind",
] as const;
export const REASON_OPTION = ["--reason <text>", "why, for whoever looks later"] as const;
export const PORT_OPTION = [
  "--port <port>",
  "port to listen on; 0 takes a free one",
  portNumber,
  8787,
] as const;

export function positiveInteger(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1)
    throw new InvalidArgumentError("Expected a whole number above 0.");
  return count;
}

export function positive(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError("Expected a number above 0.");
  return value;
}

export function wholeNumber(text: string): number {
  const value = Number(text);
  if (text === "" || !Number.isInteger(value) || value < 0)
    throw new InvalidArgumentError("Expected a whole number from 0 on.");
  return value;
}

export function nonNegative(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value < 0)
    throw new InvalidArgumentError("Expected a number from 0 on.");
  return value;
}

function portNumber(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new InvalidArgumentError("Expected a port from 0 to 65535.");
  return port;
}
