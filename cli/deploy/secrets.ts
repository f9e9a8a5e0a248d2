// Values of the secrets that Workers declare, from the environment and from a file. Values leave this file only through
// pick(), for wrangler; every printed text goes through redact().
import { existsSync, readFileSync } from "node:fs";
import { parseEnv } from "node:util";
import { isConnectionSecret } from "../../src/shapes/bindings.ts";
import { CliError } from "../io/output.ts";
import { redactor } from "./wrangler.ts";

export interface DeploySecrets {
  /** Declared names that have a value. */
  given: ReadonlySet<string>;
  /** Values of some names, for the upload of one Worker. */
  pick(names: readonly string[]): Record<string, string>;
  /** Replaces every value in a text by ***. */
  redact(text: string): string;
}

/** Most that Cloudflare takes for a variable of a Worker. */
const MAX_VALUE_BYTES = 5_120;

/**
 * Finds the values of declared secrets: `derive` gives those that follow from others, then the environment comes before
 * the file. An empty value counts as none, since unset secrets are empty in CI.
 *
 * @throws CliError where the file does not exist, or a value is too long
 */
export function secretsOf(
  declared: readonly string[],
  env: NodeJS.ProcessEnv,
  file: string | undefined,
  derive: (readValue: (name: string) => string | undefined) => Record<string, string> = () => ({}),
): DeploySecrets {
  if (file !== undefined && !existsSync(file))
    throw new CliError(`The file ${file} of --secrets-file does not exist.`, [], 2);
  const fromFile = file === undefined ? {} : parseEnv(readFileSync(file, "utf8"));
  const values = new Map<string, string>();
  const set = (name: string) => env[name] || fromFile[name];
  const derived = derive(set);
  for (const name of declared) {
    const value = derived[name] || set(name);
    if (value) values.set(name, value);
    const bytes = Buffer.byteLength(value ?? "");
    if (bytes > MAX_VALUE_BYTES)
      throw new CliError(
        `Nothing was deployed. ${name} has ${bytes} bytes, and a Worker's secret at most ${MAX_VALUE_BYTES}.` +
          (isConnectionSecret(name) ? " Divide the connection, or give it fewer secrets." : ""),
      );
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
