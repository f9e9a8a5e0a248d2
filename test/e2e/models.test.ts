// Models in the whole of Weir: texts, pictures and film by models that the project brought along, what is recorded of
// them, and what is not made twice although everything that computed it has gone.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeVideo } from "../../cli/sample-media/media.ts";
import { isSpeech, recipeOf } from "../../src/shapes/model.ts";
import { readModels } from "../../workers/compute/server/models.ts";
import { png } from "../support/png.ts";
import { startWeir, type Weir } from "../support/weir.ts";

let weir: Weir;
let folder: string;
beforeAll(async () => {
  weir = await startWeir();
  folder = await mkdtemp(join(tmpdir(), "weir-models-"));
}, 120_000);
afterAll(async () => {
  await weir?.close();
  await rm(folder, { recursive: true, force: true });
});

interface Answer {
  status: string;
  run_id: string;
  processed_data: { embedding: number[]; start?: number; text?: string }[];
  error_details: { kind: string; detail: string; expected?: string } | null;
}
const invoke = async (key: string, payload: object): Promise<Answer> => {
  const response = await weir.invoke("embedder", { bucket: "test-media", key, payload });
  return (await response.json()) as Answer;
};
const countsOf = async (run: string) =>
  (await weir.read<{ embeddings: { asked: number; known: number } | null }>(`/v1/runs/${run}`)).embeddings;

async function film(key: string, seed: number) {
  const path = join(folder, "film.mp4");
  await makeVideo(path, { seconds: 10, width: 96, height: 64, fps: 10, gopSeconds: 1, seed });
  return weir.put("test-media", key, await readFile(path));
}

describe("a model that the project brought along", () => {
  test("embeds texts, pictures and film for a handler, and its items say by what they were made", async () => {
    await weir.put(
      "test-media",
      "embedder/red.png",
      png(16, 16, () => [255, 0, 0]),
    );
    const model = "test/tiny";
    const { models } = await readModels(new URL("../project/models.json", import.meta.url).pathname);
    const definition = models[model];
    if (!definition || isSpeech(definition)) throw new Error("the test project has changed");
    const recorded = async (kind: "image" | "video" | "text", payload: object, key: string) => {
      const answer = await invoke(key, { model, ...payload });
      expect(answer.error_details).toBeNull();
      const [item] = await weir.items("embedded", key);
      expect(item?.vectors).toMatchObject([{ path: "embedding", dims: 12, model }]);
      expect(item?.vectors[0]).toMatchObject({ recipe: await recipeOf(definition, kind) });
      return answer;
    };
    await recorded("text", { texts: ["red"] }, "embedder/red.png");
    await recorded("image", { picture: true }, "embedder/red.png");
    await film("embedder/film.mp4", 1);
    const { processed_data } = await recorded("video", {}, "embedder/film.mp4");
    expect(processed_data.map(({ start }) => start)).toEqual([0, 2, 4, 6, 8]);
    const recipe = await recipeOf(definition, "video");
    expect(recipe).toMatchObject({ pooling: "mean", normalised: true });
  });

  test("that is not there, or does not take what it is asked for, is a failure that lists what there is", async () => {
    const unknown = await invoke("embedder/red.png", { model: "test/tinny", texts: ["red"] });
    expect(unknown.error_details).toMatchObject({ kind: "unknown_model", expected: "test/tiny" });
    const deaf = await invoke("embedder/red.png", { model: "test/tiny-video", picture: true });
    expect(deaf.error_details?.detail).toBe("test/tiny-video takes video, not image");
  });
});

describe("what was made", () => {
  test("is not made again by a run of the same bytes, and the run says so", async () => {
    await film("embedder/again.mp4", 2);
    const first = await invoke("embedder/again.mp4", {});
    expect(await countsOf(first.run_id)).toEqual({ asked: 5, known: 0 });
    const again = await invoke("embedder/again.mp4", {});
    expect(await countsOf(again.run_id)).toEqual({ asked: 5, known: 5 });
    expect(again.processed_data).toEqual(first.processed_data);
    const { log } = await weir.read<{ log: string[] }>(`/v1/runs/${again.run_id}`);
    expect(log).toContain("5 of 5 embeddings were known from before");
  });

  test("needs no compute: with every process there stopped, pictures and texts are known", async () => {
    await weir.put(
      "test-media",
      "embedder/blue.png",
      png(16, 16, () => [0, 0, 255]),
    );
    const both = [{ picture: true }, { texts: ["red", "blue"] }];
    const before = [];
    for (const payload of both) before.push(await invoke("embedder/blue.png", payload));
    const all = [...weir.compute.decoders(), weir.compute.inference() ?? 0];
    expect(all.every((pid) => pid > 0)).toBe(true);
    for (const pid of all) process.kill(pid, "SIGSTOP");
    try {
      for (const [at, payload] of both.entries()) {
        const { run_id, processed_data } = await invoke("embedder/blue.png", payload);
        expect(processed_data).toEqual(before[at]?.processed_data);
        expect(await countsOf(run_id)).toEqual({ asked: at + 1, known: at + 1 });
      }
    } finally {
      for (const pid of all) process.kill(pid, "SIGCONT");
    }
  });

  test("is made again where the object has changed, and by another model", async () => {
    await film("embedder/again.mp4", 3);
    const changed = await invoke("embedder/again.mp4", {});
    expect(await countsOf(changed.run_id)).toEqual({ asked: 5, known: 0 });
    const other = await invoke("embedder/again.mp4", { model: "weir/hog-512" });
    expect(await countsOf(other.run_id)).toEqual({ asked: 5, known: 0 });
  });

  test("is known to whatever pipeline embeds the same object by the same model", async () => {
    await film("embedder/shared.mp4", 4);
    const spans = await invoke("embedder/shared.mp4", { model: "weir/hog-512" });
    expect(spans.error_details).toBeNull();
    // The name of another entry, the same builtin: the definition counts.
    const twin = await invoke("embedder/shared.mp4", { model: "mixpeek/vuse-generic-v1" });
    expect(await countsOf(twin.run_id)).toEqual({ asked: 5, known: 5 });
  });
});
