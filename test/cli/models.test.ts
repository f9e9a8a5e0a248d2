// `weir models`, against a hub on loopback: what is added and what its entry says, and every way in which it can fail, each
// with a clear word and without a trace in the project.
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { meaningFindings } from "../../cli/account/doctor.ts";
import { CATALOGUE } from "../../cli/models/catalogue.ts";
import { judge } from "../../cli/models/licence.ts";
import { loadProject } from "../../cli/project/project.ts";
import { type OnnxModel, recipeOf } from "../../src/shapes/model.ts";
import { COMMIT, type Hub, startHub } from "../support/hub.ts";
import {
  clipRepository,
  moonshineRepository,
  type RepositoryFiles,
  sentenceRepository,
  sha256,
  textModelApart,
  whisperRepository,
} from "../support/hub-models.ts";
import { change, folder, project, sound } from "./support/given.ts";
import { weirHere } from "./support/run.ts";

const ID = "acme/tiny-clip";
const BEFORE = '{\n  "weir/hog-512": { "kind": "builtin", "builtin": "weir/hog-512" }\n}\n';
let hub: Hub;
let root: string;

beforeAll(async () => {
  hub = await startHub();
});
afterAll(() => hub.close());
beforeEach(() => {
  hub.repositories = new Map([[ID, { files: clipRepository(), licence: "mit" }]]);
  hub.seen = [];
  hub.cutAfter = undefined;
  hub.damaged.clear();
  root = project({ "models.json": BEFORE });
});

const weir = (words: string[], env: Record<string, string> = {}) => weirHere(["--root", root, ...words], env);
const add = (words: string[] = [ID], env: Record<string, string> = {}) =>
  weir(["models", "add", ...words, "--hub", hub.url], env);
const models = () => JSON.parse(readFileSync(join(root, "models.json"), "utf8")) as Record<string, OnnxModel>;
const changed = (files: RepositoryFiles, licence?: string) =>
  hub.repositories.set(ID, { files: { ...clipRepository(), ...files }, licence: licence ?? "mit" });
const without = (...paths: string[]) => {
  const files = clipRepository();
  for (const path of paths) delete files[path];
  hub.repositories.set(ID, { files, licence: "mit" });
};
/** Nothing that `weir deploy` or compute would see. */
const untouched = () => {
  expect(readFileSync(join(root, "models.json"), "utf8")).toBe(BEFORE);
  expect(globSync("models/**/*", { cwd: root })).toEqual([]);
};

