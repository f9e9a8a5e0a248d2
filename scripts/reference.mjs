// Packs Swagger UI, which shows the API's reference at /docs, into one module that the router loads when it is first asked
// for: src/http/reference/built/files.js, gzipped and in base64. Writes nothing where nothing has changed.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const target = join(dirname(fileURLToPath(import.meta.url)), "../src/http/reference/built/files.js");
const FILES = ["swagger-ui-bundle.js", "swagger-ui.css"];

/** Writes the packed files where the router's bundle finds them. */
export function writeReference() {
  const folder = dirname(createRequire(import.meta.url).resolve("swagger-ui-dist/package.json"));
  const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const head = `// Swagger UI ${version}, packed by scripts/reference.mjs.\n`;
  if (existsSync(target) && readFileSync(target, "utf8").startsWith(head)) return;
  const files = FILES.map((name) => [
    name,
    gzipSync(readFileSync(join(folder, name)), { level: 9 }).toString("base64"),
  ]);
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(
    target,
    `${head}export const files = ${JSON.stringify(Object.fromEntries(files), null, 1)};\n`,
  );
}
