// A model leaves models.json while vectors of it are in a collection: who asks is answered with their number and why, and
// `weir validate` says it. models.json is replaced as editors and `weir models` replace it, by another file of its name.
import { copyFileSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run } from "../../cli/program.ts";
import { packageRoot } from "../../cli/project/project.ts";
import { makeImage } from "../../cli/sample-media/media.ts";
import type { Item, SearchAnswer } from "../../src/client/client.ts";
import { type Dev, devProject } from "../support/dev.ts";

const BUCKET = "test-media";
const PICTURES = 3;
const TINY = "test/tiny";
let project: ReturnType<typeof devProject>;
let dev: Dev;

const { text: _, ...tiny } = JSON.parse(readFileSync(join(packageRoot, "test/project/models.json"), "utf8"))[
  TINY
];
const other = { ...tiny, image: { ...tiny.image, mean: [0, 0, 0] } };
/** Replaces models.json by another file. */
function writeModels(models: Record<string, unknown>): void {
  writeFileSync(join(project.root, "models.json.new"), JSON.stringify(models));
  renameSync(join(project.root, "models.json.new"), join(project.root, "models.json"));
}

beforeAll(async () => {
  project = devProject([], ["conn_media", "conn_items"]);
  mkdirSync(join(project.root, "models"));
  copyFileSync(join(packageRoot, "test/project", tiny.image.file), join(project.root, tiny.image.file));
  writeModels({ [TINY]: tiny });
  mkdirSync(join(project.root, "pipelines/looks"), { recursive: true });
  writeFileSync(
    join(project.root, "pipelines/looks/config.json"),
    JSON.stringify({
      alias: "looks",
      source: { connection_id: "conn_media", filters: { extension: "png" } },
      destination: { connection_id: "conn_items", collection: "looks" },
    }),
  );
  writeFileSync(
    join(project.root, "pipelines/looks/handler.ts"),
    `import { definePipeline } from "weir";
export default definePipeline(async (event, { weir }) => [
  { look: await weir.embed.image(await weir.fileUrl(event.bucket, event.key), "${TINY}") },
]);
`,
  );
  dev = await project.start();
  for (let seed = 0; seed < PICTURES; seed++) {
    const picture = await makeImage({ format: "png", width: 32, height: 32, seed });
    await dev.client.notifyR2(await dev.client.put(BUCKET, `${seed}.png`, picture));
  }
  await dev.client.until(
    () => dev.client.all<Item>("/v1/collections/looks/items"),
    (items) => items.length === PICTURES,
    60_000,
  );
}, 180_000);
afterAll(() => project?.close());

interface Said {
  status: number;
  body: Partial<SearchAnswer> & { detail?: string };
}

/** Asks; undefined while the Workers start again, when something else answers. */
async function ask(question: object): Promise<Said | undefined> {
  const response = await dev.client
    .api("/v1/collections/looks/search", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(question),
    })
    .catch(() => undefined);
  if (!response?.headers.get("content-type")?.includes("json")) return undefined;
  return { status: response.status, body: (await response.json()) as Said["body"] };
}

async function askByPicture(): Promise<Said | undefined> {
  const picture = await makeImage({ format: "png", width: 32, height: 32, seed: 0 });
  return ask({ image: { data: picture.toString("base64") } });
}

/** What `weir validate` says on standard output. */
async function validated(): Promise<string> {
  const lines: string[] = [];
  const write = process.stdout.write;
  process.stdout.write = (text: string | Uint8Array) => lines.push(String(text)) > 0;
  const before = process.env.WEIR_URL;
  process.env.WEIR_URL = dev.url;
  try {
    await run(["--root", project.root, "validate", "--json"]);
    return lines.join("");
  } finally {
    process.stdout.write = write;
    if (before === undefined) delete process.env.WEIR_URL;
    else process.env.WEIR_URL = before;
  }
}

test("vectors of a model that is configured no more are counted, with the reason, and named by validate", {
  timeout: 180_000,
}, async () => {
  expect((await askByPicture())?.body.hits?.[0]).toMatchObject({ object: { key: "0.png" } });
  // More than once: whoever watches a file and not its name misses the second.
  writeModels({ [TINY]: tiny, other });
  await dev.client.until(askByPicture, (said) => said?.status === 200, 60_000);
  writeModels({ other });
  const refused = await dev.client.until(askByPicture, (said) => said?.status === 422, 60_000);
  expect(refused?.body.detail).toContain(`${TINY} is no longer a model of models.json`);
  const inWords = await ask({ text: "png" });
  expect(inWords?.body.left_out).toMatchObject({
    items: PICTURES,
    spaces: [{ path: "look", model: TINY, why: expect.stringContaining("no longer a model of models.json") }],
  });
  expect(await validated()).toContain(`${PICTURES} vectors`);
  writeModels({ [TINY]: tiny });
  await dev.client.until(askByPicture, (said) => said?.status === 200, 60_000);
});
