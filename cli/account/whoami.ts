// Command `weir whoami`: prints which Weir and which Cloudflare account weir talks to, and where each setting comes
// from. Of a secret it prints the place, never the value.

import type { z } from "@hono/zod-openapi";
import { callerSchema } from "../../src/http/keys/answers.ts";
import { fetchNamed } from "../../src/shapes/user-agent.ts";
import { openCloudflare } from "../deploy/cloudflare.ts";
import { CliError, print, printJson, table } from "../io/output.ts";
import { profilesPath, settingsOf } from "../settings/settings.ts";

export interface WhoamiOptions {
  root: string;
  env: NodeJS.ProcessEnv;
  url?: string;
  json?: boolean;
}

interface SettingRow {
  setting: string;
  value: string;
  from: string;
}

/** Prints the settings. @throws CliError (exit code 3) where the Weir refuses the key */
export async function whoami({ root, env, url, json }: WhoamiOptions): Promise<void> {
  const settings = settingsOf(root, env, url === undefined ? {} : { url });
  const { answer, caller } = await callWhoami(settings.url.value, settings.key?.value);
  const rows: SettingRow[] = [
    { setting: "Weir", value: settings.url.value, from: settings.url.from },
    {
      setting: "API key",
      value: settings.key ? "set" : "none",
      from: settings.key?.from ?? `WEIR_KEY, WEIR_API_KEY or ${profilesPath(env)}`,
    },
    { setting: "reached", value: answer, from: `GET ${settings.url.value}${WHOAMI_PATH}` },
    ...(caller ? [{ setting: "known as", value: callerText(caller), from: "that answer" }] : []),
    ...(await cloudflareOf(env, root)),
  ];
  if (json) printJson({ ok: answer !== "refused", settings: rows, ...(caller && { caller }) });
  else print(table([["setting", "value", "from"], ...rows.map((row) => [row.setting, row.value, row.from])]));
  if (answer === "refused")
    throw new CliError(
      `${settings.url.value} does not accept the API key from ${settings.key?.from ?? "nowhere"}.`,
      [],
      3,
    );
}

const WHOAMI_PATH = "/v1/whoami";
type Caller = z.infer<typeof callerSchema>;

const callerText = ({ name, id, scopes, expires_at }: Caller) =>
  `${name} (${id}), may ${scopes.join(", ")}; ${expires_at === null ? "does not expire" : `expires at ${expires_at}`}`;

async function callWhoami(
  url: string,
  key: string | undefined,
): Promise<{ answer: "yes" | "refused" | "no"; caller?: Caller }> {
  const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
  const signal = AbortSignal.timeout(5_000);
  const answer = await fetchNamed(url + WHOAMI_PATH, { headers, signal }).catch(() => undefined);
  if (answer?.status === 401) return { answer: "refused" };
  const caller = answer?.ok ? callerSchema.safeParse(await answer.json().catch(() => null)) : undefined;
  return caller?.success ? { answer: "yes", caller: caller.data } : { answer: "no" };
}

/** Row for the Cloudflare account. Without a token wrangler is not asked, which would take seconds. */
async function cloudflareOf(env: NodeJS.ProcessEnv, root: string): Promise<SettingRow[]> {
  if (!env.CLOUDFLARE_API_TOKEN) {
    return [{ setting: "Cloudflare", value: "not asked", from: "CLOUDFLARE_API_TOKEN is not set" }];
  }
  const from = env.CLOUDFLARE_ACCOUNT_ID ? "CLOUDFLARE_ACCOUNT_ID" : "the token's only account";
  const rows = await openCloudflare(env, root).then(
    ({ account }) => ({ value: account, from }),
    (error: Error) => ({ value: "not reached", from: error.message }),
  );
  return [{ setting: "Cloudflare", ...rows }];
}
