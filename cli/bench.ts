// `weir bench NAME`: runs bench/NAME.ts under this Node; without a name, lists what there is.
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { suggestion } from "./nearest.ts";
import { CliError, print } from "./output.ts";

export function runBench(folder: string, name: string | undefined, args: string[]): void {
  const names = readdirSync(folder)
    .filter((file) => file.endsWith(".ts"))
    .map((file) => basename(file, ".ts"))
    .sort();
  if (name === undefined) {
    print(names.join("\n"));
    return;
  }
  if (!names.includes(name)) {
    throw new CliError(`there is no benchmark "${name}": ${suggestion(name, names)}`, [], 2);
  }
  const { status, signal } = spawnSync(process.execPath, [join(folder, `${name}.ts`), ...args], {
    stdio: "inherit",
  });
  if (signal === "SIGINT") process.exitCode = 130;
  else if (status !== 0) throw new CliError(`the benchmark ${name} failed`);
}
