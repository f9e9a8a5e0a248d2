// The values of the secrets that Workers declare: from the environment, by their own names, and from a file.
// Values are held here and in the file that wrangler reads; everything that is printed goes through redact().
import { existsSync, readFileSync } from "node:fs";
import { parseEnv } from "node:util";
import { CliError } from "../io/output.ts";
import { SIGNING_KEY } from "../project/bindings.ts";
import { redactor } from "./wrangler.ts";

export interface Secrets {
  /** Which of the declared names have a value. */
  given: ReadonlySet<string>;
  /** The values of some names, for the file that goes along with one Worker. */
  pick(names: readonly string[]): Record<string, string>;
  /** Strikes every value out of a text. */
  redact(text: string): string;
}

/**
 * A value in the environment wins over the file's. An empty value is none: unset secrets are empty in CI. `derive`
 * gives those that follow from the signing key.
 */
export function secretsOf(
  declared: readonly string[],
  env: NodeJS.ProcessEnv,
  file: string | undefined,
  derive: (signingKey: string) => Record<string, string> = () => ({}),
): Secrets {
  if (file !== undefined && !existsSync(file))
    throw new CliError(`--secrets-file: there is no ${file}`, [], 2);
  const fromFile = file === undefined ? {} : parseEnv(readFileSync(file, "utf8"));
  const values = new Map<string, string>();
  const root = env[SIGNING_KEY] || fromFile[SIGNING_KEY];
  const derived = root ? derive(root) : {};
  for (const name of declared) {
    const value = derived[name] || env[name] || fromFile[name];
    if (value) values.set(name, value);
  }
  const others = [...Object.values(fromFile), env.CLOUDFLARE_API_TOKEN].filter(
    (value) => value !== undefined,
  );
  return {
    given: new Set(values.keys()),
    pick: (names) =>
      Object.fromEntries(names.flatMap((name) => (values.has(name) ? [[name, values.get(name) ?? ""]] : []))),
    redact: redactor([...values.values(), ...others]),
  };
}
