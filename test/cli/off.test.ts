// A pipeline that is off, as Weir's own speech-to-text is until there is a speech model: nothing sees it, and it is in
// order the moment that it is on.
import { describe, expect, test } from "vitest";
import { generate } from "../../cli/generate/generate.ts";
import { loadProject, packageRoot } from "../../cli/project/project.ts";
import { validate } from "../../cli/project/validate.ts";
import { modelsSchema } from "../../src/shapes/model.ts";

describe("a pipeline that is off", () => {
  const project = loadProject(packageRoot);

  test("is named, and generated nowhere", async () => {
    expect(validate(project)).toMatchObject({ problems: [], off: ["speech-to-text"] });
    const files = await generate(project);
    expect([...files.keys()].filter((name) => name.includes("speech-to-text"))).toEqual([]);
    expect(files.get("src/dispatch/registry.generated.ts")).not.toContain("speech-to-text");
    expect(files.get("wrangler.toml")).not.toContain("speech-to-text");
  });

  test("needs its model when it is on, and is in order with it", () => {
    const on = { ...project, pipelines: [...project.pipelines, ...project.off], off: [] };
    const { problems } = validate(on);
    expect(problems.map(({ file, problem }) => [file, problem])).toEqual([
      ["pipelines/speech-to-text/config.json", 'The model "speech" is not in models.json.'],
    ]);
    const url = "https://api.openai.com/v1/audio/transcriptions";
    const speech = { kind: "http", task: "transcribe", url, model: "whisper-1", key: "OPENAI_API_KEY" };
    const definitions = { ...project.definitions, ...modelsSchema.parse({ speech }) };
    expect(validate({ ...on, definitions })).toMatchObject({ problems: [], examples: 10 });
  });
});
