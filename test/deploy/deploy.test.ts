// Deploying with the real wrangler against a stand-in of the Cloudflare API: from nothing, with nothing changed,
// with one pipeline changed. One account and one project, in the order in which a person would meet them.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { signingKeyOf } from "../../src/source/signed-url.ts";
import { hopsKeyOf } from "../../src/store/collections/hops.ts";
import { change } from "../cli/support/given.ts";
import { type Deployable, deployable, handler, plantedIn, type Ran, SECRETS, weir } from "./given.ts";
import { type StandIn, standIn } from "./stand-in.ts";
import { type StandInWeir, standInWeir } from "./stand-in-weir.ts";

// Each command starts a wrangler of its own for each step: seconds apiece on a machine that is busy.
vi.setConfig({ testTimeout: 900_000, hookTimeout: 120_000 });

let cloudflare: StandIn;
let router: StandInWeir;
let project: Deployable;
const said: string[] = [];

beforeAll(async () => {
  cloudflare = await standIn();
  router = await standInWeir(cloudflare.account, SECRETS.WEIR_API_KEY);
  project = deployable("one", "two");
});
afterAll(async () => {
  await router.close();
  await cloudflare.close();
  project.remove();
});

async function run(args: string[], env = {}): Promise<Ran & { changes: string[] }> {
  cloudflare.calls.length = 0;
  const ran = await weir(project, cloudflare, args, { WEIR_URL: router.url, ...env });
  said.push(ran.stdout, ran.stderr);
  return { ...ran, changes: cloudflare.changes() };
}
const uploads = (changes: string[]) => changes.filter((it) => it.startsWith("upload"));

