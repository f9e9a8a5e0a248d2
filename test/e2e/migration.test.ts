// A pipeline gets another model: while what is stale is replayed, and `weir dev` is killed twice, every picture is found
// by its look, old vectors by the old model and new ones by the new. Going back computes nothing anew.
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { packageRoot } from "../../cli/project/project.ts";
import { makeImage } from "../../cli/sample-media/media.ts";
import type { Item, Pipeline, Replay, Run, SearchAnswer } from "../../src/client/client.ts";
import { type Dev, devProject } from "../support/dev.ts";

/** Pictures of the collection; `WEIR_PICTURES=1000` makes a longer one. */
const PICTURES = Number(process.env.WEIR_PICTURES ?? 120);
const QUERY_MS = 100;
/** Questions at once at most, on a machine that answers slower than they come. */
const AT_ONCE = 8;
const BUCKET = "test-media";
const ALIAS = "looks";
const COLLECTION = "looks";
const ITEMS = `/v1/collections/${COLLECTION}/items`;
const KEYS = Array.from({ length: PICTURES }, (_, n) => `pictures/${String(n).padStart(4, "0")}.jpg`);

let project: ReturnType<typeof devProject>;
let dev: Dev;
const pictures = new Map<string, Buffer>();

const handlerWith = (model: string) => `import { definePipeline } from "weir";
export default definePipeline(async (event, { weir }) => {
  const url = await weir.fileUrl(event.bucket, event.key);
  return [{ key: event.key, look: await weir.embed.image(url, "${model}") }];
});
`;
const handlerPath = () => join(project.root, `pipelines/${ALIAS}/handler.ts`);

beforeAll(async () => {
  project = devProject([], ["conn_media", "conn_items"]);
  copyFileSync(join(packageRoot, "models.json"), join(project.root, "models.json"));
  mkdirSync(join(project.root, `pipelines/${ALIAS}`), { recursive: true });
  writeFileSync(
    join(project.root, `pipelines/${ALIAS}/config.json`),
    JSON.stringify({
      alias: ALIAS,
      source: { connection_id: "conn_media", filters: { extension: "jpg" } },
      destination: { connection_id: "conn_items", collection: COLLECTION },
      dispatch: "queue",
    }),
  );
  writeFileSync(handlerPath(), handlerWith("weir/hog-512"));
  dev = await project.start();
  for (const [seed, key] of KEYS.entries()) {
    const picture = await makeImage({ format: "jpeg", width: 128, height: 96, seed });
    pictures.set(key, picture);
    await dev.client.notifyR2(await dev.client.put(BUCKET, key, picture));
  }
  await dev.client.until(
    () => dev.client.all<Item>(ITEMS),
    (items) => items.length === PICTURES,
    240_000,
  );
}, 600_000);
afterAll(() => project?.close());

/** Saves the handler with another model, and waits until that version runs. */
async function changeModel(model: string): Promise<void> {
  const version = async () => {
    const { data } = await dev.client.read<{ data: Pipeline[] }>("/v1/pipelines");
    return data.find(({ alias }) => alias === ALIAS)?.version;
  };
  const before = await version();
  writeFileSync(handlerPath(), handlerWith(model));
  await dev.client.until(version, (now) => now !== undefined && now !== before, 60_000);
}

const post = async <T>(path: string, body: unknown): Promise<T> => {
  const response = await dev.client.api(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  expect(response.ok, `${path}: ${response.status}`).toBe(true);
  return (await response.json()) as T;
};

interface Questions {
  answered: number;
  refused: string[];
  /** Pictures that were not found, with what was. */
  lost: string[];
  models: Set<string>;
}

/** Asks for one picture after the other by itself until it is over; what is not answered at all was cut off. */
function askUntil(isOver: () => boolean): Promise<Questions> {
  const seen: Questions = { answered: 0, refused: [], lost: [], models: new Set() };
  const ask = async (key: string) => {
    const body = JSON.stringify({ image: { data: pictures.get(key)?.toString("base64") }, limit: 10 });
    const headers = { "content-type": "application/json" };
    const response = await dev.client
      .api(`/v1/collections/${COLLECTION}/search`, { method: "POST", headers, body })
      .catch(() => undefined);
    if (!response) return;
    const text = await response.text().catch(() => "");
    // In local work wrangler itself answers while its Workers start again.
    if (text === "" || !response.headers.get("content-type")?.includes("json")) return;
    if (!response.ok) return void seen.refused.push(`${response.status} ${text}`);
    const { hits } = JSON.parse(text) as SearchAnswer;
    seen.answered++;
    for (const { vector } of hits) if (vector?.model) seen.models.add(vector.model);
    if (!hits.some(({ object }) => object.key === key))
      seen.lost.push(`${key}: ${hits.map(({ object }) => object.key).join(", ")}`);
  };
  return (async () => {
    const open = new Set<Promise<void>>();
    for (let n = 0; !isOver(); n = (n + 7) % PICTURES) {
      const next = new Promise((done) => setTimeout(done, QUERY_MS));
      const asking: Promise<void> = ask(KEYS[n] ?? "").finally(() => open.delete(asking));
      open.add(asking);
      if (open.size >= AT_ONCE) await Promise.race(open);
      await next;
    }
    await Promise.all(open);
    return seen;
  })();
}

const replayOf = (id: string) => dev.client.read<Replay>(`/v1/replays/${id}`).catch(() => undefined);

test("every picture is found throughout, killed twice in between, and no question fails", {
  timeout: 600_000,
}, async () => {
  await changeModel("weir/pdq-256");
  let isOver = false;
  const asked = askUntil(() => isOver);
  const { id } = await post<Replay>("/v1/replays", { select: { kind: "stale" }, aliases: [ALIAS] });
  for (const share of [0.25, 0.6]) {
    await dev.client.until(
      () => replayOf(id),
      (replay) => (replay?.progress.succeeded ?? 0) >= share * PICTURES,
      240_000,
    );
    await dev.kill();
    dev = await project.start();
  }
  const done = await dev.client.until(
    () => replayOf(id),
    (replay) => replay?.status === "done",
    240_000,
  );
  isOver = true;
  const { answered, refused, lost, models } = await asked;
  console.log(
    `${PICTURES} pictures changed their model: ${answered} questions, ${refused.length} refused, ${lost.length} lost`,
  );
  expect(refused).toEqual([]);
  expect(lost).toEqual([]);
  expect(answered).toBeGreaterThan(20);
  expect([...models].sort()).toEqual(["weir/hog-512", "weir/pdq-256"]);
  expect(done?.plan.objects).toBe(PICTURES);
  expect(done?.plan.seconds).toBeGreaterThan(0);
  const items = await dev.client.all<Item>(ITEMS);
  expect(new Set(items.flatMap(({ vectors }) => vectors.map(({ model }) => model)))).toEqual(
    new Set(["weir/pdq-256"]),
  );
});

test("going back computes nothing that is still kept", { timeout: 300_000 }, async () => {
  await changeModel("weir/hog-512");
  const { id } = await post<Replay>("/v1/replays", { select: { kind: "stale" }, aliases: [ALIAS] });
  await dev.client.until(
    () => replayOf(id),
    (replay) => replay?.status === "done",
    240_000,
  );
  const runs = await dev.client.all<Run>(`/v1/runs?alias=${ALIAS}`);
  const back = runs.filter(({ replay_id }) => replay_id === id);
  expect(back).toHaveLength(PICTURES);
  expect(back.filter(({ embeddings }) => embeddings?.known !== embeddings?.asked)).toEqual([]);
});
