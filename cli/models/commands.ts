// Commands `weir models add|list|check|remove`: their options; the files beside this one run them.
import type { Command } from "commander";
import { jsonOption } from "../io/options.ts";
import type { AddOptions } from "./add.ts";

type AddFlags = Omit<AddOptions, "root" | "env" | "model">;

export function addModelsCommands(program: Command, root: () => string): void {
  const models = program.command("models").description("models of models.json: add, list, check, remove");
  models
    .command("add")
    .description("fetch an ONNX model from a hub or a folder, check it, and write its entry in models.json")
    .argument("<model>", "name of the catalogue, OWNER/NAME on the hub, URL of its page, or a folder")
    .option("--hub <url>", "a hub with Hugging Face's paths, or a mirror; default: https://huggingface.co")
    .option("--as <name>", "name in models.json; default: the catalogue's, the hub's or the folder's")
    .option("--revision <revision>", "branch, tag or commit; what is fetched is pinned to its commit")
    .option("--variant <variant>", "which export, where there are several: fp16, quantized, int8")
    .option("--default", "let mixpeek/vuse-generic-v1, which the shipped pipelines name, mean this model")
    .option("--yes", "take a licence that is not known to be free without asking: you have read it")
    .option(...jsonOption("the entry"))
    .addHelpText(
      "after",
      `
Files go to models/<name>/, from which compute's image takes them; nothing is downloaded when Weir runs. Sizes and
SHA-256 are checked against what the hub states. What was interrupted goes on when it is run again. Any fault leaves
models.json as it was. A gated model needs a token: HF_TOKEN.

Examples:
  $ weir models add clip --default
  $ weir models add onnx-community/siglip2-base-patch16-224-ONNX --as siglip2-224 --variant fp16
  $ weir models add ./my-export --as acme/clip --yes`,
    )
    .action(async (model: string, flags: AddFlags) => {
      const { addModel } = await import("./add.ts");
      await addModel({ root: root(), env: process.env, model, ...flags });
    });
  models
    .command("list")
    .description("list the models of models.json, or those that have a short name")
    .option("--catalogue", "the models that `weir models add` knows by a short name")
    .option(...jsonOption("the models"))
    .addHelpText("after", "\nExamples:\n  $ weir models list\n  $ weir models list --catalogue")
    .action(async (flags: { catalogue?: boolean; json?: boolean }) => {
      const { listModels } = await import("./list.ts");
      listModels(root(), flags);
    });
  models
    .command("check")
    .description("check the files of models by their hashes, and run each model once")
    .argument("[name]", "one model; default: all that run in compute")
    .option(...jsonOption("what was found"))
    .addHelpText("after", "\nExamples:\n  $ weir models check\n  $ weir models check clip")
    .action(async (name: string | undefined, flags: { json?: boolean }) => {
      const { checkModelFiles } = await import("./check.ts");
      await checkModelFiles(root(), name, flags);
    });
  models
    .command("remove")
    .description("take a model out of models.json, with the files that no other one names")
    .argument("<name>", "its name in models.json")
    .option("--force", "even where a pipeline names it, or the Weir of the settings holds vectors of it")
    .option(...jsonOption("what was removed"))
    .addHelpText("after", "\nExamples:\n  $ weir models remove clip")
    .action(async (name: string, flags: { json?: boolean; force?: boolean }) => {
      const { removeModel } = await import("./remove.ts");
      await removeModel(root(), name, flags);
    });
}
