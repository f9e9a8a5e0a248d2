// First step of `npm start` and `npm test` under Nodes that are too old for what npm installs: they say so, at once.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { packageRoot } from "../../cli/project/project.ts";

/** Runs it as if under another Node. */
function bootstrap(version: string, ...args: string[]) {
  const other = `Object.defineProperty(process, "versions", { value: { ...process.versions, node: "${version}" } })`;
  const flags = [`--import=data:text/javascript,${encodeURIComponent(other)}`];
  return spawnSync(process.execPath, [...flags, join(packageRoot, "scripts/bootstrap.mjs"), ...args], {
    encoding: "utf8",
  });
}

test.each([
  ["16.20.2", "start"],
  ["18.20.8", "test"],
  ["20.18.3", "test"],
  ["22.11.0", "test:slow"],
])("Node %s is refused for %s, with what is needed", (version, task) => {
  const { status, stderr } = bootstrap(version, task);
  expect(status).toBe(1);
  expect(stderr).toContain(`This is Node ${version}.`);
  expect(stderr).toContain("20.19, 22.12 or a newer one");
});
