// What a deploy would do, as the pure comparison that it is: accounts and projects as plain values.
import { describe, expect, test } from "vitest";
import type { DeployedContainer } from "../../cli/deploy/container.ts";
import { type PlanOptions, planOf } from "../../cli/deploy/plan.ts";
import type { AccountState, DeployedWorker } from "../../cli/deploy/present.ts";
import type { ProjectResources } from "../../cli/deploy/resources.ts";
import { secretsOf } from "../../cli/deploy/secrets.ts";
import type { Step } from "../../cli/deploy/step.ts";
import { doSteps } from "../../cli/deploy/steps.ts";
import { redactor } from "../../cli/deploy/wrangler.ts";

const wanted: ProjectResources = {
  queues: ["weir-one"],
  buckets: ["files"],
  databases: [{ name: "weir-ledger", config: "wrangler.toml", migrations: ["0001.sql", "0002.sql"] }],
  workers: [
    worker("weir-compute", "compute", { build: "c1" }),
    worker("weir-one", "pipeline", { build: "p1", version: "v1", secrets: ["KEY"], consumes: ["weir-one"] }),
    worker("weir", "router", { build: "r1", crons: ["* * * * *"] }),
  ],
  rules: [{ bucket: "files", queue: "weir-one" }],
  lifecycles: [{ bucket: "files", prefix: "payloads/", days: 60 }],
  heldTogether: new Map(),
  image: "i1",
  compute: { instances: 3, instance_type: "standard-1" },
};

function worker(name: string, role: ProjectResources["workers"][number]["role"], more: object) {
  return { name, role, config: `${name}.toml`, build: "", secrets: [], consumes: [], crons: [], ...more };
}

const ALL = ["PutObject", "CopyObject", "CompleteMultipartUpload", "DeleteObject", "LifecycleDeletion"];
const now: Record<string, DeployedWorker> = {
  "weir-compute": { build: "c1", secrets: [], crons: [] },
  "weir-one": { build: "p1", version: "v1", secrets: ["KEY"], crons: [] },
  weir: { build: "r1", secrets: [], crons: ["* * * * *"] },
};

const IMAGE = "registry.cloudflare.com/acc/weir-compute:";
const container = (changes: Partial<DeployedContainer> = {}): DeployedContainer => ({
  ...{ image: `${IMAGE}i1`, instanceType: "standard-1", maxInstances: 3, ...changes },
});
/** An account that is as the project asks, with something changed. */
const account = (changes: Partial<AccountState> = {}): AccountState => ({
  account: "acc",
  queues: new Map([["weir-one", { consumers: ["weir-one"] }]]),
  buckets: new Map([["files", [{ queue: "weir-one", actions: ALL, whole: true }]]]),
  databases: new Map([["weir-ledger", { applied: ["0001.sql", "0002.sql"] }]]),
  workers: new Map(Object.entries(now)),
  lifecycles: new Map([["files", ["payloads/"]]]),
  container: container(),
  ...changes,
});
const workers = (changes: Record<string, object>) =>
  new Map(Object.entries(now).map(([name, it]) => [name, { ...it, ...changes[name] }]));

const options: PlanOptions = { url: "https://w", commit: "abc", docker: true, given: new Set() };
const planned = (present: AccountState, more: Partial<PlanOptions> = {}) =>
  planOf(wanted, present, { ...options, ...more }).steps.map(({ name, why }) => `${name}: ${why}`);

