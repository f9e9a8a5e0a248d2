#!/usr/bin/env node
// Docker as wrangler calls it, without images: what is built and pushed is written to DOCKER_LOG. A file DOCKER_LOG.fail
// makes the commands fail that begin with a word in it.
import { appendFileSync, existsSync, globSync, readFileSync } from "node:fs";

const log = process.env.DOCKER_LOG ?? "/dev/null";
const args = process.argv.slice(2);
if (args[0] === "build") {
  const context = args.at(-1) ?? ".";
  const files = globSync("**/*", { cwd: context, withFileTypes: true }).filter((entry) => entry.isFile());
  const first = readFileSync(0, "utf8")
    .split("\n")
    .find((line) => line.startsWith("FROM"));
  appendFileSync(log, `build ${args[args.indexOf("-t") + 1]} ${files.length} files, ${first}\n`);
} else if (args[0] === "push" || args[0] === "tag") appendFileSync(log, `${args.join(" ")}\n`);
else if (args[0] === "image" && args[1] === "inspect") {
  const format = args.at(-1) ?? "";
  console.log(format.includes("Architecture") ? "linux/amd64" : format.includes("Size") ? "1000 1" : "[]");
} else if (args[0] === "login") readFileSync(0);
const failing = existsSync(`${log}.fail`) ? readFileSync(`${log}.fail`, "utf8").trim() : "";
if (failing !== "" && args[0] === failing) {
  console.error(`stub: ${failing} fails`);
  process.exit(1);
}