describe("a model of pictures and texts", () => {
  test("is fetched, checked, pinned and described by what its own files say", async () => {
    const { code, stderr } = await add();
    expect([code, stderr]).toEqual([0, expect.stringContaining("12 numbers, of video, image, text")]);
    const files = clipRepository();
    const [image, text, tokenizer] = ["onnx/vision_model.onnx", "onnx/text_model.onnx", "tokenizer.json"].map(
      (from) => ({
        from,
        file: `models/${ID}/${from.split("/").at(-1)}`,
        sha256: sha256(files[from] ?? new Uint8Array()),
        bytes: files[from]?.length,
      }),
    );
    expect(models()[ID]).toEqual({
      kind: "onnx",
      dimensions: 12,
      image: {
        file: image?.file,
        sha256: image?.sha256,
        size: 8,
        mean: [0.5, 0.5, 0.5],
        std: [0.5, 0.5, 0.5],
      },
      text: {
        file: text?.file,
        sha256: text?.sha256,
        tokenizer: { file: tokenizer?.file, sha256: tokenizer?.sha256 },
        max_length: 16,
      },
      origin: { hub: hub.url, id: ID, revision: COMMIT, licence: "mit", files: [image, text, tokenizer] },
    });
    for (const one of [image, text, tokenizer])
      expect(sha256(readFileSync(join(root, one?.file ?? "")))).toBe(one?.sha256);
    expect((await weir(["validate"])).code).toBe(0);
    expect(globSync(".weir/models/**/*", { cwd: root })).toEqual([]);
    expect(readFileSync(join(root, "models.json"), "utf8")).toContain(BEFORE.split("\n")[1]);
  });

  test("is one by its short name, and by the URL of its page", async () => {
    const [id] = Object.values(CATALOGUE).map((entry) => entry.id);
    hub.repositories.set(id ?? "", { files: clipRepository() });
    expect((await add(["clip"])).stderr).toContain("licence mit (https://github.com/openai/CLIP");
    expect(models().clip?.origin).toMatchObject({ id, licence: "mit" });
    expect((await weir(["models", "add", `${hub.url}/${ID}/tree/main`, "--as", "by/url"])).code).toBe(0);
    expect(models()["by/url"]?.origin).toMatchObject({ hub: hub.url, id: ID });
  });

  test("is one in a folder, without a hub", async () => {
    const files = Object.entries(clipRepository()).map(([path, bytes]) => [`tiny/${path}`, bytes] as const);
    const home = folder({});
    for (const [path, bytes] of files) {
      mkdirSync(dirname(join(home, path)), { recursive: true });
      writeFileSync(join(home, path), bytes);
    }
    expect((await weir(["models", "add", join(home, "tiny")])).code).toBe(0);
    expect(models().tiny).toMatchObject({
      dimensions: 12,
      origin: { hub: "folder", id: "tiny", licence: "mit" },
    });
    expect(existsSync(join(home, "tiny/onnx/text_model.onnx"))).toBe(true);
  });

  test("has the weights inside that its repository keeps in another file", async () => {
    const { model, weights } = textModelApart("text_model.onnx_data");
    changed({ "onnx/text_model.onnx": model, "onnx/text_model.onnx_data": weights });
    expect((await add()).stderr).toContain("12 numbers");
    expect(models()[ID]?.origin?.files[1]?.from).toBe("onnx/text_model.onnx + text_model.onnx_data");
    expect((await weir(["validate"])).code).toBe(0);
    expect((await weir(["models", "check"])).code).toBe(0);
  });

  test("keeps its definition wherever it came from: its vectors are the same", async () => {
    await add();
    const model = models()[ID] as OnnxModel;
    const { origin: _, ...bare } = model;
    expect(await recipeOf(model, "text")).toEqual(await recipeOf(bare as OnnxModel, "text"));
  });
});

test("a model of sentences gets its pooling, its prompts and its side of padding", async () => {
  hub.repositories.set("acme/sentences", { files: sentenceRepository(), licence: "apache-2.0" });
  const { code, stderr } = await add(["acme/sentences"]);
  expect([code, stderr]).toEqual([0, expect.stringContaining("of text")]);
  expect(models()["acme/sentences"]).toMatchObject({
    dimensions: 12,
    text: { max_length: 32, pooling: "cls", query_prefix: "a ", pad_side: "left" },
  });
  expect(models()["acme/sentences"]?.text).not.toHaveProperty("document_prefix");
});

test("SigLIP's texts are lower-cased, ended and filled up to the last place", async () => {
  const config = { model_type: "siglip", text_config: { max_position_embeddings: 16 } };
  const tokenizer = JSON.parse(Buffer.from(clipRepository()["tokenizer.json"] ?? "").toString());
  const cased = { ...tokenizer, normalizer: null, post_processor: null };
  changed({
    "config.json": Buffer.from(JSON.stringify(config)),
    "tokenizer.json": Buffer.from(
      JSON.stringify({ ...cased, padding: { strategy: { Fixed: 9 }, direction: "Right", pad_id: 4 } }),
    ),
    "tokenizer_config.json": Buffer.from(JSON.stringify({ eos_token: "[SEP]", model_max_length: 1e30 })),
    "preprocessor_config.json": Buffer.from(
      JSON.stringify({
        do_rescale: true,
        rescale_factor: 0.00392156862745098,
        image_mean: [0.5, 0.5, 0.5],
        image_std: [0.5, 0.5, 0.5],
        resample: 2,
        size: { height: 8, width: 8 },
      }),
    ),
  });
  expect((await add()).stderr).toContain("12 numbers");
  expect(models()[ID]).toMatchObject({
    image: { size: 8, fit: "stretch", resample: "bilinear" },
    text: { max_length: 9, pad: true, pad_id: 4, lowercase: true, append_eos: 3 },
  });
});

