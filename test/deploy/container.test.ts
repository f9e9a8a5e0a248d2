// The container of compute, deployed with the real wrangler against the stand-in's container applications: what is said
// to run is what the application runs, however a deploy was cut off. Docker is a stub: no image is built.
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { packageRoot } from "../../cli/project/project.ts";
import { type Deployable, deployable, type Ran, weir } from "./given.ts";
import { type StandIn, standIn } from "./stand-in.ts";

let cloudflare: StandIn;
let project: Deployable;
let log: string;
beforeAll(async () => {
  cloudflare = await standIn();
  project = deployable();
  log = join(project.root, "docker.log");
  // Made before: each starts a wrangler of its own, and none is what this test is about.
  for (const name of ["weir-events", "weir-r2-events", "weir-dead"])
    cloudflare.account.queues.set(name, { id: `q-${name}`, consumers: [] });
  for (const name of ["weir-archive", "inbox-files"]) cloudflare.account.buckets.set(name, { rules: [] });
  for (const name of ["weir-ledger", "results"])
    cloudflare.account.databases.set(name, { uuid: `d-${name}`, applied: [] });
});
afterAll(async () => {
  await cloudflare.close();
  project.remove();
});

async function run(args: string[], failing?: string): Promise<Ran & { changes: string[]; docker: string[] }> {
  cloudflare.calls.length = 0;
  rmSync(log, { force: true });
  rmSync(`${log}.fail`, { force: true });
  if (failing !== undefined) writeFileSync(`${log}.fail`, failing);
  const stub = join(packageRoot, "test/deploy/docker-stub.mjs");
  const ran = await weir(project, cloudflare, args, { WRANGLER_DOCKER_BIN: stub, DOCKER_LOG: log });
  const docker = existsSync(log) ? readFileSync(log, "utf8").trim().split("\n") : [];
  const changes = cloudflare.changes().filter((it) => /compute|container|rollout|instances/.test(it));
  return { ...ran, changes, docker: docker.map((line) => line.replaceAll(/[0-9a-f]{16}/g, "HASH")) };
}
const application = () => cloudflare.account.containers.applications.get("weir-compute");
const steps = async () => {
  const { stdout } = await run(["deploy", "--plan", "--json"]);
  const { steps } = JSON.parse(stdout) as { steps: { kind: string; name: string; why: string }[] };
  return steps.map(({ kind, why }) => `${kind}: ${why}`);
};
const ADDRESS = "registry.cloudflare.com/acc/weir-compute:HASH";

describe("the container", () => {
  test("needs the right Containers: Edit, which is asked for before the first step", {
    timeout: 300_000,
  }, async () => {
    cloudflare.lacking.add("Containers: Edit");
    const { status, stderr, changes, docker } = await run(["deploy"]);
    cloudflare.lacking.clear();
    expect({ status, changes, docker }).toEqual({ status: 3, changes: [], docker: [] });
    expect(stderr).toContain('lacks the right "Containers: Edit"');
    expect(cloudflare.changes()).toEqual([]);
  });

  test("that cannot be built leaves the account as it was", { timeout: 300_000 }, async () => {
    const { status, stderr } = await run(["deploy"], "build");
    expect(status).toBe(1);
    expect(stderr).toContain("A step failed after 0 of");
    expect(cloudflare.changes()).toEqual([]);
  });

  test("whose push fails is pushed by the next deploy, and the Worker waits for it", {
    timeout: 300_000,
  }, async () => {
    const failed = await run(["deploy"], "push");
    expect({ status: failed.status, changes: failed.changes }).toEqual({ status: 1, changes: [] });
    expect(failed.stderr).toContain("push image registry.cloudflare.com/acc/weir-compute:");

    const { status, stderr, changes, docker } = await run(["deploy"]);
    expect({ status, stderr }).toMatchObject({ status: 0 });
    expect(docker).toEqual([
      expect.stringMatching(/^build weir-compute:HASH \d+ files, FROM node:/),
      `tag weir-compute:HASH ${ADDRESS}`,
      `push ${ADDRESS}`,
    ]);
    expect(changes.map((it) => it.replace(/[0-9a-f]{16}/, "HASH"))).toEqual([
      "upload weir-compute",
      "container weir-compute of HASH",
    ]);
    expect(application()).toMatchObject({
      configuration: { instance_type: "standard-1" },
      max_instances: 3,
    });
    expect(await steps()).toEqual([]);
  });

  test("that the Worker was activated for, and that was never rolled out, is rolled out", {
    timeout: 300_000,
  }, async () => {
    writeFileSync(
      join(project.root, "models.json"),
      '{ "a/b": { "kind": "builtin", "builtin": "weir/hog-512" } }',
    );
    project.edit({});
    cloudflare.failOnce("PATCH", /^containers\/applications/);
    const { status, changes } = await run(["deploy"]);
    // wrangler has activated the Worker by then.
    expect({ status, changes }).toEqual({ status: 1, changes: ["upload weir-compute"] });
    expect(await steps()).toContain("worker: its container runs another image");

    cloudflare.account.containers.ending = "reverted";
    expect((await run(["deploy"])).status).toBe(0);
    expect(await steps()).toContain("worker: its container runs another image: a rollout was reverted");

    cloudflare.account.containers.ending = "progressing";
    expect((await run(["deploy"])).status).toBe(0);
    expect(await steps()).toEqual([]);
    cloudflare.account.containers.ending = "completed";
  });

  test("gets other instances without another image", { timeout: 300_000 }, async () => {
    project.edit({ "weir.json": { compute: { instances: 5 } } });
    const { status, changes, docker } = await run(["deploy"]);
    expect({ status, docker }).toEqual({ status: 0, docker: [] });
    expect(changes).toContain("instances of weir-compute");
    expect(application()?.max_instances).toBe(5);
  });

  test("was answered for as Cloudflare publishes it", () => expect([...cloudflare.imagined]).toEqual([]));
});
