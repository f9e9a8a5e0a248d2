// Models that a project brings along, through the real server: the vectors of tiny onnx models against values
// worked out here from the pixels and words themselves, and every way in which a model can be none.
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeVideo } from "../../cli/sample-media/media.ts";
import { definitionOf, isOnnx, modelsSchema } from "../../src/shapes/model.ts";
import { type RunningServer, startServer } from "../../workers/compute/server/main.ts";
import { type ModelCatalogue, readModels } from "../../workers/compute/server/models.ts";
import { message } from "../support/onnx.ts";
import { meanOf, png } from "../support/png.ts";
import { sha256, tableRow, tinyModels, WORDS } from "../support/tiny-models.ts";
import { post, type Source, startSource } from "./source.ts";

const PROJECT = join(import.meta.dirname, "../project");
let folder: string;
let source: Source;
let server: RunningServer;
let known: ModelCatalogue;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "weir-test-"));
  source = await startSource();
  known = await readModels(join(PROJECT, "models.json"));
  server = await startServer({ port: 0, log: () => {}, allowOrigins: [source.origin], models: known });
});
afterAll(async () => {
  await server.close();
  await source.close();
  await rm(folder, { recursive: true });
});

type Line = {
  index: number;
  embedding: string;
  dims: number;
  model: string;
  error?: { kind: string; detail: string };
  sampled?: number[];
  frame_vectors?: string;
};
async function embed(kind: string, model: string, items: object[], to = server) {
  const { status, lines } = await post(to.url, "/v1/embed", { kind, model, items });
  if (status !== 200) return { status, failure: lines[0].failure, lines: [] as Line[] };
  return { status, lines: (lines as Line[]).sort((a, b) => a.index - b.index) };
}
const vectorOf = ({ embedding }: Line) => {
  const bytes = Buffer.from(embedding, "base64");
  return Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(i * 4));
};
const cosine = (a: number[], b: number[]) => {
  const [one, other] = [unit(a), unit(b)];
  return one.reduce((sum, value, i) => sum + value * (other[i] ?? 0), 0);
};
const unit = (values: number[]) => values.map((value) => value / Math.hypot(...values));
const near = (values: number[], digits: number) => values.map((value) => expect.closeTo(value, digits));
const meanRows = (tokens: number[]) =>
  unit(
    Array.from(
      { length: 12 },
      (_, i) => tokens.reduce((sum, token) => sum + (tableRow(token)[i] ?? 0), 0) / tokens.length,
    ),
  );

/** A picture of four quarters, left to right and top to bottom. */
const QUARTERS: [number, number, number][] = [
  [255, 0, 0],
  [0, 255, 0],
  [20, 40, 200],
  [90, 90, 90],
];
const quarters = (side: number) =>
  png(side, side, (x, y) => QUARTERS[(y < side / 2 ? 0 : 2) + (x < side / 2 ? 0 : 1)] ?? [0, 0, 0]);

test("the tiny models in the repository are what their script writes", async () => {
  for (const [name, bytes] of Object.entries(tinyModels()))
    expect(sha256(await readFile(join(PROJECT, "models", name))), name).toBe(sha256(bytes));
});

