// Finds the Weir that `weir put`, `rm`, `trigger` and `connect` talk to: its URL, its connections, and the secrets of
// its senders. Secrets of local work never go to a Weir elsewhere.
import { randomBytes } from "node:crypto";
import { CliError } from "../io/output.ts";
import { loadProject } from "../project/project.ts";
import { devSecrets } from "../settings/dev-env.ts";
import { type EndpointFlags, isLocal, settingsOf } from "../settings/settings.ts";
import type { StackAddress } from "./deliver.ts";

/** Finds a Weir by flag, environment, profile or local work, in this order. @throws CliError */
export function stackOf(root: string, reach: EndpointFlags): StackAddress {
  const { connections, problems } = loadProject(root);
  if (problems.length > 0)
    throw new CliError("The project has problems; `weir validate` lists them all.", problems);
  const { url, key } = settingsOf(root, process.env, reach);
  const local = isLocal(url.value) ? devSecrets(root, connections, randomBytes) : {};
  const set = Object.entries(process.env).filter(([, value]) => value);
  const secrets = { ...local, ...Object.fromEntries(set), ...(key && { WEIR_API_KEY: key.value }) };
  return { url: url.value, connections, secrets };
}