describe("a speech model", () => {
  const id = CATALOGUE["whisper-base"]?.id ?? "";
  const whisper = (files: RepositoryFiles = {}) =>
    hub.repositories.set(id, { files: { ...whisperRepository(), ...files }, licence: "mit" });
  const config = (changes: object) => {
    const text = Buffer.from(whisperRepository()["generation_config.json"] ?? "").toString();
    return Buffer.from(JSON.stringify({ ...JSON.parse(text), ...changes }));
  };

  test("is Whisper by its short name: its files, its tokens and its lengths as its own files say", async () => {
    whisper();
    const { code, stderr } = await add(["whisper-base"]);
    expect([code, stderr]).toEqual([0, expect.stringContaining("text of speech, in 2 languages")]);
    const kept = (from: string) => ({
      file: `models/whisper-base/${from.split("/").at(-1)}`,
      sha256: sha256(whisperRepository()[from] ?? new Uint8Array()),
    });
    const { origin, ...entry } = models()["whisper-base"] ?? {};
    expect(entry).toEqual({
      kind: "onnx",
      task: "transcribe",
      encoder: kept("onnx/encoder_model.onnx"),
      decoder: kept("onnx/decoder_model_merged.onnx"),
      tokenizer: kept("tokenizer.json"),
      mels: 80,
      tokens: {
        start: 5,
        end: 4,
        transcribe: 8,
        no_timestamps: 9,
        languages: { en: 6, de: 7 },
        suppressed: [2],
        suppressed_first: [3, 4],
      },
    });
    expect(origin).toMatchObject({ id, revision: COMMIT, licence: "mit", files: [{}, {}, {}] });
    expect((await weir(["validate"])).code).toBe(0);
    expect((await weir(["models", "check"])).stderr).toContain("files as pinned, it listens");
    const { stdout } = await weir(["models", "list", "--json"]);
    expect(JSON.parse(stdout)).toContainEqual(
      expect.objectContaining({ name: "whisper-base", takes: ["speech"], dimensions: null, licence: "mit" }),
    );
    // What is missing comes again, and all of it goes with the entry.
    rmSync(join(root, "models/whisper-base/encoder_model.onnx"));
    expect((await weir(["validate"])).code).not.toBe(0);
    expect((await add(["whisper-base"])).stderr).toContain("has its files again");
    expect((await weir(["models", "remove", "whisper-base"])).code).toBe(0);
    untouched();
  });

  test("is Moonshine by its short name, and of the language that its name says", async () => {
    const english = CATALOGUE["moonshine-tiny"]?.id ?? "";
    for (const id of [english, "acme/moonshine-base-ja-ONNX"])
      hub.repositories.set(id, { files: moonshineRepository(), licence: "mit" });
    const { code, stderr } = await add(["moonshine-tiny"]);
    expect([code, stderr]).toEqual([0, expect.stringContaining("text of speech, in en;")]);
    const kept = (from: string) => ({
      file: `models/moonshine-tiny/${from.split("/").at(-1)}`,
      sha256: sha256(moonshineRepository()[from] ?? new Uint8Array()),
    });
    const { origin, ...entry } = models()["moonshine-tiny"] ?? {};
    expect(entry).toEqual({
      kind: "onnx",
      task: "transcribe",
      encoder: kept("onnx/encoder_model.onnx"),
      decoder: kept("onnx/decoder_model_merged.onnx"),
      tokenizer: kept("tokenizer.json"),
      architecture: "moonshine",
      tokens: { start: 1, end: 2 },
    });
    expect(origin).toMatchObject({ id: english, revision: COMMIT, licence: "mit", files: [{}, {}, {}] });
    expect((await add(["acme/moonshine-base-ja-ONNX", "--as", "ja"])).code).toBe(0);
    expect(models().ja).toMatchObject({ language: "ja", tokens_per_second: 13 });
    expect((await weir(["validate"])).code).toBe(0);
    expect((await weir(["models", "check"])).stderr).toContain("moonshine-tiny: files as pinned, it listens");
    for (const name of ["moonshine-tiny", "ja"])
      expect((await weir(["models", "remove", name])).code).toBe(0);
    untouched();
  });

  test("is no Moonshine that takes sound of another rate", async () => {
    const files = { "preprocessor_config.json": Buffer.from('{"sampling_rate":8000}') };
    hub.repositories.set("acme/slow", { files: { ...moonshineRepository(), ...files }, licence: "mit" });
    expect((await add(["acme/slow"])).stderr).toContain("asks for sampling_rate 8000");
    untouched();
  });

  test.each([
    ["without a word on times", { "generation_config.json": Buffer.from("{}") }, /no_timestamps_token_id/],
    [
      "of another kind",
      { "config.json": Buffer.from('{"model_type":"t5"}') },
      /writes text \(t5\).*Whisper and Moonshine/,
    ],
    [
      "with another spectrogram",
      { "preprocessor_config.json": Buffer.from('{"n_fft":512,"feature_size":80}') },
      /n_fft 512.*with 400/,
    ],
    [
      "with files in each other's place",
      { "onnx/decoder_model_merged.onnx": whisperRepository()["onnx/encoder_model.onnx"] ?? Buffer.from("") },
      /does not run: .*asks for an input input_features/,
    ],
    [
      "with a language that is no code",
      { "generation_config.json": "language" },
      /cannot be written.*languages/,
    ],
  ] as [string, Record<string, Buffer | string>, RegExp][])("%s is refused", async (_, files, expected) => {
    const changes = Object.entries(files).map(([name, bytes]) => [
      name,
      typeof bytes === "string" ? config({ lang_to_id: { "no code": 6 } }) : bytes,
    ]);
    whisper(Object.fromEntries(changes));
    const { code, stderr } = await add(["whisper-base"]);
    expect(stderr.replaceAll("\n", " ")).toMatch(expected);
    expect(code).toBeGreaterThan(0);
    untouched();
  });
});