describe("a model of pictures", () => {
  test("is given what models.json says: planes, red first, less the mean, by the deviation", async () => {
    const url = source.put("/quarters.png", quarters(64));
    const { lines } = await embed("image", "test/tiny", [{ url }]);
    const [mean, std] = [
      [0.5, 0.4, 0.3],
      [0.2, 0.25, 0.5],
    ];
    const expected = [0, 1, 2].flatMap((c) =>
      QUARTERS.map((colour) => ((colour[c] ?? 0) / 255 - (mean[c] ?? 0)) / (std[c] ?? 1)),
    );
    expect(lines[0]).toMatchObject({ model: "test/tiny", dims: 12 });
    expect(vectorOf(lines[0] as Line)).toEqual(near(unit(expected), 2));
  });

  test("is given bytes pixel by pixel, blue first, where it takes those; its vector is left as it is", async () => {
    const url = source.put("/quarters.png", quarters(64));
    const { lines } = await embed("image", "test/tiny-bytes", [{ url }]);
    const expected = [2, 1, 0].flatMap((c) => QUARTERS.map((colour) => colour[c] ?? 0));
    for (const [i, value] of vectorOf(lines[0] as Line).entries())
      expect(Math.abs(value - (expected[i] ?? 0)), `number ${i}`).toBeLessThan(3);
  });

  test("sees the middle of a wide picture, or all of it squeezed, or on black", async () => {
    // Red, green and blue thirds: the middle of it is green alone.
    const thirds = png(96, 32, (x) => [x < 32 ? 255 : 0, x >= 32 && x < 64 ? 255 : 0, x >= 64 ? 255 : 0]);
    const url = source.put("/thirds.png", thirds);
    const greens = async (fit: "cover" | "contain" | "stretch") => {
      const model = known.models["test/tiny-bytes"];
      if (!isOnnx(model) || !model.image) throw new Error("the test project has changed");
      const models = { fitted: { ...model, image: { ...model.image, fit } } };
      const own = await startServer({
        port: 0,
        log: () => {},
        allowOrigins: [source.origin],
        models: { ...known, models },
      });
      const { lines } = await embed("image", "fitted", [{ url }], own);
      await own.close();
      return vectorOf(lines[0] as Line).map(Math.round);
    };
    // Blue, green, red; of each the four quarters.
    const [b, g, r] = [0, 4, 8];
    const cover = await greens("cover");
    expect(cover.slice(g, g + 4).every((value) => value > 250)).toBe(true);
    expect(Math.max(...cover.slice(b, b + 4), ...cover.slice(r))).toBeLessThan(5);
    const stretch = await greens("stretch");
    expect([stretch[r], stretch[r + 1], stretch[b], stretch[b + 1]].map((v) => (v ?? 0) > 100)).toEqual([
      true,
      false,
      false,
      true,
    ]);
    const contain = await greens("contain");
    expect(contain[r]).toBeLessThan((stretch[r] ?? 0) / 2);
  });

  test("gives a span the mean, or the greatest, of what it gives its frames", async () => {
    const path = join(folder, "film.mp4");
    await makeVideo(path, { seconds: 8, width: 96, height: 96, fps: 10, scenes: 4, gopSeconds: 2 });
    const url = source.put("/film.mp4", await readFile(path));
    const span = { start: 0, end: 8 };
    const { lines } = await embed("video", "test/tiny-bytes", [{ url, span }]);
    const shots = await post(server.url, "/v1/frames", { url, at: [0, 2, 4, 6], size: 96, format: "png" });
    const pictures = shots.lines
      .slice(0, 4)
      .map(({ data }, i) => ({ url: source.put(`/${i}.png`, Buffer.from(data, "base64")) }));
    const each = (await embed("image", "test/tiny-bytes", pictures)).lines.map(vectorOf);
    const greatest = each[0]?.map((_, i) => Math.max(...each.map((vector) => vector[i] ?? 0))) ?? [];
    for (const [i, value] of vectorOf(lines[0] as Line).entries())
      expect(Math.abs(value - (greatest[i] ?? 0)), `number ${i}`).toBeLessThan(3);
    // Each frame's own vector comes along, as int8 in the direction of what its picture alone is given.
    expect(lines[0]?.sampled).toEqual([0, 2, 4, 6]);
    const rows = [...new Int8Array(Buffer.from(lines[0]?.frame_vectors ?? "", "base64"))];
    expect(rows).toHaveLength(4 * 12);
    for (const [i, picture] of each.entries()) {
      const row = rows.slice(12 * i, 12 * (i + 1));
      expect(Math.max(...row.map(Math.abs))).toBe(127);
      expect(cosine(row, picture), `frame ${i}`).toBeGreaterThan(0.999);
    }
  });
});

