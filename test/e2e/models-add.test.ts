// From a clean clone to an answer with meaning: `weir models add` from a hub on loopback, which is gone before anything
// runs, then `validate`, `dev`, `put` and `search`.
import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Clone, clone, dev, type Running } from "../support/clone.ts";
import { startHub } from "../support/hub.ts";
import { clipRepository } from "../support/hub-models.ts";
import { png } from "../support/png.ts";

let project: Clone;
let running: Running | undefined;
beforeAll(() => {
  project = clone();
});
afterAll(async () => {
  await running?.stop();
  project.remove();
});

const run = promisify(execFile);
const weir = async (...words: string[]): Promise<string> => {
  const { stdout } = await run(process.execPath, [join(project.root, "cli/bin.mjs"), ...words], {
    cwd: project.root,
    env: project.env as NodeJS.ProcessEnv,
  });
  return stdout;
};
const COLOURS: Record<string, [number, number, number]> = {
  red: [230, 20, 20],
  green: [20, 230, 20],
  blue: [20, 20, 230],
};

test("models add, validate, dev, put, search: the right object is first, and nothing was fetched in between", {
  timeout: 400_000,
}, async () => {
  const hub = await startHub();
  hub.repositories.set("acme/tiny-clip", { files: clipRepository(), licence: "mit" });
  await weir("models", "add", "acme/tiny-clip", "--as", "clip", "--hub", hub.url);
  await hub.close();
  const handler = join(project.root, "pipelines/image-catalog/handler.ts");
  writeFileSync(handler, readFileSync(handler, "utf8").replace("weir/hog-512", "clip"));
  await weir("generate");
  await weir("validate");
  running = await dev(project);
  for (const [name, colour] of Object.entries(COLOURS)) {
    const path = join(project.root, `${name}.png`);
    writeFileSync(
      path,
      png(24, 16, () => colour),
    );
    await weir("put", path, `weir-photos/photos/${name}.png`, "--url", running.url);
  }
  const search = async (words: string): Promise<string[]> => {
    const asked = [
      "search",
      "image_catalog",
      words,
      "--mode",
      "vector",
      "--url",
      running?.url ?? "",
      "--json",
    ];
    const { hits } = JSON.parse(await weir(...asked)) as { hits: { object: { key: string } }[] };
    return hits.map(({ object }) => object.key);
  };
  await expect
    .poll(() => search("red").catch(() => []), { timeout: 120_000, interval: 1_000 })
    .toHaveLength(3);
  for (const name of Object.keys(COLOURS)) {
    const [first] = await search(`a ${name} picture`);
    expect(first).toBe(`photos/${name}.png`);
  }
});
