// The numbers that a model is given of a picture, through the real server, against those that Pillow and numpy prepare of
// the same file (preparation.py): a model that gives back its input makes them visible. They differ by at most 2/255; tiny
// JPEGs, which two decoders may round otherwise, by at most 4/255. Without Debian's Python this is skipped.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { modelsSchema } from "../../src/shapes/model.ts";
import { type RunningServer, startServer } from "../../workers/compute/server/main.ts";
import { int, model, node } from "../support/onnx.ts";
import { sha256 } from "../support/tiny-models.ts";
import { post, type Source, startSource } from "./source.ts";

const PYTHON = "/usr/bin/python3";
const missing = spawnSync(PYTHON, ["-c", "import PIL, numpy"]).status !== 0;
const SIDE = 112;
const COUNT = SIDE * SIDE * 3;
const MIN_COSINE = 0.999;

const mirror = (shape: (number | string)[]) =>
  model({
    inputs: [["pixels", "float32", shape]],
    outputs: [["numbers", "float32", ["n", COUNT]]],
    nodes: [node("Flatten", ["pixels"], ["numbers"], int("axis", 1))],
  });
const planes = mirror(["n", 3, SIDE, SIDE]);
const last = mirror(["n", SIDE, SIDE, 3]);

const CLIP = { mean: [0.48145466, 0.4578275, 0.40821073], std: [0.26862954, 0.26130258, 0.27577711] };
/** What models.json says of each recipe. */
const RECIPES = {
  clip: { ...CLIP },
  siglip: { fit: "stretch", resample: "bilinear", mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
  channels_last: { fit: "stretch", layout: "nhwc" },
  bgr: { fit: "stretch", resample: "area", colour: "bgr", mean: [0.4, 0.45, 0.5], std: [0.25, 0.25, 0.25] },
};
type RecipeName = keyof typeof RECIPES;

describe.skipIf(missing)("71 pictures, as Pillow and numpy prepare them", () => {
  let folder: string;
  let source: Source;
  let server: RunningServer;
  let pictures: { file: string; about: string; limit: number }[];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "weir-preparation-"));
    const script = join(import.meta.dirname, "preparation.py");
    const output = execFileSync(PYTHON, [script, folder], { encoding: "utf8" });
    pictures = JSON.parse(output) as typeof pictures;
    await mkdir(join(folder, "models"));
    await writeFile(join(folder, "models/planes.onnx"), planes);
    await writeFile(join(folder, "models/last.onnx"), last);
    const entries = Object.entries(RECIPES).map(([name, recipe]) => {
      const bytes = "layout" in recipe ? last : planes;
      const file = `models/${"layout" in recipe ? "last" : "planes"}.onnx`;
      const image = { file, sha256: sha256(bytes), size: SIDE, ...recipe };
      return [name, { kind: "onnx", dimensions: COUNT, normalise: false, image }];
    });
    const models = modelsSchema.parse(Object.fromEntries(entries));
    source = await startSource();
    server = await startServer({
      port: 0,
      log: () => {},
      allowOrigins: [source.origin],
      models: { models, root: folder },
    });
  });
  afterAll(async () => {
    await server?.close();
    await source?.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function given(recipe: RecipeName, file: string): Promise<Float32Array> {
    const url = source.put(`/${file}`, await readFile(join(folder, file)));
    const { lines } = await post(server.url, "/v1/embed", { kind: "image", model: recipe, items: [{ url }] });
    expect(lines[0]).toMatchObject({ dims: COUNT });
    return new Float32Array(Uint8Array.from(Buffer.from(lines[0].embedding, "base64")).buffer);
  }

  test.each(Object.keys(RECIPES) as RecipeName[])(
    "%s",
    async (recipe) => {
      const { std } = { std: [1, 1, 1], ...RECIPES[recipe] };
      const far: string[] = [];
      for (const { file, about, limit } of pictures) {
        const bytes = await readFile(join(folder, `${Number.parseInt(file, 10)}.${recipe}.f32`));
        const expected = new Float32Array(Uint8Array.from(bytes).buffer);
        const numbers = await given(recipe, file);
        const [difference, cosine] = [
          greatestDifference(numbers, expected, std),
          cosineOf(numbers, expected),
        ];
        if (difference * 255 > limit + 1e-3 || cosine < MIN_COSINE)
          far.push(`${about}: ${(difference * 255).toFixed(1)}/255, cosine ${cosine.toFixed(5)}`);
      }
      expect(pictures.filter(({ limit }) => limit === 2)).toHaveLength(50);
      expect(far).toEqual([]);
    },
    120_000,
  );
});

test.skipIf(!missing)(
  `is skipped: ${PYTHON} has no Pillow and numpy (apt-get install python3-pil python3-numpy)`,
  () => {},
);

/** In parts of the range of a pixel: what a channel is divided by is taken out again. */
function greatestDifference(a: Float32Array, b: Float32Array, std: readonly number[]): number {
  let greatest = 0;
  for (const [i, value] of a.entries()) {
    const channel = Math.floor(i / (SIDE * SIDE));
    greatest = Math.max(greatest, Math.abs(value - (b[i] ?? 0)) * (std[channel] ?? 1));
  }
  return greatest;
}

function cosineOf(a: Float32Array, b: Float32Array): number {
  let [product, one, other] = [0, 0, 0];
  for (const [i, value] of a.entries()) {
    product += value * (b[i] ?? 0);
    one += value * value;
    other += (b[i] ?? 0) ** 2;
  }
  return one === 0 && other === 0 ? 1 : product / Math.sqrt(one * other);
}