describe("an interrupted download", () => {
  test("goes on by itself where it stopped, by ranges", async () => {
    hub.cutAfter = 200;
    expect((await add()).code).toBe(0);
    const ranges = hub.seen.filter(({ host, range }) => host === "store" && range !== undefined);
    expect(ranges.length).toBeGreaterThan(1);
    expect((await weir(["models", "check"])).code).toBe(0);
  });

  test("goes on when it is run again", async () => {
    hub.cutAfter = 0;
    const { code, stderr } = await add();
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/was interrupted at .*Run the command again: it goes on/),
    ]);
    untouched();
    // As a process that is killed leaves it.
    const path = `.weir/models/acme--tiny-clip@${COMMIT}/raw/onnx/vision_model.onnx`;
    const half = clipRepository()["onnx/vision_model.onnx"]?.subarray(0, 100) ?? "";
    writeFileSync(join(root, `${path}.part`), half);
    hub.cutAfter = undefined;
    hub.seen = [];
    expect((await add()).code).toBe(0);
    expect(hub.seen.find(({ range }) => range === "bytes=100-")).toBeDefined();
  });

  test("with something else in its place begins again after it was refused", async () => {
    const path = `.weir/models/acme--tiny-clip@${COMMIT}/raw/onnx/vision_model.onnx.part`;
    change(root, { [path]: "not the beginning of it" });
    const { code, stderr } = await add();
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining("is not what the hub states: its SHA-256 is"),
    ]);
    untouched();
    expect((await add()).code).toBe(0);
  });
});

