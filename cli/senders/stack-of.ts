// A stack that runs, as a project's folder and the settings of every command know it: where it is, its connections,
// and the secrets that this command shares with it. Those of local work go to no Weir elsewhere.
import { randomBytes } from "node:crypto";
import { CliError } from "../io/output.ts";
import { loadProject } from "../project/project.ts";
import { devSecrets } from "../settings/dev-env.ts";
import { isLocal, type Reach, settingsOf } from "../settings/settings.ts";
import type { StackAddress } from "./deliver.ts";

/** The stack that flag, environment, profile or local work name, in this order. @throws CliError */
export function stackOf(root: string, reach: Reach): StackAddress {
  const { connections, problems } = loadProject(root);
  if (problems.length > 0) throw new CliError("the project has problems", problems);
  const { url, key } = settingsOf(root, process.env, reach);
  const local = isLocal(url.value) ? devSecrets(root, connections, randomBytes) : {};
  const set = Object.entries(process.env).filter(([, value]) => value);
  const secrets = { ...local, ...Object.fromEntries(set), ...(key && { WEIR_API_KEY: key.value }) };
  return { url: url.value, connections, secrets };
}
