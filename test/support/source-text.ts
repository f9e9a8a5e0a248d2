// The project's source files as text, for tests that hold the code to its rules (architecture.test.ts, names.test.ts).
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

export const root = join(import.meta.dirname, "../..");

/** Folders that the house consists of. */
export const HOUSE = ["src", "workers", "cli", "dashboard"];

/** Text of a file, by its path from the root. */
export const read = (path: string) => readFileSync(join(root, path), "utf8");

/** Paths of the source files in folders, without those that are generated or only declare. */
export const sources = (...folders: string[]) =>
  folders
    .flatMap((folder) => globSync(`${folder}/**/*.{ts,tsx,mjs,js}`, { cwd: root }))
    .filter((path) => !/\.generated\.|\.d\.ts$|node_modules|\/built\//.test(path))
    .sort();

/** Source text without its comments and the contents of its strings; code within template strings stays. */
export function codeOf(text: string): string {
  const token =
    /\/\/.*|\/\*[\s\S]*?\*\/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|(?<=[(,=:[!&|?{};]\s*)\/(?![/*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*|[`{}]/g;
  const template = /(?:\\[\s\S]|\$(?!\{)|[^`\\$])*(?:`|\$\{)/y;
  const open: string[] = [];
  let code = "";
  for (let from = 0; ; ) {
    token.lastIndex = from;
    const match = token.exec(text);
    if (!match) return code + text.slice(from);
    code += `${text.slice(from, match.index)} `;
    from = token.lastIndex;
    const inTemplate = match[0] === "`" || (match[0] === "}" && open.pop() === "${");
    if (match[0] === "{") open.push("{");
    if (!inTemplate) continue;
    template.lastIndex = from;
    if (template.exec(text)?.[0].endsWith("${")) open.push("${");
    from = template.lastIndex;
  }
}

/** Functions of several lines. In formatted code the closing brace stands right below the start of the first line. */
export function functionsOf(text: string): { name: string; lines: number }[] {
  const begins =
    /^( *)(?:export )?(?:default )?(?:async )?(?:function\*? (\w+)|const (\w+) = .*(?:=> [{([]|\()$|(?!if|for|while|switch|return|throw)(\w+)\(.*\{$)/;
  const lines = text.split("\n");
  return lines.flatMap((line, index) => {
    const [found, indent = "", ...names] = begins.exec(line) ?? [];
    if (found === undefined) return [];
    const end = new RegExp(`^${indent}[})\\]]+[;,)]*$`);
    const length = lines.slice(index).findIndex((later) => end.test(later)) + 1;
    return length === 0 ? [] : [{ name: names.find(Boolean) ?? "", lines: length }];
  });
}
