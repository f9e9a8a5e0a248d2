// A deploy that is cut off at each kind of step in turn, by the stand-in of the Cloudflare API, and run again: each
// run goes on where the one before had stopped, and the last one completes.
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type Deployable, deployable, plantedIn, SECRETS, weir } from "./given.ts";
import { type StandIn, standIn } from "./stand-in.ts";

// Each command starts a wrangler of its own for each step: seconds apiece on a machine that is busy.
vi.setConfig({ testTimeout: 900_000, hookTimeout: 120_000 });

let cloudflare: StandIn;
let project: Deployable;

beforeAll(async () => {
  cloudflare = await standIn();
  project = deployable("one");
  // Made before, so that this test starts wrangler for one of each kind only.
  for (const name of ["weir-events", "weir-r2-events", "weir-one", "weir-dead"]) {
    cloudflare.account.queues.set(name, { id: `q-${name}`, consumers: [] });
  }
  cloudflare.account.buckets.set("weir-archive", { rules: [] });
  cloudflare.account.databases.set("weir-ledger", { uuid: "d-ledger", applied: [] });
});
afterAll(async () => {
  await cloudflare.close();
  project.remove();
});

describe("a deploy that fails", () => {
  test("among what is made at once begins nothing more", async () => {
    cloudflare.failOnce("POST", /^queues\n/);
    cloudflare.failOnce("POST", /^r2\/buckets\n/);
    cloudflare.failOnce("POST", /^d1\/database\n/);
    const { status, stderr } = await weir(project, cloudflare, ["deploy"]);
    expect(status).toBe(1);
    expect(stderr).toContain("A step failed after 0 of");
    expect(cloudflare.changes()).toEqual([]);
  });

  test("by Ctrl-C ends the step under way, begins no other, and exits 130", async () => {
    const { status, stderr } = await weir(
      project,
      cloudflare,
      ["deploy"],
      {},
      "create D1 database results …",
    );
    expect({ status, stderr }).toMatchObject({ status: 130, stderr: expect.stringContaining("to go on") });
    expect(cloudflare.account.databases.has("results")).toBe(true);
    expect(cloudflare.changes().filter((it) => it.startsWith("migration"))).toEqual([]);
  });

  test.each<[string, string, RegExp, string]>([
    [
      "at a migration",
      "POST",
      /^d1\/database\/d-ledger\/query\n.*INSERT INTO/,
      "apply migrations to weir-ledger",
    ],
    ["at the ledger", "PUT", /^workers\/scripts\/weir-ledger\n/, "deploy Worker weir-ledger"],
    ["at compute", "PUT", /^workers\/scripts\/weir-compute\n/, "deploy Worker weir-compute"],
    ["at a pipeline", "PUT", /^workers\/scripts\/weir-one\n/, "deploy Worker weir-one"],
    ["at a pipeline's consumer", "POST", /^queues\/q-weir-one\/consumers\n/, "deploy Worker weir-one"],
    ["at the router", "PUT", /^workers\/scripts\/weir\n/, "deploy Worker weir"],
    ["at the router's cron", "PUT", /^workers\/scripts\/weir\/schedules\n/, "deploy Worker weir"],
    [
      "at activating what was uploaded",
      "POST",
      /^workers\/scripts\/weir\/deployments\n/,
      "replace Worker weir",
    ],
    ["at the router's consumer", "POST", /^queues\/q-weir-events\/consumers\n/, "replace Worker weir"],
    ["at a rule", "PUT", /^event_notifications\//, "create notifications inbox-files"],
  ])("%s names the step, the cause and the next thing to do", async (_, method, path, step) => {
    // wrangler sets up a Worker's cron and consumers at once: what got through beside the cron goes again.
    if (step === "replace Worker weir") cloudflare.account.queues.get("weir-events")?.consumers.splice(0);
    cloudflare.failOnce(method, path, `refused: ${SECRETS.WEIR_SIGNING_KEY}`);
    const { status, stderr } = await weir(project, cloudflare, ["deploy"]);
    expect(status).toBe(1);
    expect(stderr).toContain(step);
    expect(stderr).toContain("refused: ***");
    expect(stderr).toContain("Run `weir deploy` again");
    expect(plantedIn(stderr)).toEqual([]);
  });

  test("completes in the next run, and the one after has nothing to do", async () => {
    expect(await weir(project, cloudflare, ["deploy"])).toMatchObject({ status: 0 });
    cloudflare.calls.length = 0;
    const { stderr } = await weir(project, cloudflare, ["deploy"]);
    expect(cloudflare.changes()).toEqual([]);
    expect(stderr).toContain("Nothing to do");
    expect(cloudflare.account.scripts.get("weir")?.crons).toEqual(["* * * * *"]);
    for (const [name, { consumers }] of cloudflare.account.queues) {
      if (name !== "weir-reports") expect([name, consumers.length]).toEqual([name, 1]);
    }
  });
});
