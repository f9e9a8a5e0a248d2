// Secrets of local work, kept in .weir/dev.env: random at first, and free to edit. `weir dev` passes them to wrangler
// through the process environment, from which each Worker takes those in its `[secrets]`; a .dev.vars file would
// reach one Worker only, and hide the others from it.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseEnv } from "node:util";
import type { Connections } from "../../src/shapes/connection.ts";
import { endpointName } from "../../src/shapes/connection-secrets.ts";
import { CliError } from "../io/output.ts";
import { LOCAL_S3 } from "../project/bindings.ts";
import { connectionSecrets, SIGNING_KEY, secretNames, signingKeys } from "../project/secret-names.ts";
import { makePins } from "./pins.ts";

export type SettingValues = Record<string, string>;
type Random = (bytes: number) => Buffer;

export const DEV_ENV = ".weir/dev.env";
/** Path below the stack's URL where wrangler serves local buckets over the S3 protocol. */
export const LOCAL_S3_PATH = "/cdn-cgi/local/r2/s3";

/** Name of the token that the local doors, `/__local/…`, require: whoever can read the project's folder has it. */
const LOCAL_TOKEN = "WEIR_LOCAL_TOKEN";
/** Headers of a call to a local door. */
export const localHeaders = (secrets: Readonly<Record<string, string | undefined>>) => ({
  "content-type": "application/json",
  authorization: `Bearer ${secrets[LOCAL_TOKEN]}`,
});

/** Makes a value for every secret that the project needs locally, each in the form that its scheme requires. */
export function makeSecrets(connections: Connections["connections"], random: Random): SettingValues {
  const secrets: SettingValues = {};
  for (const name of secretNames(connections)) secrets[name] = random(32).toString("hex");
  secrets[LOCAL_TOKEN] = random(32).toString("hex");
  secrets.WEIR_API_KEY = `weir_${random(24).toString("hex")}`;
  Object.assign(secrets, makePins(connections));
  for (const connection of Object.values(connections)) {
    if (connection.kind === "d1") continue;
    for (const scheme of connection.events) {
      if (scheme.scheme !== "standard-webhooks") continue;
      for (const secret of scheme.secrets) {
        secrets[typeof secret === "string" ? secret : secret.name] = `whsec_${random(24).toString("base64")}`;
      }
    }
    if (connection.kind !== "s3") continue;
    secrets[connection.access_key_id] = LOCAL_S3.accessKeyId;
    secrets[connection.secret_access_key] = LOCAL_S3.secretAccessKey;
    // The endpoint follows from the port, so the stack sets it, unless the file has a value.
    for (const name of endpointName(connection.endpoint)) delete secrets[name];
  }
  return secrets;
}

/** Reads .weir/dev.env, after adding a line for every secret that it lacks. @throws CliError */
export function devSecrets(
  root: string,
  connections: Connections["connections"],
  random: Random,
): SettingValues {
  const path = join(root, DEV_ENV);
  if (existsSync(join(root, ".dev.vars"))) {
    const next = `Move its lines to ${DEV_ENV}.`;
    const problem = "wrangler would give this file to the router instead of the stack's settings.";
    throw new CliError("The file .dev.vars is in the way.", [
      { file: ".dev.vars", line: 1, column: 1, problem, next },
    ]);
  }
  const text = existsSync(path) ? readFileSync(path, "utf8") : "# Local work only. See dev.env.example.\n";
  const present = parseEnv(text) as SettingValues;
  const missing = Object.entries(makeSecrets(connections, random)).filter(([name]) => !(name in present));
  if (missing.length > 0) {
    mkdirSync(dirname(path), { recursive: true });
    const added = missing.map(([name, value]) => `${name}=${quoted(value)}\n`).join("");
    writeFileSync(path, text.replace(/\n?$/, "\n") + added, { mode: 0o600 });
  }
  return { ...Object.fromEntries(missing), ...present };
}

/** Value for a .env file, in quotes where it has several lines (certificates) or quotes (key sets). */
const quoted = (value: string) => (/[\n"]/.test(value) ? `'${value}'` : value);

/** Settings that depend on the URL of the stack, with the secrets. A value in dev.env comes first. */
export function stackSettings(
  connections: Connections["connections"],
  url: string,
  secrets: SettingValues,
): SettingValues {
  const endpoints = Object.values(connections).flatMap((connection) =>
    connection.kind === "s3" ? endpointName(connection.endpoint) : [],
  );
  const settings: SettingValues = {
    WEIR_URL: url,
    ...Object.fromEntries(endpoints.map((name) => [name, url + LOCAL_S3_PATH])),
    ...signingKeys(connections, secrets[SIGNING_KEY] ?? ""),
    ...secrets,
  };
  return { ...connectionSecrets(connections, (name) => settings[name]), ...settings };
}
