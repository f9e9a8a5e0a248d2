// The `weir` command run inside the test's own process: what it says and its exit code, without the half second
// that a process takes. test/cli/bin.test.ts runs the process.
import { vi } from "vitest";
import { run } from "../../../cli/program.ts";

export interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

/** One at a time: the process has one stdout. `env` is what the command finds, and nothing else of Weir's. */
export async function weirHere(words: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  const said = { stdout: "", stderr: "" };
  const spies = (["stdout", "stderr"] as const).map((name) =>
    vi.spyOn(process[name], "write").mockImplementation((chunk) => {
      said[name] += typeof chunk === "string" ? chunk : Buffer.from(chunk).toString();
      return true;
    }),
  );
  const own = Object.keys(process.env).filter((name) => /^(WEIR_|CONN_|CLOUDFLARE_|API_KEY$)/.test(name));
  for (const name of own) vi.stubEnv(name, undefined);
  for (const [name, value] of Object.entries({ HOME: "/nonexistent", NO_COLOR: "1", ...env }))
    vi.stubEnv(name, value);
  try {
    return { code: await run(words), ...said };
  } finally {
    for (const spy of spies) spy.mockRestore();
    vi.unstubAllEnvs();
  }
}