describe("a model of film", () => {
  test("is given a span's frames together, in their order", async () => {
    const path = join(folder, "scenes.mp4");
    await makeVideo(path, { seconds: 8, width: 96, height: 96, fps: 10, scenes: 4, gopSeconds: 2, seed: 3 });
    const url = source.put("/scenes.mp4", await readFile(path));
    const span = { start: 0, end: 8 };
    const { lines } = await embed("video", "test/tiny-video", [{ url, span }]);
    const shots = await post(server.url, "/v1/frames", { url, at: [0, 2, 4, 6], size: 96, format: "png" });
    const means = shots.lines.slice(0, 4).flatMap(({ data }) => meanOf(Buffer.from(data, "base64")));
    expect(new Set(means.map(Math.round)).size).toBeGreaterThan(4);
    for (const [i, value] of vectorOf(lines[0] as Line).entries())
      expect(Math.abs(value * 255 - (means[i] ?? 0)), `number ${i}`).toBeLessThan(3);
    expect(lines[0]).not.toHaveProperty("frame_vectors");
  });

  test("is given the frames that there are more than once where a span has too few", async () => {
    const url = source.put("/scenes.mp4", await readFile(join(folder, "scenes.mp4")));
    const { lines } = await embed("video", "test/tiny-video", [{ url, span: { start: 0, end: 4 } }]);
    const vector = vectorOf(lines[0] as Line);
    expect(vector.slice(0, 3)).toEqual(vector.slice(3, 6));
    expect(vector.slice(6, 9)).toEqual(vector.slice(9));
    expect(vector.slice(0, 3)).not.toEqual(vector.slice(6, 9));
  });
});

describe("a model of text", () => {
  const token = (word: string) => WORDS.indexOf(word);
  test.each<[string, string[]]>([
    ["red", ["[CLS]", "red", "[SEP]"]],
    ["A  red PICTURE", ["[CLS]", "a", "red", "picture", "[SEP]"]],
    ["pictures", ["[CLS]", "picture", "##s", "[SEP]"]],
    ["red zebra", ["[CLS]", "red", "[UNK]", "[SEP]"]],
    ["red, blue", ["[CLS]", "red", "[UNK]", "blue", "[SEP]"]],
    [
      "red red red blue blue blue green green green",
      ["[CLS]", "red", "red", "red", "blue", "blue", "blue", "[SEP]"],
    ],
  ])("reads %j as %j", async (text, words) => {
    const { lines } = await embed("text", "test/tiny", [{ text }]);
    expect(vectorOf(lines[0] as Line)).toEqual(near(meanRows(words.map(token)), 5));
  });

  test("gives texts of unequal length, asked for together, what it gives each alone", async () => {
    const texts = ["red", "a red picture", "green blue green blue", "pictures"];
    const together = (
      await embed(
        "text",
        "test/tiny",
        texts.map((text) => ({ text })),
      )
    ).lines.map(vectorOf);
    for (const [i, text] of texts.entries())
      expect(together[i]).toEqual(
        near(vectorOf((await embed("text", "test/tiny", [{ text }])).lines[0] as Line), 5),
      );
  });
});

describe("what cannot be embedded is refused for good, and says what could be", () => {
  test.each([
    [
      "text",
      "weir/hog-512",
      { text: "red" },
      /weir\/hog-512 takes video and image, not text/,
      /^test\/tiny$/,
    ],
    [
      "image",
      "test/tiny-video",
      { url: "https://example.com/a.png" },
      /takes video, not image/,
      /weir\/hog-512/,
    ],
    ["text", "acme/none", { text: "red" }, /there is no model acme\/none/, /^test\/tiny$/],
  ])("%s by %s", async (kind, model, item, detail, expected) => {
    const { status, failure } = await embed(kind, model, [item]);
    expect(status).toBe(422);
    expect(failure).toMatchObject({ kind: "unknown_model" });
    expect(failure.detail).toMatch(detail);
    expect(failure.expected).toMatch(expected);
  });

  test("a definition that differs from the caller's is not used in its place", async () => {
    const body = { kind: "text", model: "test/tiny", items: [{ text: "red" }] };
    const model = known.models["test/tiny"];
    if (!model) throw new Error("the test project has changed");
    const definition = await definitionOf(model);
    expect((await post(server.url, "/v1/embed", { ...body, definition })).status).toBe(200);
    const other = await definitionOf(modelsSchema.parse({ it: { ...model, normalise: false } }).it ?? model);
    const refused = await post(server.url, "/v1/embed", { ...body, definition: other });
    expect(refused.status).toBe(503);
    expect(refused.lines[0].failure).toMatchObject({ kind: "overloaded", retry_after_seconds: 10 });
  });
});

