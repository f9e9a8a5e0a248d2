// The workflow files: read by GitHub's own parser where it is installed, and held to this house's rules always.
import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { build } from "esbuild";
import { parse } from "smol-toml";
import { describe, expect, test } from "vitest";
import { packageRoot } from "../../cli/project/project.ts";
import { isSigningKey } from "../../src/shapes/bindings.ts";

const files = globSync(".github/workflows/*.yml", { cwd: packageRoot }).map((path): [string, string] => [
  basename(path),
  readFileSync(join(packageRoot, path), "utf8"),
]);
const textOf = (name: string) => files.find(([file]) => file === name)?.[1] ?? "";

/** The lines of every `run:`, block or not. */
const scripts = (text: string): string[] =>
  [...text.matchAll(/^( *)(?:- )?run: (?:\|\n((?:\1 +.*\n)+)|(.*)$)/gm)].map(
    ([, , block, line]) => block ?? line ?? "",
  );

interface Parser {
  parseWorkflow(file: { name: string; content: string }, trace: object): ParseResult;
  convertWorkflowTemplate(context: object, value: object): Promise<{ errors?: { Message: string }[] }>;
}
interface ParseResult {
  context: { errors: { getErrors(): { message: string }[] } };
  value?: object;
}
const PARSER = "@actions/workflow-parser";
/** Bundled, since it imports JSON in a way that bundlers take and Node does not. Undefined where it is absent. */
async function parserIfInstalled(): Promise<Parser | undefined> {
  const built = await build({
    stdin: { contents: `export * from "${PARSER}"`, resolveDir: packageRoot },
    bundle: true,
    write: false,
    format: "esm",
    logLevel: "silent",
  }).catch(() => undefined);
  const code = built?.outputFiles[0]?.text;
  return code === undefined ? undefined : import(`data:text/javascript,${encodeURIComponent(code)}`);
}
const parser = await parserIfInstalled();
if (!parser)
  console.info(`skipped: ${PARSER} is not installed, so GitHub's own parser reads no workflow here`);

describe("the workflow files", () => {
  test("are those that the README and docs name", () => {
    expect(files.map(([name]) => name).sort()).toEqual(["ci.yml", "deploy.yml", "preview.yml"]);
  });

  test.skipIf(!parser).each(files)("%s is what GitHub's parser takes", async (name, content) => {
    const silent = { error() {}, info() {}, verbose() {} };
    const { context, value } = (parser as Parser).parseWorkflow({ name, content }, silent);
    expect(context.errors.getErrors().map(({ message }) => message)).toEqual([]);
    const { errors = [] } = await (parser as Parser).convertWorkflowTemplate(context, value ?? {});
    expect(errors.map(({ Message }) => Message)).toEqual([]);
  });

  test.each(files)("%s pins every action to a full commit, with its version beside it", (_, text) => {
    const used = [...text.matchAll(/uses: (.*)$/gm)].map(([, what]) => what);
    expect(used.length).toBeGreaterThan(0);
    for (const what of used) expect(what).toMatch(/^[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  });

  test.each(files)(
    "%s may only read unless a job says more, and leaves no token in the checkout",
    (name, text) => {
      expect(text).toMatch(/^permissions:\n {2}contents: read\n(?! )/m);
      expect(text.match(/persist-credentials: false/g)).toHaveLength(
        text.match(/actions\/checkout@/g)?.length ?? 0,
      );
      const written = [...text.matchAll(/^ +([\w-]+): write$/gm)].map(([, what]) => what);
      expect(written).toEqual(name === "preview.yml" ? ["pull-requests"] : []);
    },
  );

  test.each(files)(
    "%s is guarded against running beside itself, ends by itself, and trusts no fork",
    (_, text) => {
      expect(text).toMatch(/^concurrency:\n {2}group: \S/m);
      expect(text).toMatch(/timeout-minutes: \d+/);
      expect(text).not.toContain("pull_request_target");
    },
  );

  test.each(files)("%s puts no expression into a script, where text would become a command", (_, text) => {
    const all = scripts(text);
    expect(all.length).toBeGreaterThan(0);
    for (const script of all) expect(script).not.toContain("${{");
  });

  test.each(files)("%s hands secrets over as variables only", (_, text) => {
    for (const [line] of text.matchAll(/^.*\bsecrets\.[A-Z].*$/gm)) {
      expect(line).toMatch(/^ +[A-Z0-9_]+: \$\{\{ secrets\.[A-Z0-9_]+ \}\}$/);
    }
  });

  test("deploy.yml hands over every secret that a Worker declares", () => {
    const configs = ["wrangler.toml", ...globSync("pipelines/*/wrangler.toml", { cwd: packageRoot })];
    const declared = configs.flatMap((path) => {
      const { secrets } = parse(readFileSync(join(packageRoot, path), "utf8")) as {
        secrets?: { required: string[] };
      };
      return secrets?.required ?? [];
    });
    // Signing keys of connections are made of the one that is set.
    for (const name of new Set(declared.filter((name) => !isSigningKey(name)))) {
      expect(textOf("deploy.yml")).toContain(`${name}: \${{ secrets.${name} }}`);
    }
  });

  test("run only commands of weir that there are", () => {
    const used = files.flatMap(([, text]) =>
      [...text.matchAll(/npm run -s weir -- (\w+)/g)].map(([, what]) => what),
    );
    const reference = readFileSync(join(packageRoot, "docs/cli.md"), "utf8");
    expect(used.length).toBeGreaterThan(3);
    for (const command of used) expect(reference).toContain(`\n## weir ${command}\n`);
  });
});
