// The secrets of local work: .weir/dev.env, made at random when absent and edited freely after that.
// `weir dev` hands them to wrangler through the process environment, where each Worker's `[secrets]` picks
// what is its own; a .dev.vars file would reach one Worker only and hide the rest from it.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseEnv } from "node:util";
import type { Connections } from "../../src/shapes/connection.ts";
import { CliError } from "../io/output.ts";
import { endpointName, LOCAL_S3, SIGNING_KEY, secretNames, signingKeys } from "../project/bindings.ts";
import { makePins } from "./pins.ts";

export type Env = Record<string, string>;
type Random = (bytes: number) => Buffer;

export const DEV_ENV = ".weir/dev.env";
/** Where wrangler serves local buckets over S3's own protocol, under the stack's URL. */
export const LOCAL_S3_PATH = "/cdn-cgi/local/r2/s3";

/** What the local doors, `/__local/…`, ask for: who can read the project's folder may knock. */
const LOCAL_TOKEN = "WEIR_LOCAL_TOKEN";
/** What a call of a local door comes with. */
export const localHeaders = (secrets: Readonly<Record<string, string | undefined>>) => ({
  "content-type": "application/json",
  authorization: `Bearer ${secrets[LOCAL_TOKEN]}`,
});

/** A value for every name that the project needs locally, in the form that its use asks for. */
export function makeSecrets(connections: Connections["connections"], random: Random): Env {
  const secrets: Env = {};
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
    // Known only when a port is: the stack fills it in, unless the file names another.
    for (const name of endpointName(connection.endpoint)) delete secrets[name];
  }
  return secrets;
}

/** Reads .weir/dev.env, first adding to it a line for every name that it lacks. */
export function devSecrets(root: string, connections: Connections["connections"], random: Random): Env {
  const path = join(root, DEV_ENV);
  if (existsSync(join(root, ".dev.vars"))) {
    const next = `move its lines to ${DEV_ENV}`;
    const problem = "wrangler would give this file to the router in place of the stack's own settings";
    throw new CliError("a .dev.vars is in the way", [
      { file: ".dev.vars", line: 1, column: 1, problem, next },
    ]);
  }
  const text = existsSync(path) ? readFileSync(path, "utf8") : "# Local work only. See dev.env.example.\n";
  const present = parseEnv(text) as Env;
  const missing = Object.entries(makeSecrets(connections, random)).filter(([name]) => !(name in present));
  if (missing.length > 0) {
    mkdirSync(dirname(path), { recursive: true });
    const added = missing.map(([name, value]) => `${name}=${quoted(value)}\n`).join("");
    writeFileSync(path, text.replace(/\n?$/, "\n") + added, { mode: 0o600 });
  }
  return { ...Object.fromEntries(missing), ...present };
}

/** Certificates have lines and key sets have quotes. */
const quoted = (value: string) => (/[\n"]/.test(value) ? `'${value}'` : value);

/** What depends on where the stack listens. A value in dev.env wins. */
export function stackSettings(connections: Connections["connections"], url: string, secrets: Env): Env {
  const endpoints = Object.values(connections).flatMap((it) =>
    it.kind === "s3" ? endpointName(it.endpoint) : [],
  );
  return {
    WEIR_URL: url,
    ...Object.fromEntries(endpoints.map((name) => [name, url + LOCAL_S3_PATH])),
    ...signingKeys(connections, secrets[SIGNING_KEY] ?? ""),
    ...secrets,
  };
}
