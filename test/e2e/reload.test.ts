// What ends of `weir dev` while messages wait in its queues: a Worker whose handler is saved, the process that runs
// the Workers, the one that listens for them, the command itself. What was answered 202 is on record and has run.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runNode } from "../../cli/io/children.ts";
import type { DeployedPipeline } from "../../cli/operate/client.ts";
import { packageRoot } from "../../cli/project/project.ts";
import { type Dev, devProject } from "../support/dev.ts";
import { commandOf, treeOf } from "../support/processes.ts";

const BUCKET = "test-media";
const COLLECTIONS = ["mirrored", "mirrored_lake"];

let project: ReturnType<typeof devProject>;
let dev: Dev;
beforeAll(async () => {
  project = devProject(["mirror", "mirror-queue"], ["conn_media", "conn_items", "conn_lake"]);
  dev = await project.start();
}, 300_000);
afterAll(() => project?.close());

/** Puts an object and tells of it. Whether that was answered 202. */
async function tellOf(key: string): Promise<boolean> {
  const told = await dev.client.put(BUCKET, key, key, { keep: "yes" });
  return (await dev.client.deliver("conn_media", dev.client.s3Records(told))).status === 202;
}

/** Tells of new objects, at least `least`, until it is over; returns the keys that were answered 202. */
async function tellOfMany(prefix: string, least: number, isOver: () => Promise<boolean>): Promise<string[]> {
  const answered: string[] = [];
  for (let n = 0; answered.length < least || !(await isOver().catch(() => false)); n++) {
    const key = `${prefix}/${n}.bin`;
    // What the end of a process cuts off was not answered.
    if (await tellOf(key).catch(() => false)) answered.push(key);
  }
  return answered;
}

/** Waits until each has its items, and then that no run is left open. */
async function allHaveRun(keys: string[]): Promise<void> {
  for (const collection of COLLECTIONS)
    await dev.client.until(
      async () => {
        const items = await dev.client
          .all<{ object: { key: string } }>(`/v1/collections/${collection}/items`)
          .catch(() => []);
        const held = new Set(items.map(({ object }) => object.key));
        return keys.filter((key) => !held.has(key));
      },
      (missing) => missing.length === 0,
      90_000,
    );
  for (const status of ["pending", "queued", "running", "failed"])
    await dev.client.until(
      () => dev.client.read<{ data: unknown[] }>(`/v1/runs?status=${status}&limit=1`),
      ({ data }) => data.length === 0,
      90_000,
    );
}

const workerds = () =>
  treeOf(dev.pid)
    .map((pid) => ({ pid, command: commandOf(pid) }))
    .filter(({ command }) => /workerd\S* serve/.test(command));
const isFront = ({ command }: { command: string }) =>
  command.includes(`entry=127.0.0.1:${new URL(dev.url).port}`);

test("a handler that is saved while messages wait loses none of them", async () => {
  const path = join(project.root, "pipelines/mirror/handler.ts");
  const saved = readFileSync(path, "utf8").replace("body: await response.text()", 'body: "as saved"');
  let at = 0;
  const keys = await tellOfMany("saved", 20, async () => {
    if (at++ === 0) writeFileSync(path, saved);
    const { data } = await dev.client.read<{ data: { data: { body: string } }[] }>(
      "/v1/collections/mirrored/items?limit=200",
    );
    return data.some(({ data }) => data.body === "as saved");
  });
  await allHaveRun(keys);
}, 240_000);

