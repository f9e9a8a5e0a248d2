// Changes of models.json: one entry added, replaced or taken out, the rest of the text left as it is, in one step that is
// done or not.
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { applyEdits, findNodeAtLocation, modify, parseTree } from "jsonc-parser";

/** Writes an entry, in the place of the one of this name if there is one, or takes it out: undefined. */
export function writeEntry(root: string, name: string, entry: object | undefined): void {
  const path = join(root, "models.json");
  const before = existsSync(path) ? readFileSync(path, "utf8") : "{}\n";
  const text = entry
    ? withEntry(before, name, entry)
    : applyEdits(before, modify(before, [name], undefined, {}));
  const written = `${path}.new`;
  writeFileSync(written, text);
  renameSync(written, path);
}

/** The text with an entry behind its last one, or in the place of its own, in the house's own indentation. */
function withEntry(text: string, name: string, entry: object): string {
  const tree = parseTree(text);
  const own = tree && findNodeAtLocation(tree, [name]);
  const last = tree?.children?.at(-1);
  const body = JSON.stringify(entry, null, 2)
    .replaceAll("\n", "\n  ")
    // Numbers that belong together stand in one line.
    .replace(
      /\[\s+(-?[\d.e-]+(?:,\s+-?[\d.e-]+)*)\s+\]/g,
      (_, numbers: string) => `[${numbers.replace(/\s+/g, " ")}]`,
    );
  if (own) return `${text.slice(0, own.offset)}${body}${text.slice(own.offset + own.length)}`;
  const property = `\n  ${JSON.stringify(name)}: ${body}`;
  if (last) {
    const end = last.offset + last.length;
    return `${text.slice(0, end)},${property}${text.slice(end)}`;
  }
  return `{${property}\n}\n`;
}
