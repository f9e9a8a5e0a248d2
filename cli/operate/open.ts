// Command `weir open`: opens the page of a Weir in the browser, with a key that can only read and expires tomorrow.
import { spawn } from "node:child_process";
import { note, print, printJson } from "../io/output.ts";
import { settingsOf } from "../settings/settings.ts";
import { type Client, openClient } from "./client.ts";
import type { OperatorFlags } from "./replay.ts";

const KEY_MS = 24 * 3_600_000;
const OPENERS: Partial<Record<NodeJS.Platform, [string, ...string[]]>> = {
  darwin: ["open"],
  win32: ["cmd", "/c", "start", ""],
};

/** URL of the page, or of a view of it, with a new key in its fragment, which no server is sent. */
export async function pageUrl(client: Client, url: string, name: string, view?: string): Promise<string> {
  const expires_at = new Date(Date.now() + KEY_MS).toISOString();
  const { key } = await client.call((weir) => weir.createKey({ name, scopes: ["read"], expires_at }));
  return `${url}/#key=${key}${view === undefined ? "" : `&to=${encodeURIComponent(view)}`}`;
}

/** Opens the page, or prints its URL. @throws CliError where the key may create no other */
export async function openPage(root: string, flags: OperatorFlags & { browser: boolean }): Promise<void> {
  const { url } = settingsOf(root, process.env, flags);
  const page = await pageUrl(openClient(root, flags), url.value, "page of weir open");
  if (flags.json) return printJson({ url: page });
  if (flags.browser && (await openInBrowser(page))) return note(`${url.value}/ is opened in the browser.`);
  print(page);
}

/** Whether a person sits at this machine, whose browser a command may open by itself. */
export function hasBrowser(env: NodeJS.ProcessEnv, platform: NodeJS.Platform): boolean {
  if (env.CI || env.SSH_CONNECTION) return false;
  return platform === "darwin" || platform === "win32" || Boolean(env.DISPLAY || env.WAYLAND_DISPLAY);
}

/** Hands a URL to the system's browser; false where there is none. */
export function openInBrowser(page: string): Promise<boolean> {
  const [command, ...args] = OPENERS[process.platform] ?? ["xdg-open"];
  return new Promise((resolve) => {
    const child = spawn(command, [...args, page], { stdio: "ignore", detached: true });
    child.once("error", () => resolve(false));
    child.once("exit", (code) => resolve(code === 0));
    child.unref();
  });
}