describe("a fault leaves the project as it was, and says what to do", () => {
  const refused = async (expected: RegExp, words?: string[], env?: Record<string, string>) => {
    const { code, stderr } = await add(words, env);
    expect(stderr.replaceAll("\n", " ")).toMatch(expected);
    expect(code).toBeGreaterThan(0);
    untouched();
  };

  test("content with another hash than stated", async () => {
    hub.damaged.add("onnx/text_model.onnx");
    await refused(/onnx\/text_model\.onnx is not what the hub states.*name a mirror with --hub/);
  });

  test("a small file with another hash than stated", async () => {
    hub.damaged.add("tokenizer.json");
    await refused(/tokenizer\.json is not what the hub states/);
  });

  test("a gated model; with a token it comes, and the store never sees the token", async () => {
    hub.repositories.set(ID, { files: clipRepository(), licence: "mit", token: "hf_secret" });
    await refused(/does not show acme\/tiny-clip to everybody \(401\).*HF_TOKEN/);
    await refused(/The token in HF_TOKEN may not read it/, [ID], { HF_TOKEN: "hf_other" });
    expect((await add([ID], { HF_TOKEN: "hf_secret" })).code).toBe(0);
    const shown = hub.seen.filter(
      ({ host, authorization }) => host === "store" && authorization !== undefined,
    );
    expect(shown).toEqual([]);
  });

  test("a name that the hub does not know, or knows no such revision of", async () => {
    await refused(/there is none of this name/, ["acme/nothing"]);
    await refused(/\(404\)/, [ID, "--revision", "v2"]);
    await refused(/There is no model clipp in the catalogue: it has clip/, ["clipp"]);
  });

  test("PyTorch's weights and no ONNX", async () => {
    without("onnx/vision_model.onnx", "onnx/text_model.onnx");
    await refused(/has no ONNX file: pytorch_model\.bin\..*a pickle may run code.*optimum-cli export onnx/);
  });

  test("a pickle under the name of an ONNX file", async () => {
    changed({ "onnx/vision_model.onnx": new TextEncoder().encode("PK\u0003\u0004archive/data.pkl") });
    await refused(/vision_model\.onnx is no ONNX model: it is a zip archive, as PyTorch's pickles are/);
  });

  test("weights in another file that is not there", async () => {
    changed({ "onnx/text_model.onnx": textModelApart("text_model.onnx_data").model });
    await refused(/keeps its weights in text_model\.onnx_data, and acme\/tiny-clip has no such file/);
    changed({ "onnx/text_model.onnx": textModelApart("../../../etc/passwd").model });
    await refused(/has no such file beside it/);
  });

  test("weights that are shorter than the model says", async () => {
    const { model, weights } = textModelApart("text_model.onnx_data");
    changed({ "onnx/text_model.onnx": model, "onnx/text_model.onnx_data": weights.subarray(0, 40) });
    await refused(/names bytes 16 to 496 of text_model\.onnx_data, which has 40/);
  });

  test("no tokenizer, no preparation, or one that Weir cannot do", async () => {
    without("tokenizer.json");
    await refused(/has no tokenizer\.json/);
    without("preprocessor_config.json");
    await refused(/no preprocessor_config\.json/);
    changed({ "preprocessor_config.json": Buffer.from('{"size": 8, "resample": 1, "do_normalize": false}') });
    await refused(/resample 1 \(lanczos\)/);
    changed({ "preprocessor_config.json": Buffer.from("<html>") });
    await refused(/preprocessor_config\.json is no JSON/);
  });

  test("a model that does not run as its files say", async () => {
    changed({
      "preprocessor_config.json": Buffer.from(
        '{"size": {"height": 9, "width": 9}, "resample": 3, "do_normalize": false}',
      ),
    });
    await refused(/The model does not run: .*does not take what models\.json says/);
  });

  test("a hub that is down", async () => {
    const { code, stderr } = await weir(["models", "add", ID, "--hub", "http://127.0.0.1:9"]);
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/cannot be reached: .*name a mirror with --hub/),
    ]);
    untouched();
  });

  test("a hub that is not secure", async () => {
    const { stderr } = await weir(["models", "add", ID, "--hub", "http://hub.example"]);
    expect(stderr).toContain("The hub must be https");
  });

  test("a full disk", async () => {
    const raw = join(root, `.weir/models/acme--tiny-clip@${COMMIT}/raw/onnx`);
    mkdirSync(raw, { recursive: true });
    symlinkSync("/dev/full", join(raw, "vision_model.onnx.part"));
    await refused(/The disk is full: onnx\/vision_model\.onnx .*Make room and run the command again/);
  });

  test("a licence that forbids use, even with --yes; and one to be read, without a terminal", async () => {
    changed({}, "cc-by-nc-4.0");
    await refused(/cc-by-nc-4\.0, forbids its use/, [ID, "--yes"]);
    changed({}, "openrail");
    await refused(/openrail is not among the licences that are known to be free.*--yes/);
    expect((await add([ID, "--yes"])).code).toBe(0);
  });
});

