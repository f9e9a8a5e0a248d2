#!/usr/bin/env node
// Starts the command under the Node that the project pins: TypeScript is run as it stands, which a Node
// before 22.18 cannot.
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
      `weir needs Node 22.18 or newer, and this is ${process.version}; run \`npm ci\`, which brings one`,
    );
    process.exit(1);
  }
  // However this process ends, the pipe ends with it, and by that the other.
  const guard = new URL("./io/guard.mjs", import.meta.url).href;
  const child = spawn(node, [`--import=${guard}`, ...process.argv.slice(1)], {
    stdio: ["inherit", "inherit", "inherit", "pipe"],
    env: { ...process.env, WEIR_GUARD_FD: "3" },
  });
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
  child.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : 1)));
}
