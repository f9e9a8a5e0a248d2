// The container of compute, deployed with the real wrangler against the stand-in's container applications: what is said
// to run is what the application runs, however a deploy was cut off. Docker is a stub: no image is built.
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { packageRoot } from "../../cli/project/project.ts";
import { type Deployable, deployable, holdAllBut, type Ran, weir } from "./given.ts";
import { type StandIn, standIn } from "./stand-in.ts";

let cloudflare: StandIn;
let project: Deployable;
let log: string;
beforeAll(async () => {
  cloudflare = await standIn();
  project = deployable();
  log = join(project.root, "docker.log");
  // Each of the others would start a wrangler of its own, and none is what this test is about.
  await holdAllBut("weir-compute", project, cloudflare.account);
});
afterAll(async () => {
  await cloudflare.close();
  project.remove();
});

interface Deployed extends Ran {
  /** What was to be done, and why. */
  steps: string[];
  changes: string[];
  /** What Docker was asked for. */
  docker: string[];
}

async function run(args: string[], failing?: string): Promise<Deployed> {
  cloudflare.calls.length = 0;
  rmSync(log, { force: true });
  rmSync(`${log}.fail`, { force: true });
  if (failing !== undefined) writeFileSync(`${log}.fail`, failing);
  const stub = join(packageRoot, "test/deploy/docker-stub.mjs");
  const env = { WRANGLER_DOCKER_BIN: stub, DOCKER_LOG: log };
  const ran = await weir(project, cloudflare, [...args, "--json"], env);
  const docker = existsSync(log) ? readFileSync(log, "utf8").trim().split("\n") : [];
  const { steps } = JSON.parse(ran.stdout || '{ "steps": [] }') as { steps: { kind: string; why: string }[] };
  return {
    ...ran,
    steps: steps.map(({ kind, why }) => `${kind}: ${why}`),
    changes: cloudflare.changes().map(anyHash),
    docker: docker.map(anyHash),
  };
}
const anyHash = (line: string) => line.replaceAll(/[0-9a-f]{16}/g, "HASH");
const application = () => cloudflare.account.containers.applications.get("weir-compute");
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
  });

  test("that cannot be built leaves the account as it was", { timeout: 300_000 }, async () => {
    const { status, stderr, changes } = await run(["deploy"], "build");
    expect({ status, changes }).toEqual({ status: 1, changes: [] });
    expect(stderr).toContain("A step failed after 0 of");
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
    expect(changes).toEqual(["upload weir-compute", "container weir-compute of HASH"]);
    expect(application()).toMatchObject({
      configuration: { instance_type: "standard-1" },
      max_instances: 3,
    });
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
    const { status, steps, changes } = await run(["deploy"]);
    // wrangler has activated the Worker by then.
    expect({ status, changes }).toEqual({ status: 1, changes: ["upload weir-compute"] });
    expect(steps).toContain("worker: its container runs another image");

    cloudflare.account.containers.ending = "reverted";
    const again = await run(["deploy"]);
    expect(again.status).toBe(0);
    expect(again.steps).toContain("worker: its container runs another image");

    cloudflare.account.containers.ending = "progressing";
    const third = await run(["deploy"]);
    expect(third.status).toBe(0);
    expect(third.steps).toContain("worker: its container runs another image: a rollout was reverted");
    expect((await run(["deploy", "--plan"])).steps).toEqual([]);
    cloudflare.account.containers.ending = "completed";
  });

  test("gets other instances without another image", { timeout: 300_000 }, async () => {
    project.edit({ "weir.json": { compute: { instances: 5 } } });
    const { status, steps, changes, docker } = await run(["deploy"]);
    expect({ status, docker }).toEqual({ status: 0, docker: [] });
    expect(steps).toEqual(["worker: its container has 3 instances, not 5"]);
    expect(changes).toContain("instances of weir-compute");
    expect(application()?.max_instances).toBe(5);
  });

  test("was answered for as Cloudflare publishes it", () => expect([...cloudflare.imagined]).toEqual([]));
});
