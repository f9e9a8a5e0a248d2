#!/usr/bin/env node
// Executable `weir`: starts weir.ts, under the project's own Node where the running one is too old. TypeScript files
// run unbuilt, which needs Node 22.18.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

const [major, minor] = process.versions.node.split(".").map(Number);
if (major > 22 || (major === 22 && minor >= 18)) {
  await import("./weir.ts");
} else {
  const node = join(
    import.meta.dirname ?? new URL(".", import.meta.url).pathname,
    "../node_modules/.bin/node",
  );
  if (!existsSync(node)) {
    console.error(
      `weir needs Node 22.18 or newer, and this is ${process.version}. Run \`npm ci\`, which installs a newer one.`,
    );
    process.exit(1);
  }
  // The pipe closes when this process ends, however it ends, and io/guard.mjs then ends the child.
  const guard = new URL("./io/guard.mjs", import.meta.url).href;
  const child = spawn(node, [`--import=${guard}`, ...process.argv.slice(1)], {
    stdio: ["inherit", "inherit", "inherit", "pipe"],
    env: { ...process.env, WEIR_GUARD_FD: "3" },
  });
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
  child.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : 1)));
}
