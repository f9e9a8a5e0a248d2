// URL and API key of the Weir that a command talks to, and where each was found: a flag, the environment, a profile, or
// local work, in this order for every command. `weir whoami` prints both.
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { z } from "zod";
import { CliError } from "../io/output.ts";
import { suggestion } from "../io/suggest.ts";
import { DEV_ENV } from "./dev-env.ts";

export interface Setting {
  value: string;
  /** Place that it was found, for a person: `WEIR_URL in the environment`. */
  from: string;
}

export interface Settings {
  url: Setting;
  /** Absent where no key was found. */
  key?: Setting;
}

/** Flags that choose a Weir and a key. */
export interface EndpointFlags {
  url?: string;
  /** API key to use instead of the one that is found. Not `key`: commands have a `--key` of their own. */
  apiKey?: string;
}

const profilesSchema = z.strictObject({
  /** Name of the profile that is used where WEIR_PROFILE is not set. */
  default: z.string().optional(),
  profiles: z.record(z.string(), z.strictObject({ url: z.url(), api_key: z.string().min(1).optional() })),
});
type Profile = z.infer<typeof profilesSchema>["profiles"][string] & { from: string };

export const LOCAL_URL = "http://127.0.0.1:8787";
const LOOPBACK = /^(127(\.\d{1,3}){3}|localhost|\[::1\])$/;

/** Whether a URL is on this machine. Compares the whole host: `127.0.0.1.example.com` is elsewhere. */
export function isLocal(url: string): boolean {
  const { protocol = "", hostname = "" } = URL.parse(url) ?? {};
  return /^https?:$/.test(protocol) && LOOPBACK.test(hostname);
}

/** Path of the profiles: `$XDG_CONFIG_HOME/weir/profiles.json`, by default under `~/.config`. */
export const profilesPath = (env: NodeJS.ProcessEnv) =>
  join(env.XDG_CONFIG_HOME || join(env.HOME || homedir(), ".config"), "weir", "profiles.json");

/** Finds URL and key: flag, environment, profile, local work, in this order. A key goes only to the URL it is for. */
export function settingsOf(root: string, env: NodeJS.ProcessEnv, flags: { url?: string } = {}): Settings {
  const profile = profileOf(env);
  const url: Setting = flags.url
    ? { value: flags.url, from: "--url" }
    : env.WEIR_URL
      ? { value: env.WEIR_URL, from: "WEIR_URL in the environment" }
      : profile
        ? { value: profile.url, from: profile.from }
        : { value: LOCAL_URL, from: "nothing else is set: local work" };
  const value = url.value.replace(/\/+$/, "");
  const key = keyOf(root, env, value, profile);
  return { url: { ...url, value }, ...(key ? { key } : {}) };
}

function keyOf(root: string, env: NodeJS.ProcessEnv, url: string, profile?: Profile): Setting | undefined {
  // Where a Weir is deployed from, WEIR_API_KEY is the root key to be deployed; WEIR_KEY is a lesser key for commands.
  if (env.WEIR_KEY) return { value: env.WEIR_KEY, from: "WEIR_KEY in the environment" };
  if (env.WEIR_API_KEY) return { value: env.WEIR_API_KEY, from: "WEIR_API_KEY in the environment" };
  // The key of a profile goes only to the URL of that profile.
  if (profile?.api_key && profile.url.replace(/\/+$/, "") === url) {
    return { value: profile.api_key, from: profile.from };
  }
  const local = join(root, DEV_ENV);
  if (!isLocal(url) || !existsSync(local)) return undefined;
  const value = parseEnv(readFileSync(local, "utf8")).WEIR_API_KEY;
  return value ? { value, from: DEV_ENV } : undefined;
}

function profileOf(env: NodeJS.ProcessEnv): Profile | undefined {
  const path = profilesPath(env);
  if (!existsSync(path)) {
    if (!env.WEIR_PROFILE) return undefined;
    throw new CliError(
      `WEIR_PROFILE is "${env.WEIR_PROFILE}", but ${path} does not exist. Create it, or unset WEIR_PROFILE.`,
      [],
      2,
    );
  }
  const parsed = profilesSchema.safeParse(jsonOf(readFileSync(path, "utf8")));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new CliError(
      `The profiles in ${path} cannot be read: ${issue?.path.join(".") || "the file"}: ${issue?.message}.`,
      [],
      2,
    );
  }
  const { profiles, default: usual } = parsed.data;
  const name = env.WEIR_PROFILE || usual;
  if (!name) return undefined;
  const found = profiles[name];
  if (!found)
    throw new CliError(
      `There is no profile "${name}" in ${path}. ${suggestion(name, Object.keys(profiles))}`,
      [],
      2,
    );
  return { ...found, from: `profile "${name}" in ${path}` };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
