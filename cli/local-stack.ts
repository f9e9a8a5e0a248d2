// A stack that runs, as a project's folder and a URL tell it: its connections, and the secrets that the
// command shares with it. What the process environment says wins, so that a deployed one can be met too.
import { randomBytes } from "node:crypto";
import { devSecrets } from "./dev-env.ts";
import { CliError } from "./output.ts";
import { loadProject } from "./project.ts";
import { LOCAL_URL } from "./settings.ts";
import type { Local } from "./trigger/deliver.ts";

export function localStack(root: string, given?: string): Local {
  const url = given ?? (process.env.WEIR_URL || LOCAL_URL);
  const { connections, problems } = loadProject(root);
  if (problems.length > 0) throw new CliError("the project has problems", problems);
  const made = devSecrets(root, connections, randomBytes);
  const set = Object.keys(made).flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : []));
  return { url: url.replace(/\/+$/, ""), connections, secrets: { ...made, ...Object.fromEntries(set) } };
}
