// Compute's image of a project that is not Weir's own folder: the project's models and requirements are in it, beside
// Weir's server, and a change of any of them is a change of the image.
import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "smol-toml";
import { expect, test } from "vitest";
import { imageOf } from "../../cli/deploy/build.ts";
import {
  IMAGE_FOLDER,
  imageAddress,
  imageFiles,
  STAGED_CONFIG,
  stageCompute,
  stageImage,
} from "../../cli/deploy/image.ts";
import { generate } from "../../cli/generate/generate.ts";
import { loadProject, packageRoot } from "../../cli/project/project.ts";
import { change, config, project } from "../cli/support/given.ts";

const MODELS = { "acme/m": { kind: "builtin", builtin: "weir/hog-512" } };
const given = () => {
  const root = project({ "models.json": MODELS, "pipelines/one/requirements.txt": "numpy==2.4.0\n" });
  mkdirSync(join(root, "models/clip"), { recursive: true });
  writeFileSync(join(root, "models/clip/vision.onnx"), Buffer.from([8, 7]));
  return root;
};

test("the image of a project holds its models and requirements, and Weir's server", () => {
  const root = given();
  stageImage(root);
  const read = (path: string) => readFileSync(join(root, IMAGE_FOLDER, path), "utf8");
  expect(JSON.parse(read("models.json"))).toEqual(MODELS);
  expect(Buffer.from(read("models/clip/vision.onnx"))).toEqual(Buffer.from([8, 7]));
  expect(read("pipelines/one/requirements.txt")).toBe("numpy==2.4.0\n");
  expect(read("workers/compute/server/main.ts")).toContain("startServer");
  expect(read("package-lock.json")).toBe(readFileSync(join(packageRoot, "package-lock.json"), "utf8"));
  // Handlers travel with their events, and secrets not at all.
  expect(existsSync(join(root, IMAGE_FOLDER, "pipelines/one/handler.ts"))).toBe(false);

  // wrangler builds a folder by the Dockerfile in it, and Docker takes all that is there.
  expect(read("Dockerfile")).toBe(readFileSync(join(packageRoot, "workers/compute/Dockerfile"), "utf8"));
});

test("the compute Worker is deployed with the pushed image and the project's instances", () => {
  const root = given();
  const address = imageAddress("acc", imageOf(root));
  stageCompute(root, address, { instances: 7, instance_type: "standard-2" });
  const config = join(root, STAGED_CONFIG);
  const { main, containers } = parse(readFileSync(config, "utf8")) as { main: string; containers: object[] };
  expect(existsSync(join(config, "..", main))).toBe(true);
  expect(containers).toEqual([
    {
      ...{ name: "weir-compute", class_name: "Compute", image: address },
      ...{ instance_type: "standard-2", max_instances: 7 },
    },
  ]);
});

test("COMPUTE_INSTANCES of the pipelines is the same setting", async () => {
  const root = project({ "weir.json": { compute: { instances: 7 } } });
  const files = await generate(loadProject(root));
  const { vars } = parse(files.get("pipelines/one/wrangler.toml") ?? "") as { vars: object };
  expect(vars).toMatchObject({ COMPUTE_INSTANCES: "7" });
});

test("prices that are not those of the list go to the router, and to Workers with a budget", async () => {
  const files = (own: object, budget: object) => {
    const root = project({
      "weir.json": own,
      "pipelines/one/config.json": config(budget),
    });
    return generate(loadProject(root));
  };
  const registryOf = (all: Map<string, string>) => [...all].find(([name]) => name.includes("registry"))?.[1];
  const varsOf = (all: Map<string, string>) =>
    (parse(all.get("pipelines/one/wrangler.toml") ?? "") as { vars: object }).vars;

  const plain = await files({}, {});
  expect(registryOf(plain)).toContain("export const prices: Partial<Prices> = {};");
  expect(varsOf(plain)).not.toHaveProperty("WEIR_PRICES");

  const own = { compute: { instance_type: "standard-2" }, prices: { model_tokens: 0.02 } };
  const dear = await files(own, { budget: { usd_per_day: 5 } });
  // One processor, 6 GiB and 12 GB: 20, 15 and 0.84 dollars for a million seconds.
  const expected = { container_ms: 0.03584, model_tokens: 0.02 };
  expect(registryOf(dear)).toContain(`= ${JSON.stringify(expected)};`);
  expect(varsOf(dear)).toMatchObject({ WEIR_PRICES: JSON.stringify(expected) });
});

test("what is no longer the project's is no longer in its image", () => {
  const root = given();
  writeFileSync(join(root, "models/old.onnx"), "");
  stageImage(root);
  const before = imageOf(root);
  change(root, { "models.json": {} });
  expect(imageOf(root)).not.toBe(before);
  writeFileSync(join(root, "models/clip/vision.onnx"), Buffer.from([8, 8]));
  const changed = imageOf(root);
  stageImage(root);
  expect(imageOf(root)).toBe(changed);
  expect(readFileSync(join(root, ".weir/image/models/clip/vision.onnx"))).toEqual(Buffer.from([8, 8]));
});

test("Weir's own folder is staged as any other: nothing else of it is in the build", () => {
  stageImage(packageRoot);
  const stage = join(packageRoot, IMAGE_FOLDER);
  const built = globSync("**/*", { cwd: stage, withFileTypes: true }).filter((entry) => entry.isFile());
  expect(built.length).toBe(imageFiles(packageRoot).size + 1);
  expect(existsSync(join(stage, "dev.env.example"))).toBe(false);
});