describe("a plan", () => {
  test("has no steps when the account is as the project asks", () => {
    expect(planned(account())).toEqual([]);
  });

  test.each<[string, AccountState, string]>([
    [
      "a version becomes another",
      account({ workers: workers({ "weir-one": { build: "p0", version: "v0" } }) }),
      "weir-one: version v0 becomes v1",
    ],
    [
      "something else uploaded a Worker",
      account({ workers: new Map([...Object.entries(now), ["weir-one", { secrets: ["KEY"], crons: [] }]]) }),
      "weir-one: was not deployed by weir deploy",
    ],
    [
      "the container has other instances than the project's setting",
      account({ container: container({ maxInstances: 10 }) }),
      "weir-compute: its container has 10 instances, not 3",
    ],
    [
      "the container's instances are of another size",
      account({ container: container({ instanceType: "basic" }) }),
      "weir-compute: its container is a basic, not a standard-1",
    ],
    [
      "nothing deletes old payloads",
      account({ lifecycles: new Map([["files", []]]) }),
      "files/payloads/: R2 deletes them after 60 days",
    ],
    ["a cron is gone", account({ workers: workers({ weir: { crons: [] } }) }), "weir: its cron is not set"],
    [
      "a consumer is gone",
      account({ queues: new Map([["weir-one", { consumers: [] }]]) }),
      "weir-one: does not consume weir-one yet",
    ],
    [
      "a migration is pending",
      account({ databases: new Map([["weir-ledger", { applied: ["0001.sql"] }]]) }),
      "weir-ledger: 0002.sql",
    ],
    [
      "a rule tells of a part only: the rest is added, as R2 refuses rules that overlap",
      account({
        buckets: new Map([["files", [{ queue: "weir-one", actions: ALL.slice(0, 3), whole: true }]]]),
      }),
      "files → weir-one: to get object-delete events",
    ],
    [
      "a rule is narrower than the bucket",
      account({ buckets: new Map([["files", [{ queue: "weir-one", actions: ALL, whole: false }]]]) }),
      "files → weir-one: to get object-create and object-delete events",
    ],
  ])("has just the one step when %s", (_, present, step) => {
    expect(planned(present)).toEqual([step]);
  });

  test("gives a secret that is set nowhere and held here; one that is held nowhere is missing", () => {
    const present = account({ workers: workers({ "weir-one": { secrets: [] } }) });
    expect(planOf(wanted, present, { ...options, given: new Set(["KEY"]) })).toMatchObject({
      steps: [{ name: "weir-one", secrets: ["KEY"] }],
      missing: [],
    });
    expect(planOf(wanted, present, options).missing).toEqual([{ name: "KEY", workers: ["weir-one"] }]);
  });

  test("with --changed leaves a pipeline whose version is deployed, whatever else of it changed", () => {
    const present = account({ workers: workers({ "weir-one": { build: "p0" } }) });
    expect(planned(present)).toEqual(["weir-one: its code or settings changed"]);
    expect(planned(present, { changed: "deployed" })).toEqual([]);
    expect(planned(present, { changed: new Map([["weir-one", "v1"]]) })).toEqual([]);
    expect(planned(present, { changed: new Map([["weir-one", "v0"]]) })).toHaveLength(1);
  });

  test("with --force uploads every Worker", () => {
    expect(planned(account(), { force: true })).toHaveLength(3);
  });

  const images = (present: AccountState, more: Partial<PlanOptions> = {}) =>
    planOf(wanted, present, { ...options, ...more }).steps.map(
      ({ kind, args }) => `${kind} ${args.join(" ")}`,
    );
  const DEPLOY = "worker deploy -c .weir/compute/wrangler.toml --var WEIR_BUILD:c1";

  test.each([
    ["is not there", undefined],
    [
      "runs another image, although the Worker is new: the push had failed",
      container({ image: `${IMAGE}i0` }),
    ],
    [
      "runs the old image, since the rollout was reverted",
      container({ image: `${IMAGE}i0`, rollout: { status: "reverted", image: `${IMAGE}i1` } }),
    ],
  ])("builds first, pushes before the Worker, where the container %s", (_, container) => {
    const { container: __, ...rest } = account();
    const present = container ? { ...rest, container } : rest;
    expect(images(present)).toEqual([
      "image containers build .weir/image -t weir-compute:i1",
      "image containers push weir-compute:i1",
      DEPLOY,
    ]);
  });

  test("does nothing while a rollout to the image is under way, and says so", () => {
    const rolling = container({
      image: `${IMAGE}i0`,
      rollout: { status: "progressing", image: `${IMAGE}i1` },
    });
    const plan = planOf(wanted, account({ container: rolling }), options);
    expect(plan.steps).toEqual([]);
    expect(plan.notices).toEqual(["A rollout of the compute container is progressing."]);
  });

  test("says loudly that without Docker the container stays; one whose image is there is changed all the same", () => {
    const old = account({
      workers: workers({ "weir-compute": { build: "c0" } }),
      container: container({ image: `${IMAGE}i0` }),
    });
    expect(images(old, { docker: false })).toEqual([`${DEPLOY} --containers-rollout=none`]);
    expect(planOf(wanted, old, { ...options, docker: false }).notices[0]).toContain(
      "THE COMPUTE CONTAINER IS NOT DEPLOYED",
    );
    expect(images(account({ container: container({ maxInstances: 9 }) }), { docker: false })).toEqual([
      DEPLOY,
    ]);
  });

  test("says that an account has no room for more than 500 Workers", () => {
    const many = Array.from({ length: 500 }, (_, n) => worker(`weir-${n}`, "pipeline", { build: "b" }));
    const plan = planOf({ ...wanted, workers: [...wanted.workers, ...many] }, account(), options);
    expect(plan.notices[0]).toContain("503 Workers");
    expect(plan.calls).toBe(500 * 16);
  });

  test("tells what it leaves behind, with the command that removes it", () => {
    const present = account({
      queues: new Map([
        ["weir-one", { consumers: ["weir-one"] }],
        ["weir-old", { consumers: ["weir-old"] }],
        ["other", { consumers: [] }],
      ]),
      workers: new Map<string, DeployedWorker | undefined>([
        ...Object.entries(now),
        ["weir-old", undefined],
        ["other", undefined],
      ]),
    });
    expect(planOf(wanted, present, options).left.map(({ remove }) => remove)).toEqual([
      "npx wrangler queues delete weir-old",
      "npx wrangler delete --name weir-old",
    ]);
  });
});

