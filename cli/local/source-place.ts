// Place in a source of a frame in a bundle, by the source map that wrangler leaves beside the bundle in local work.
import { globSync, readFileSync, statSync } from "node:fs";
import { SourceMap, type SourceMapPayload } from "node:module";
import { dirname, join, relative, resolve } from "node:path";

/** A frame in the bundle: `at Object.handler (worker.js:100:9)`. */
const FRAME = /worker\.js:(\d+):(\d+)/;

/** Finds the place of a pipeline's failure from its frames: `pipelines/one/handler.ts:12:9`, or the first frame. */
export function sourcePlace(root: string, folder: string, frames: string): string {
  const [first = ""] = frames.split("\n");
  try {
    const map = newestMap(join(root, folder));
    if (map === undefined) return first;
    const payload = JSON.parse(readFileSync(map, "utf8")) as SourceMapPayload;
    const source = new SourceMap(payload);
    for (const frame of frames.split("\n")) {
      const [, line, column] = FRAME.exec(frame) ?? [];
      if (line === undefined) continue;
      const entry = source.findEntry(Number(line) - 1, Number(column) - 1);
      if (!("originalSource" in entry) || entry.originalSource.includes("node_modules")) continue;
      const path = relative(root, resolve(dirname(map), entry.originalSource));
      return `${path}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
    }
  } catch {
    // A map that is being written: the frame says something, too.
  }
  return first;
}

function newestMap(folder: string): string | undefined {
  const maps = globSync(".wrangler/tmp/*/worker.js.map", { cwd: folder }).map((name) => join(folder, name));
  return maps.toSorted((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)[0];
}
