// What is added to a project while `weir dev` runs it: a pipeline, one that does not build, a secret. The Workers are
// started again by themselves, keep what is stored, and nothing is shown as running that does not run.
import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runNode } from "../../cli/io/children.ts";
import { packageRoot } from "../../cli/project/project.ts";
import { type Dev, devProject } from "../support/dev.ts";

const BUCKET = "test-media";
interface Stored {
  object: { key: string };
  data: Record<string, unknown>;
}

let project: ReturnType<typeof devProject>;
let dev: Dev;
beforeAll(async () => {
  project = devProject(["mirror"], ["conn_media", "conn_items"]);
  dev = await project.start();
  await put("before.bin", "here before");
  await itemsOf("mirrored", "before.bin");
}, 300_000);
afterAll(() => project?.close());

async function put(key: string, text: string): Promise<void> {
  const event = dev.client.s3Records(await dev.client.put(BUCKET, key, text, { keep: "yes" }));
  expect((await dev.client.deliver("conn_media", event)).status).toBe(202);
}
/** Data of the items of an object, once there are any. */
async function itemsOf(collection: string, key: string): Promise<Record<string, unknown>[]> {
  const items = await dev.client.until(
    () => dev.client.all<Stored>(`/v1/collections/${collection}/items`).catch(() => []),
    (all) => all.some(({ object }) => object.key === key),
    60_000,
  );
  return items.filter(({ object }) => object.key === key).map(({ data }) => data);
}
const heard = (text: string) =>
  dev.client.until(
    async () => dev.said(),
    (said) => said.includes(text),
    90_000,
  );
const running = async () =>
  (await dev.client.read<{ data: { alias: string }[] }>("/v1/pipelines")).data.map(({ alias }) => alias);
const weir = (...args: string[]) =>
  runNode([join(packageRoot, "cli/bin.mjs"), "--root", project.root, ...args], {
    cwd: project.root,
    env: process.env,
  });
const add = (alias: string, handler: string, config: object = {}) => {
  const folder = join(project.root, "pipelines", alias);
  mkdirSync(folder);
  writeFileSync(join(folder, "handler.ts"), handler);
  const ends = {
    source: { connection_id: "conn_media", filters: { extension: alias } },
    destination: { connection_id: "conn_items", collection: alias },
  };
  writeFileSync(join(folder, "config.json"), JSON.stringify({ alias, ...ends, ...config }));
};

test("a pipeline that `weir new` adds runs without a restart of the command, beside what is stored", async () => {
  const ends = ["--source", "conn_media", "--destination", "conn_items"];
  await weir("new", "notes", "--kind", "documents", ...ends);
  await heard("notes runs version");
  expect(dev.said()).toContain("notes is new: the Workers are started again, and keep what is stored.");
  expect(dev.said()).not.toContain("[ERROR]");
  await put("today.md", "# Morning\n\nA walk.\n\n# Evening\n\nA book.\n");
  expect(await itemsOf("notes", "today.md")).toEqual([
    { heading: "Morning", text: "A walk." },
    { heading: "Evening", text: "A book." },
  ]);
  expect(await itemsOf("mirrored", "before.bin")).toHaveLength(1);
}, 240_000);

test("a new pipeline whose handler does not build is named with its place, and is not shown as running", async () => {
  add("later", "export default ][;\n");
  await heard("The handler of later does not build, so it does not run yet.");
  expect(dev.said()).toContain("pipelines/later/handler.ts:1:16");
  expect((await running()).sort()).toEqual(["mirror", "notes"]);
  writeFileSync(
    join(project.root, "pipelines/later/handler.ts"),
    'import { definePipeline } from "weir";\nexport default definePipeline(() => ({ greeting: process.env.GREETING ?? "none" }));\n',
  );
  await heard("later runs version");
  expect((await running()).sort()).toEqual(["later", "mirror", "notes"]);
}, 240_000);

test("a secret that is added to .weir/dev.env, or changed there, reaches the handler that names it", async () => {
  const config = join(project.root, "pipelines/later/config.json");
  const settings = join(project.root, ".weir/dev.env");
  writeFileSync(
    config,
    JSON.stringify({ ...JSON.parse(readFileSync(config, "utf8")), secrets: ["GREETING"] }),
  );
  appendFileSync(settings, "GREETING=good morning\n");
  await heard(".weir/dev.env has another GREETING");
  await heard("The Workers answer again");
  const seen = async (key: string, greeting: string) => {
    for (let n = 0; ; n++) {
      await put(`${key}-${n}.later`, key).catch(() => undefined);
      const items = await dev.client.all<Stored>("/v1/collections/later/items").catch(() => []);
      if (items.some(({ data }) => data.greeting === greeting)) return;
    }
  };
  await seen("first", "good morning");
  writeFileSync(settings, readFileSync(settings, "utf8").replace("good morning", "good evening"));
  await seen("second", "good evening");
  expect(dev.said()).not.toContain("good evening");
}, 240_000);

test("a pipeline that is taken away is gone, and the others run on", async () => {
  rmSync(join(project.root, "pipelines/later"), { recursive: true });
  await heard("later is gone");
  await dev.client.until(
    () => running().catch(() => []),
    (aliases) => aliases.sort().join() === "mirror,notes",
    60_000,
  );
  await put("after.bin", "here after");
  await itemsOf("mirrored", "after.bin");
}, 240_000);