test("an item names the version of the code that made it, while the handler is edited", async () => {
  const path = join(project.root, "pipelines/mirror/handler.ts");
  const source = readFileSync(path, "utf8");
  const found = new Map<string, Set<string>>();
  for (let edit = 0; edit < 3; edit++) {
    const body = `edit ${edit}`;
    writeFileSync(path, source.replace('body: "as saved"', `body: ${JSON.stringify(body)}`));
    for (let n = 0; !found.has(body); n++) {
      await tellOf(`edits/${edit}-${n}.bin`).catch(() => false);
      const items = await dev.client
        .all<{ version: string; data: { body: string } }>("/v1/collections/mirrored/items")
        .catch(() => []);
      for (const { version, data } of items)
        found.set(data.body, (found.get(data.body) ?? new Set()).add(version));
    }
  }
  const edits = [...found].filter(([body]) => body.startsWith("edit "));
  expect(edits.map(([, versions]) => versions.size)).toEqual([1, 1, 1]);
  expect(new Set(edits.flatMap(([, versions]) => [...versions])).size).toBe(3);
  expect(dev.said()).not.toContain("[ERROR]");
}, 240_000);

test("what does not build or does not fit is named with its place, once, and the last good state runs on", async () => {
  const files = { handler: "pipelines/mirror/handler.ts", config: "pipelines/mirror/config.json" };
  const at = (name: string) => join(project.root, name);
  const before = {
    handler: readFileSync(at(files.handler), "utf8"),
    config: readFileSync(at(files.config), "utf8"),
  };
  const heard = (text: string) =>
    dev.client.until(
      async () => dev.said(),
      (said) => said.includes(text),
      30_000,
    );
  writeFileSync(at(files.handler), "export default ][;\n");
  await heard("pipelines/mirror/handler.ts:1:16");
  const problems = async () => {
    const { data } = await dev.client.read<{ data: DeployedPipeline[] }>("/v1/pipelines");
    return data.find(({ alias }) => alias === "mirror")?.problems;
  };
  const [first] =
    (await dev.client.until(
      () => problems().catch(() => undefined),
      (found) => found !== undefined,
      30_000,
    )) ?? [];
  expect(first).toMatchObject({ file: files.handler, line: 1, column: 16 });
  writeFileSync(at(files.config), before.config.replace("mirror", "mirrors"));
  await heard('The alias "mirrors" differs from the name of its folder');
  await allHaveRun(await tellOfMany("broken", 3, async () => true));
  writeFileSync(at(files.config), before.config.replace("conn_media", "conn_none"));
  await heard('names the connection "conn_none"');
  writeFileSync(at(files.config), before.config);
  writeFileSync(at(files.handler), `${before.handler}// mended\n`);
  await allHaveRun(await tellOfMany("mended", 3, async () => true));
  await dev.client.until(
    () => problems().catch(() => []),
    (found) => found === undefined,
    30_000,
  );
  for (const text of ["The handler of mirror does not build", 'The alias "mirrors" differs', '"conn_none"'])
    expect(dev.said().split(text).length - 1, text).toBe(1);
}, 240_000);

test("the Workers' process killed alone, with messages in its queues, loses none of them", async () => {
  const keys = await tellOfMany("workerd", 20, async () => true);
  for (const workerd of workerds().filter((one) => !isFront(one))) process.kill(workerd.pid, "SIGKILL");
  await allHaveRun(keys);
}, 240_000);

test("the listening process killed alone fails requests at once, is started again and loses no message", async () => {
  const keys = await tellOfMany("front", 20, async () => true);
  const [front] = workerds().filter(isFront);
  process.kill(front?.pid as number, "SIGKILL");
  await dev.client.until(
    () =>
      dev.client.fetch("/healthz").then(
        ({ ok }) => ok,
        () => false,
      ),
    (ok) => ok,
    120_000,
  );
  await allHaveRun(keys);
}, 240_000);

test("a second stack on the same state is refused, and hears whose it is", async () => {
  const args = [join(packageRoot, "cli/bin.mjs"), "dev", "--root", project.root, "--port", "0"];
  const second = runNode([...args, "--persist", join(project.root, "state")], {
    cwd: project.root,
    env: process.env,
  });
  await expect(second).rejects.toThrow(`in use by the stack of process ${dev.pid} at ${dev.url}.`);
}, 120_000);

test("the command killed alone leaves no process, and its state to the next", async () => {
  const keys = await tellOfMany("alone", 20, async () => true);
  await dev.killAlone();
  dev = await project.start();
  await allHaveRun(keys);
}, 300_000);
