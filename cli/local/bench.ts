// Command `weir bench NAME`: runs bench/NAME.ts under this Node, or lists the benchmarks.
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { CliError, print, printJson, say } from "../io/output.ts";
import { suggestion } from "../io/suggest.ts";

/** Runs a benchmark; without a name, prints the names. @throws CliError */
export function runBench(
  folder: string,
  name: string | undefined,
  args: string[],
  { json }: { json?: boolean },
): void {
  const names = readdirSync(folder)
    .filter((file) => file.endsWith(".ts"))
    .map((file) => basename(file, ".ts"))
    .sort();
  if (name === undefined) {
    if (json) printJson({ benchmarks: names });
    else print(names.join("\n"));
    return;
  }
  if (!names.includes(name)) {
    throw new CliError(`There is no benchmark "${name}". ${suggestion(name, names)}`, [], 2);
  }
  const { status, signal, stdout } = spawnSync(process.execPath, [join(folder, `${name}.ts`), ...args], {
    stdio: ["inherit", json ? "pipe" : "inherit", "inherit"],
    encoding: "utf8",
  });
  if (json && status === 0) {
    // The last line of a benchmark is its ratios as JSON; the lines before are for a person.
    const lines = stdout.trimEnd().split("\n");
    const ratios = lines.pop() ?? "{}";
    if (lines.length > 0) say(lines.join("\n"));
    printJson({ benchmark: name, ...JSON.parse(ratios) });
  }
  if (signal === "SIGINT") process.exitCode = 130;
  else if (status !== 0) throw new CliError(`The benchmark ${name} failed; its output is above.`);
}