describe("weir deploy", () => {
  test("--plan lists everything in order, and changes nothing", async () => {
    const { status, stdout, changes } = await run(["deploy", "--plan"]);
    expect(status).toBe(0);
    expect(changes).toEqual([]);
    const steps = stdout.split("\n").filter((line) => line.startsWith("  "));
    expect(steps.map((line) => line.trim().split("  ")[0])).toEqual([
      "create queue weir-dead",
      "create queue weir-events",
      "create queue weir-one",
      "create queue weir-r2-events",
      "create queue weir-reports",
      "create queue weir-two",
      "create R2 bucket inbox-files",
      "create R2 bucket weir-archive",
      "create D1 database results",
      "create D1 database weir-ledger",
      "apply migrations to results",
      "apply migrations to weir-ledger",
      "deploy Worker weir-ledger",
      "deploy Worker weir-compute",
      "deploy Worker weir-search",
      "deploy Worker weir-one",
      "deploy Worker weir-two",
      "deploy Worker weir",
      "create notifications inbox-files → weir-r2-events",
      "create expiry of weir-archive/payloads/",
      expect.stringContaining("THE COMPUTE CONTAINER IS NOT DEPLOYED"),
    ]);
  });

  test("where nobody says otherwise, the router is at its workers.dev address", async () => {
    const { stdout } = await run(["deploy", "--plan", "--json"], { WEIR_URL: "" });
    expect(JSON.parse(stdout).url).toBe("https://weir.stand-in.workers.dev");
  });

  test("deploys nothing while a declared secret has no value, and says which and for whom", async () => {
    const { status, stderr, changes } = await run(["deploy"], { WEIR_SIGNING_KEY: "" });
    expect(status).toBe(1);
    expect(changes).toEqual([]);
    expect(stderr).toContain("WEIR_SIGNING_KEY  for weir-one, weir-two, weir");
  });

  test("from nothing: what is bound to comes before what binds to it", async () => {
    const { status, stderr, stdout, changes } = await run(["deploy", "--json"]);
    expect({ status, stderr }).toMatchObject({ status: 0 });
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, url: router.url, missing_secrets: [] });
    expect(JSON.parse(stdout).done).toHaveLength(20);
    expect(changes.slice(0, 10).sort()).toEqual([
      "bucket inbox-files",
      "bucket weir-archive",
      "database results",
      "database weir-ledger",
      ...["dead", "events", "one", "r2-events", "reports", "two"].map((it) => `queue weir-${it}`),
    ]);
    expect(changes.slice(10).filter((it) => !it.startsWith("migration"))).toEqual([
      "upload weir-ledger",
      "upload weir-compute",
      "upload weir-search",
      "upload weir-one",
      "consumer weir-one of weir-one",
      "upload weir-two",
      "consumer weir-two of weir-two",
      "upload weir",
      "cron of weir",
      ...["events", "r2-events", "dead"].map((it) => `consumer weir of weir-${it}`),
      "rule inbox-files -> weir-r2-events",
      "lifecycle of weir-archive",
    ]);
  });

  test("each Worker holds the secrets that it declares, to the letter, and no others", () => {
    const held = (name: string) =>
      Object.fromEntries(cloudflare.account.scripts.get(name)?.active.secrets ?? []);
    const { API_KEY, ...router } = SECRETS;
    // Of the one key that was set, its source's own is what a pipeline gets.
    const WEIR_INBOX_SIGNING_KEY = signingKeyOf(SECRETS.WEIR_SIGNING_KEY, "inbox");
    const WEIR_HOPS_KEY = hopsKeyOf(SECRETS.WEIR_SIGNING_KEY);
    expect(held("weir")).toEqual(router);
    expect(held("weir-one")).toEqual({ WEIR_HOPS_KEY, WEIR_INBOX_SIGNING_KEY, API_KEY });
    expect(held("weir-two")).toEqual({ WEIR_HOPS_KEY, WEIR_INBOX_SIGNING_KEY });
    expect(held("weir-compute")).toEqual({});
  });

  test("every Worker knows its commit and where the router is reached", () => {
    for (const name of ["weir-one", "weir-two"]) {
      const bindings = cloudflare.account.scripts.get(name)?.active.bindings ?? [];
      expect(bindings.find((it) => it.name === "WEIR_URL")?.text).toBe(router.url);
      expect(bindings.find((it) => it.name === "WEIR_COMMIT")).toBeDefined();
    }
  });

  test("with nothing changed, uploads nothing", async () => {
    const { status, stdout, changes } = await run(["deploy", "--json"]);
    expect(status).toBe(0);
    expect(changes).toEqual([]);
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, steps: [], done: [] });
  });

  test("with --force, would upload every Worker all the same", async () => {
    const { status, stdout, changes } = await run(["deploy", "--force", "--plan", "--json"]);
    expect({ status, changes }).toEqual({ status: 0, changes: [] });
    const { steps } = JSON.parse(stdout) as { steps: { kind: string; name: string }[] };
    expect(steps.filter(({ kind }) => kind === "worker").map(({ name }) => name)).toEqual([
      "weir-ledger",
      "weir-compute",
      "weir-search",
      "weir-one",
      "weir-two",
      "weir",
    ]);
  });

  test("a changed handler replaces its own Worker and the router, whose registry names the version", async () => {
    project.edit({ "pipelines/two/handler.ts": handler("{ size: event.size }") });
    const { status, changes } = await run(["deploy", "--changed"]);
    expect(status).toBe(0);
    expect(uploads(changes)).toEqual(["upload weir-two", "upload weir"]);
    expect((await run(["deploy", "--changed"])).changes).toEqual([]);
  });

  describe("then says what is stale", () => {
    const deployed = (alias: string) =>
      cloudflare.account.scripts
        .get(`weir-${alias}`)
        ?.active.bindings.find((it) => it.name === "WEIR_VERSION")?.text ?? "";
    const command = "weir replay create --select stale --alias two";
    beforeAll(() => {
      router.stored.set("one", { [deployed("one")]: { objects: 4, items: 9 } });
      router.stored.set("two", {
        [deployed("two")]: { objects: 1, items: 2 },
        "0123456789abcdef": { objects: 3, items: 7 },
        fedcba9876543210: { objects: 1, items: 1 },
      });
    });

    test("for each pipeline, and how to make it anew; nothing is replayed unasked", async () => {
      const { status, stderr } = await run(["deploy"]);
      expect(status).toBe(0);
      expect(stderr).toContain("two: 4 objects stale, with 8 items that other versions made");
      expect(stderr).not.toContain("one: ");
      expect(stderr).toContain(`To replay them: ${command}`);
      expect(router.replays).toEqual([]);
    });

    test("and the plan says whose vectors nothing would be found by", async () => {
      router.vectors.set("texts", [
        { model: "acme/clip", definition: "00112233445566aa", vectors: 5 },
        { model: "acme/clip", definition: "00112233445566bb", vectors: 7 },
      ]);
      const { stdout } = await run(["deploy", "--plan"]);
      router.vectors.clear();
      expect(stdout).toContain(
        "The collection texts has 12 vectors by acme/clip, which models.json does not have",
      );
      expect(stdout).toContain("weir replay create --select stale --alias one two");
      expect((await run(["deploy", "--plan"])).stdout).not.toContain("vectors by");
    });

    test("as JSON", async () => {
      const { status, stdout } = await run(["deploy", "--json", "--no-replay"]);
      expect(status).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({
        ok: true,
        stale: { asked: true, pipelines: [{ alias: "two", version: deployed("two"), objects: 4, items: 8 }] },
        replay: null,
        replay_command: command,
      });
      expect(router.replays).toEqual([]);
    });

    test("and replays just that, when told to", async () => {
      const { status, stdout } = await run(["deploy", "--json", "--replay"]);
      expect(status).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ ok: true, replay: { id: "rpl_1" } });
      expect(router.replays).toEqual([{ select: { kind: "stale" }, aliases: ["two"] }]);
    });

    test("or that it cannot be asked: the deploy is done nevertheless", async () => {
      router.away = true;
      const nowhere = await run(["deploy", "--json"]);
      router.away = false;
      expect(nowhere.status).toBe(0);
      expect(JSON.parse(nowhere.stdout)).toMatchObject({
        ok: true,
        stale: { asked: false, why: expect.stringContaining(`Nothing answers at ${router.url}`) },
        replay_command: null,
      });
      const wrong = await run(["deploy", "--changed", "--json"], { WEIR_API_KEY: "not-the-key" });
      expect(wrong.status).toBe(0);
      expect(JSON.parse(wrong.stdout).stale).toMatchObject({
        asked: false,
        why: expect.stringContaining("401"),
      });
    });

    test("and fails where a replay was asked for and could not be begun", async () => {
      router.broken = true;
      const { status, stdout, stderr } = await run(["deploy", "--json", "--replay"]);
      router.broken = false;
      expect(status).toBe(1);
      expect(JSON.parse(stdout)).toMatchObject({ ok: false, replay: null, replay_command: command });
      expect(stderr).toContain("The deploy is done, but the replay was not started");
      expect(stderr).toContain("out of order");
    });
  });

  test("--changed BASE leaves what has the version that is committed there", async () => {
    const git = (...args: string[]) =>
      spawnSync("git", ["-c", "user.name=A", "-c", "user.email=a@example.com", ...args], {
        cwd: project.root,
      });
    git("init", "-q");
    git("add", "-A");
    git("commit", "-qm", "as deployed");
    project.edit({ "pipelines/one/handler.ts": handler("{ other: event.key }") });
    const { stdout } = await run(["deploy", "--plan", "--json", "--changed", "HEAD"]);
    expect(JSON.parse(stdout)).toMatchObject({
      steps: [{ name: "weir-one" }, { name: "weir" }],
      unchanged: ["ledger", "compute", "search", "two"].map((it) => ({ name: `weir-${it}` })),
      commit: expect.stringMatching(/^[0-9a-f]{40}-dirty$/),
    });
    expect(await run(["deploy", "--plan", "--changed", "no-such-rev"])).toMatchObject({ status: 2 });
    project.edit({ "pipelines/one/handler.ts": handler("{ key: event.key }") });
  });

  test("weir rollback says what happens to items, and deploys just that pipeline as it was", async () => {
    const git = (...args: string[]) => spawnSync("git", args, { cwd: project.root, encoding: "utf8" });
    const now = readFileSync(join(project.root, "pipelines/two/handler.ts"), "utf8");
    const commit = (text: string) => {
      project.edit({ "pipelines/two/handler.ts": text });
      git("add", "-A");
      git("commit", "-qm", "two");
    };
    git("config", "user.name", "A");
    git("config", "user.email", "a@example.com");
    commit(handler("{ as: 'it was' }"));
    const registry = readFileSync(join(project.root, "src/dispatch/registry.generated.ts"), "utf8");
    const was = /"alias": "two",\s+"version": "(\w+)"/.exec(registry)?.[1] ?? "";
    commit(now);
    const deployed = () =>
      cloudflare.account.scripts.get("weir-two")?.active.bindings.find((it) => it.name === "WEIR_VERSION")
        ?.text;
    const before = deployed() ?? "";
    router.stored.set("two", { [before]: { objects: 2, items: 5 }, [was]: { objects: 1, items: 3 } });
    const { status, stdout, changes } = await run(["rollback", "two", "--yes", "--commit", "--json"]);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: true,
      ...{ alias: "two", from: before, to: was, deployed: true },
      items: { asked: true, stale: { objects: 2, items: 5 }, current: { objects: 1, items: 3 } },
    });
    expect(uploads(changes)).toEqual(["upload weir-two", "upload weir"]);
    expect(deployed()).toBe(was);
    const named = cloudflare.account.scripts.get("weir-two")?.active.bindings;
    expect(named?.find((it) => it.name === "WEIR_COMMIT")?.text).toBe(JSON.parse(stdout).rollback_commit);
  });

  test("weir doctor finds nothing to do, then a consumer and a secret that are gone", async () => {
    const nowhere = { WEIR_URL: "http://127.0.0.1:9" };
    expect(await run(["doctor", "--json"], nowhere)).toMatchObject({ status: 0, changes: [] });
    const queue = cloudflare.account.queues.get("weir-two");
    const consumers = queue?.consumers.splice(0) ?? [];
    cloudflare.account.scripts.get("weir")?.active.secrets.delete("INBOX_HOOK");
    const { status, stdout } = await run(["doctor", "--json"], nowhere);
    expect(status).toBe(1);
    const findings = JSON.parse(stdout).findings as { state: string; check: string; said: string }[];
    expect(
      findings.filter(({ state }) => state === "bad").map(({ check, said }) => `${check}: ${said}`),
    ).toEqual([
      "Worker weir: its secret INBOX_HOOK is not set",
      "queue weir-two: is not consumed by weir-two",
    ]);
    queue?.consumers.push(...consumers);
    cloudflare.account.scripts.get("weir")?.active.secrets.set("INBOX_HOOK", SECRETS.INBOX_HOOK);
  });

  test("what is Weir's by name and no longer asked for is told and left", async () => {
    cloudflare.account.queues.set("weir-gone", { id: "q-gone", consumers: [] });
    cloudflare.account.queues.set("not-ours", { id: "q-other", consumers: [] });
    const { stdout, changes } = await run(["deploy", "--plan", "--json"]);
    expect(changes).toEqual([]);
    expect(JSON.parse(stdout).left_behind).toEqual([
      {
        kind: "queue",
        name: "weir-gone",
        cost: "no consumer: its messages are billed and expire unread",
        remove: "npx wrangler queues delete weir-gone",
      },
    ]);
  });

  test("a token that is refused exits 3; no token at all, too", async () => {
    expect(await run(["deploy", "--plan"], { CLOUDFLARE_API_TOKEN: "another" })).toMatchObject({ status: 3 });
    const none = await weir(project, cloudflare, ["deploy", "--plan"], {
      CLOUDFLARE_API_TOKEN: undefined,
    });
    expect(none).toMatchObject({ status: 3, stderr: expect.stringContaining("npx wrangler login") });
  });

  test("a project with problems, or with stale generated files, is not deployed", async () => {
    const config = readFileSync(join(project.root, "pipelines/one/wrangler.toml"), "utf8");
    change(project.root, { "pipelines/one/wrangler.toml": `${config}\n# by hand\n` });
    const { status, stderr, changes } = await run(["deploy"]);
    expect({ status, changes }).toEqual({ status: 1, changes: [] });
    expect(stderr).toContain("weir generate");
    project.edit({});
  });

  test("a value where a name belongs is refused without being repeated", async () => {
    const connections = readFileSync(join(project.root, "connections.json"), "utf8");
    change(project.root, { "connections.json": connections.replace("INBOX_HOOK", SECRETS.INBOX_HOOK) });
    for (const args of [["validate"], ["validate", "--json"], ["generate"], ["deploy", "--json"]]) {
      expect(await run(args)).toMatchObject({ status: 1, changes: [] });
    }
    change(project.root, { "connections.json": connections });
  });

  test("all that the stand-in has answered is as Cloudflare publishes it", () => {
    expect([...cloudflare.imagined]).toEqual([]);
  });

  test("no planted secret was seen in any output, and none is in wrangler's own log", () => {
    expect(plantedIn(said.join("\n"))).toEqual([]);
    expect(plantedIn(readFileSync(join(project.root, ".weir/wrangler-deploy.log"), "utf8"))).toEqual([]);
  });
});