describe("a model's file", () => {
  const failing = async (models: object, prepare: (root: string) => Promise<unknown> = async () => {}) => {
    const root = await mkdtemp(join(folder, "models-"));
    await cp(join(PROJECT, "models"), join(root, "models"), { recursive: true });
    await prepare(root);
    const own = await startServer({
      port: 0,
      log: () => {},
      models: { models: modelsSchema.parse(models), root },
    });
    const { lines } = await embed("text", "it", [{ text: "red" }], own);
    await own.close();
    return lines[0]?.error;
  };
  const it = (change: object) => ({ it: { kind: "onnx", dimensions: 12, text: { ...text(), ...change } } });
  const text = () => {
    const model = known.models["test/tiny"];
    if (!isOnnx(model) || !model.text) throw new Error("the test project has changed");
    return model.text;
  };

  test.each<[string, object, RegExp]>([
    ["that is not there", { file: "models/none.onnx" }, /models\/none\.onnx is not where compute runs/],
    ["that is not the one meant", { sha256: "0".repeat(64) }, /not the file that models\.json means/],
    ["without such an output", { output: "pooled" }, /has no output pooled: it has hidden/],
    [
      "whose tokens were to be one vector already",
      { pooling: "none" },
      /shape \[1, 3, 12\].*"pooling": "none"/,
    ],
  ])("%s is refused", async (_, change, detail) => {
    const error = await failing(it(change));
    expect(error).toMatchObject({ kind: "bad_model" });
    expect(error?.detail).toMatch(detail);
  });

  test("that gives another number of numbers than declared is refused", async () => {
    const error = await failing({ it: { kind: "onnx", dimensions: 512, text: text() } });
    expect(error?.detail).toMatch(/gives 12 numbers .* models\.json says 512/);
  });

  test("that is no model is refused", async () => {
    const junk = Buffer.from("not a model at all");
    const error = await failing(it({ file: "models/junk.onnx", sha256: sha256(junk) }), (root) =>
      writeFile(join(root, "models/junk.onnx"), junk),
    );
    expect(error).toMatchObject({ kind: "bad_model", detail: expect.stringContaining("no ONNX model") });
  });

  test("that names another file is refused, and that file is not opened", async () => {
    const weights = message([1, "location"], [2, "tiny-image.onnx"]);
    const outside = message([1, WORDS.length], [1, 12], [2, 1], [8, "table"], [13, weights], [14, 1]);
    const bytes = Buffer.concat([
      tinyModels()["tiny-text.onnx"] ?? Buffer.alloc(0),
      message([7, message([5, outside])]),
    ]);
    const error = await failing(it({ file: "models/outside.onnx", sha256: sha256(bytes) }), (root) =>
      writeFile(join(root, "models/outside.onnx"), bytes),
    );
    expect(error).toMatchObject({
      kind: "bad_model",
      detail: expect.stringContaining("keeps tensors in other files"),
    });
  });

  test("is loaded once, and what is asked meanwhile goes on when its process is killed", async () => {
    const own = await startServer({ port: 0, log: () => {}, models: known });
    await embed("text", "test/tiny", [{ text: "red" }], own);
    const first = own.inference();
    const asked = Promise.all(
      Array.from({ length: 20 }, () => embed("text", "test/tiny", [{ text: "blue" }], own)),
    );
    if (first !== undefined) process.kill(first, "SIGKILL");
    const expected = near(meanRows(["[CLS]", "blue", "[SEP]"].map((word) => WORDS.indexOf(word))), 5);
    for (const { lines } of await asked) expect(vectorOf(lines[0] as Line)).toEqual(expected);
    expect(own.inference()).not.toBe(first);
    await own.close();
  });
});