describe("the steps of a plan", () => {
  const step = (kind: Step["kind"], name: string): Step => ({
    ...{ kind, action: "create", name, why: "" },
    ...{ args: [], secrets: [], calls: 1 },
  });
  const never = new Promise(() => {});

  test("begin nothing after one that failed", async () => {
    const begun: string[] = [];
    const steps = [step("worker", "a"), step("worker", "b"), step("queue", "q")];
    const result = await doSteps(
      steps,
      async ({ name }) => {
        begun.push(name);
        return name === "a" ? { ok: false, said: "no" } : { ok: true };
      },
      never,
    );
    expect(begun).toEqual(["q", "a"]);
    expect(result).toMatchObject({ done: [{ name: "q" }], failed: { step: { name: "a" }, said: "no" } });
  });

  test("end with the one under way when interrupted", async () => {
    let interrupt = () => {};
    const interrupted = new Promise<void>((resolve) => {
      interrupt = resolve;
    });
    const steps = [step("worker", "a"), step("worker", "b")];
    const result = await doSteps(
      steps,
      async () => {
        interrupt();
        return { ok: true };
      },
      interrupted,
    );
    expect(result.done.map(({ name }) => name)).toEqual(["a"]);
  });
});

describe("secrets", () => {
  test("come from the environment by their names; an empty one is none", () => {
    const secrets = secretsOf(["A", "B", "C"], { A: "first-value", B: "", D: "not declared" }, undefined);
    expect([...secrets.given]).toEqual(["A"]);
    expect(secrets.pick(["A", "B"])).toEqual({ A: "first-value" });
  });

  test("are struck out as they stand, as JSON and as a URL would write them", () => {
    const redact = redactor(['va"lue & more', "", "abc"]);
    expect(redact('va"lue & more, va\\"lue & more, va%22lue%20%26%20more, abc')).toBe("***, ***, ***, abc");
  });
});
