// Builds the dashboard's page: its TypeScript to scripts and its styles to one sheet, named by their content, and all of
// them into one module, dashboard/built/files.js, which the router serves. Runs after each install and before each start
// and deploy; writes nothing where nothing has changed. `--sizes` prints what a browser loads for the first view.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { writeReference } from "./reference.mjs";

const home = join(dirname(fileURLToPath(import.meta.url)), "../dashboard");
const target = join(home, "built/files.js");

/**
 * Builds the page.
 * @returns {Promise<{ files: Record<string, string>, first: string[] }>} its files, and the names of those that the first
 * view needs
 */
export async function buildPage() {
  const { build } = await import("esbuild");
  const { outputFiles, metafile } = await build({
    absWorkingDir: home,
    entryPoints: { page: "main.tsx", style: "styles/style.css" },
    outdir: "built",
    entryNames: "[name]-[hash]",
    chunkNames: "part-[hash]",
    bundle: true,
    // Names of files follow from where their sources are: the same in every checkout, also where node_modules is a link.
    preserveSymlinks: true,
    splitting: true,
    format: "esm",
    target: "es2022",
    jsx: "automatic",
    jsxImportSource: "preact",
    minify: true,
    metafile: true,
    write: false,
    logLevel: "error",
  });
  const files = Object.fromEntries(outputFiles.map(({ path, text }) => [basename(path), text]));
  const named = (start, end) =>
    Object.keys(files).find((name) => name.startsWith(start) && name.endsWith(end)) ?? "";
  const [script, style] = [named("page-", ".js"), named("style-", ".css")];
  const html = readFileSync(join(home, "index.html"), "utf8");
  files["index.html"] = html.replace("{{script}}", script).replace("{{style}}", style);
  const first = new Set(["index.html", style, script]);
  for (const name of first)
    for (const { path, kind } of metafile.outputs[`built/${name}`]?.imports ?? [])
      if (kind === "import-statement") first.add(basename(path));
  return { files, first: [...first] };
}

/** Writes the built page, and the API's reference, where the router's bundle finds them. */
export async function writePage() {
  writeReference();
  const { files, first } = await buildPage();
  const text = `export const files = ${JSON.stringify(files, null, 1)};\n`;
  if (!existsSync(target) || readFileSync(target, "utf8") !== text) {
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, text);
  }
  return { files, first };
}

/** Whether what builds the page is installed: `npm ci --omit=dev` leaves it out, and nothing is deployed from there. */
const canBuild = () =>
  import("esbuild").then(
    () => true,
    () => false,
  );

if (process.argv[1] === fileURLToPath(import.meta.url) && (await canBuild())) {
  const { files, first } = await writePage();
  if (process.argv.includes("--sizes")) {
    const size = (names) => names.reduce((sum, name) => sum + gzipSync(files[name] ?? "").length, 0);
    console.log(
      `${(size(first) / 1000).toFixed(1)} kB for the first view, ${(size(Object.keys(files)) / 1000).toFixed(1)} kB in all, compressed`,
    );
  }
}