test.each([
  ["mit", "free"],
  ["Apache-2.0", "free"],
  ["cc-by-4.0", "free"],
  ["cc-by-nc-sa-4.0", "forbidden"],
  ["apple-amlr", "forbidden"],
  ["fair-noncommercial-research-license", "forbidden"],
  ["gemma", "ask"],
  ["other", "ask"],
  [undefined, "ask"],
])("the licence %s is %s", (licence, judgement) => {
  expect(judge(licence)).toBe(judgement);
});

test("every model of the catalogue has a licence that is free", () => {
  for (const { licence } of Object.values(CATALOGUE)) expect(judge(licence)).toBe("free");
});

describe("a model that is there", () => {
  beforeEach(async () => void (await add()));

  test("is not replaced, and gets its files again where they are missing or damaged", async () => {
    const entry = readFileSync(join(root, "models.json"), "utf8");
    const file = join(root, `models/${ID}/text_model.onnx`);
    const bytes = readFileSync(file);
    rmSync(file);
    expect((await weir(["models", "check"])).stderr).toMatch(
      /there is no .*text_model\.onnx\. Fetch it again: weir models add acme\/tiny-clip/,
    );
    hub.seen = [];
    expect((await add()).stderr).toContain("has its files again");
    expect(readFileSync(file)).toEqual(bytes);
    expect(readFileSync(join(root, "models.json"), "utf8")).toBe(entry);
    expect(hub.seen.filter(({ path }) => path.includes("vision_model"))).toEqual([]);
    writeFileSync(file, "damaged");
    expect((await weir(["models", "check", ID])).stderr).toContain("has another SHA-256");
    expect((await add()).code).toBe(0);
    expect((await weir(["models", "check", ID])).code).toBe(0);
  });

  test("keeps its name from another", async () => {
    hub.repositories.set("acme/other", { files: clipRepository(), licence: "mit" });
    expect((await add(["acme/other", "--as", ID])).stderr).toContain(`models.json has ${ID} already`);
  });

  test("is listed, and removed with what it alone has", async () => {
    await add([ID, "--as", "second"]);
    const { stdout } = await weir(["models", "list", "--json"]);
    expect(JSON.parse(stdout)).toContainEqual({
      name: "second",
      kind: "onnx",
      takes: ["video", "image", "text"],
      dimensions: 12,
      bytes: expect.any(Number),
      licence: "mit",
      origin: `${ID}@${COMMIT.slice(0, 12)}`,
    });
    expect((await weir(["models", "list"])).stdout).toContain("weir/hog-512");
    change(root, {
      "pipelines/one/config.json": { ...(sound["pipelines/one/config.json"] as object), models: ["second"] },
    });
    expect((await weir(["models", "remove", "second"])).stderr).toContain(
      "pipelines/one/config.json names second",
    );
    expect((await weir(["models", "remove", ID])).code).toBe(0);
    expect(models()).not.toHaveProperty([ID]);
    expect(existsSync(join(root, "models/acme"))).toBe(false);
    expect(existsSync(join(root, "models/second/text_model.onnx"))).toBe(true);
    expect((await weir(["models", "remove", "secnd"])).stderr).toContain('Did you mean "second"?');
    expect((await weir(["models", "remove", "second", "--force"])).code).toBe(0);
    expect(models()).not.toHaveProperty("second");
  });

  test("has a catalogue beside it", async () => {
    const { stdout } = await weir(["models", "list", "--catalogue"]);
    for (const name of Object.keys(CATALOGUE)) expect(stdout).toContain(name);
  });
});

