// Compute's image of a project that is not Weir's own folder: the project's models and requirements are in it, beside
// Weir's server, and a change of any of them is a change of the image.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "smol-toml";
import { expect, test } from "vitest";
import { imageOf } from "../../cli/deploy/build.ts";
import { COMPUTE_CONFIG, stageImage } from "../../cli/deploy/image.ts";
import { packageRoot } from "../../cli/project/project.ts";
import { change, project } from "../cli/support/given.ts";

const MODELS = { "acme/m": { kind: "builtin", builtin: "weir/hog-512" } };
const given = () => {
  const root = project({ "models.json": MODELS, "pipelines/one/requirements.txt": "numpy==2.4.0\n" });
  mkdirSync(join(root, "models/clip"), { recursive: true });
  writeFileSync(join(root, "models/clip/vision.onnx"), Buffer.from([8, 7]));
  return root;
};

test("the image of a project holds its models and requirements, and Weir's server", () => {
  const root = given();
  const config = join(root, stageImage(root));
  const read = (path: string) => readFileSync(join(config, "..", path), "utf8");
  expect(JSON.parse(read("models.json"))).toEqual(MODELS);
  expect(Buffer.from(read("models/clip/vision.onnx"))).toEqual(Buffer.from([8, 7]));
  expect(read("pipelines/one/requirements.txt")).toBe("numpy==2.4.0\n");
  expect(read("workers/compute/server/main.ts")).toContain("startServer");
  expect(read("package-lock.json")).toBe(readFileSync(join(packageRoot, "package-lock.json"), "utf8"));
  // Handlers travel with their events, and secrets not at all.
  expect(existsSync(join(config, "../pipelines/one/handler.ts"))).toBe(false);

  const { main, containers } = parse(readFileSync(config, "utf8")) as {
    main: string;
    containers: { image: string; image_build_context: string }[];
  };
  expect(existsSync(join(config, "..", main))).toBe(true);
  expect(existsSync(join(config, "..", containers[0]?.image ?? "none"))).toBe(true);
  expect(containers[0]?.image_build_context).toBe(".");
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

test("Weir's own folder is built as it is", () => {
  expect(stageImage(packageRoot)).toBe(COMPUTE_CONFIG);
});
