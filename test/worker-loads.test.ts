// The router's modules load in the order in which its bundle has them: what one needs of another is there by then. A
// Worker that throws while it loads serves nothing at all.
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { expect, test } from "vitest";
import { packageRoot } from "../cli/project/project.ts";
import { folder } from "./cli/support/given.ts";

test("the router loads", async () => {
  const root = folder({
    "workers.mjs":
      "export class WorkerEntrypoint {}\nexport class DurableObject {}\nexport class RpcTarget {}\nexport const env = {};\n",
  });
  const { outputFiles } = await build({
    absWorkingDir: packageRoot,
    entryPoints: ["src/worker.ts"],
    bundle: true,
    write: false,
    format: "esm",
    platform: "neutral",
    mainFields: ["module", "main"],
    conditions: ["workerd", "worker", "browser", "import"],
    external: ["node:*"],
    alias: { "cloudflare:workers": join(root, "workers.mjs") },
    loader: { ".html": "text", ".css": "text", ".txt": "text" },
    logLevel: "silent",
  });
  const path = join(root, "router.mjs");
  writeFileSync(path, outputFiles[0]?.text ?? "");
  // In a process of its own: vitest would transform it.
  const load = `import(${JSON.stringify(pathToFileURL(path).href)}).then((it) => console.log(typeof it.default.fetch))`;
  const { stdout, stderr } = spawnSync(process.execPath, ["-e", load], { encoding: "utf8" });
  expect({ stdout, stderr }).toEqual({ stdout: "function\n", stderr: "" });
}, 60_000);
