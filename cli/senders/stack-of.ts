// A stack that runs, as a project's folder and a URL tell it: its connections, and the secrets that the
// command shares with it. What the process environment says wins, so that a deployed one can be met too.
import { randomBytes } from "node:crypto";
import { CliError } from "../io/output.ts";
import { loadProject } from "../project/project.ts";
import { devSecrets } from "../settings/dev-env.ts";
import { LOCAL_URL } from "../settings/settings.ts";
import type { Local } from "./deliver.ts";

export function localStack(root: string, given?: string): Local {
  const url = given ?? (process.env.WEIR_URL || LOCAL_URL);
  const { connections, problems } = loadProject(root);
  if (problems.length > 0) throw new CliError("the project has problems", problems);
  const made = devSecrets(root, connections, randomBytes);
  const set = Object.keys(made).flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : []));
  return { url: url.replace(/\/+$/, ""), connections, secrets: { ...made, ...Object.fromEntries(set) } };
}