describe("the model that handlers use by default", () => {
  const DEFAULT = "mixpeek/vuse-generic-v1";

  test("is what the added one is, in the place where the entry was", async () => {
    change(root, {
      "models.json": `{\n  "${DEFAULT}": { "kind": "builtin", "builtin": "weir/hog-512" },\n  "weir/hog-512": { "kind": "builtin", "builtin": "weir/hog-512" }\n}\n`,
    });
    expect((await add([ID, "--default"])).stderr).toContain(`${DEFAULT} means ${ID} from now on`);
    const { origin: _, ...own } = models()[ID] ?? {};
    expect(models()[DEFAULT]).toEqual(own);
    expect(Object.keys(models())).toEqual([DEFAULT, "weir/hog-512", ID]);
    expect((await weir(["validate"])).code).toBe(0);
    // Again, of the model that is there.
    expect((await add([ID, "--default"])).code).toBe(0);
  });

  test("sees pictures, or is refused with models.json as it was", async () => {
    hub.repositories.set(ID, { files: sentenceRepository(), licence: "mit" });
    const { code, stderr } = await add([ID, "--default"]);
    expect([code, stderr]).toEqual([1, expect.stringContaining("takes text, no pictures")]);
    untouched();
  });

  test("is chosen by weir init; without one it compares looks, and doctor says so", async () => {
    const [bare, meaning] = [folder({}), folder({})];
    const home = join(folder({}), "tiny");
    for (const [path, bytes] of Object.entries(clipRepository())) {
      mkdirSync(dirname(join(home, path)), { recursive: true });
      writeFileSync(join(home, path), bytes);
    }
    const none = await weirHere(["init", bare]);
    expect([none.code, none.stderr]).toEqual([
      0,
      expect.stringContaining("how they look, not by what they mean"),
    ]);
    const one = await weirHere(["init", meaning, "--model", home, "--json"]);
    expect([one.code, JSON.parse(one.stdout)]).toMatchObject([0, { ok: true, model: home }]);
    const read = (at: string) => loadProject(at).definitions;
    expect(read(meaning)[DEFAULT]).toMatchObject({ kind: "onnx", dimensions: 12 });
    expect(meaningFindings(read(meaning))).toEqual([]);
    expect(meaningFindings(read(bare))).toMatchObject([
      {
        state: "ok",
        said: expect.stringContaining("not by what they mean"),
        next: expect.stringContaining("--default"),
      },
    ]);
  });

  test("that cannot be had leaves a project without it, and init says how to try again", async () => {
    const at = folder({});
    const { code, stderr } = await weirHere(["init", at, "--model", "no-such-model"]);
    expect([code, stderr]).toEqual([4, expect.stringContaining("weir models add no-such-model --default")]);
    expect(existsSync(join(at, "wrangler.toml"))).toBe(true);
  });
});
