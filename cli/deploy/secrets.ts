// Values of the secrets that Workers declare, from the environment and from a file. Values leave this file only through
// pick(), for wrangler; every printed text goes through redact().
import { existsSync, readFileSync } from "node:fs";
import { parseEnv } from "node:util";
import { CliError } from "../io/output.ts";
import { SIGNING_KEY } from "../project/bindings.ts";
import { redactor } from "./wrangler.ts";

export interface DeploySecrets {
  /** Declared names that have a value. */
  given: ReadonlySet<string>;
  /** Values of some names, for the upload of one Worker. */
  pick(names: readonly string[]): Record<string, string>;
  /** Replaces every value in a text by ***. */
  redact(text: string): string;
}

/**
 * Finds the values of declared secrets: `derive` gives those that follow from the signing key, then the environment
 * comes before the file. An empty value counts as none, since unset secrets are empty in CI.
 *
 * @throws CliError where the file does not exist
 */
export function secretsOf(
  declared: readonly string[],
  env: NodeJS.ProcessEnv,
  file: string | undefined,
  derive: (signingKey: string) => Record<string, string> = () => ({}),
): DeploySecrets {
  if (file !== undefined && !existsSync(file))
    throw new CliError(`The file ${file} of --secrets-file does not exist.`, [], 2);
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
