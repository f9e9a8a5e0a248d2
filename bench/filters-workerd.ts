// 10,000 filters in workerd, where a Worker must be up within a second and 128 MB: how long compiling and
// indexing take, against parsing the same filters as JSON in the same isolate, and what they hold.
// workerd's own clock stands still while it computes, so requests are timed from outside.
import { readFileSync } from "node:fs";
import { build } from "esbuild";
import { Miniflare } from "miniflare";

const FILTERS = 10_000;
const ROUNDS = 7;

const source = `
  import { buildIndex, compileFilter } from "../src/match/index.ts";
  import { equalityPattern, mixedPattern } from "./support/filters-data.ts";
  const text = JSON.stringify(Array.from({ length: ${FILTERS} }, (_, i) => {
    const { Records } = i % 2 ? mixedPattern(i) : equalityPattern(i);
    return { payload: { Records } };
  }));
  const held = [];
  const work = {
    nothing: () => 0,
    parse: () => JSON.parse(text).length,
    compile: () => JSON.parse(text).map(compileFilter).length,
    index: () => buildIndex(JSON.parse(text).map((filter, value) => ({ filter: compileFilter(filter), value }))),
    hold: () => held.push(work.index()),
  };
  export default { fetch(request) {
    work[new URL(request.url).pathname.slice(1)]();
    return new Response("done");
  } };`;
const bundled = await build({
  stdin: { contents: source, resolveDir: import.meta.dirname, loader: "ts" },
  bundle: true,
  format: "esm",
  target: "esnext",
  write: false,
});
const mf = new Miniflare({
  workers: [
    {
      config: {
        name: "filters",
        compatibilityDate: "2026-10-01",
        manifest: {
          mainModule: "index.mjs",
          modules: { "index.mjs": { type: "esm", contents: bundled.outputFiles[0]?.text ?? "" } },
        },
      },
    },
  ],
});
const origin = (await mf.ready).origin;
async function milliseconds(work: string): Promise<number> {
  const began = performance.now();
  await (await fetch(`${origin}/${work}`)).text();
  return performance.now() - began;
}
const times: Record<string, number[]> = { nothing: [], parse: [], compile: [], index: [] };
await milliseconds("nothing");
for (let round = 0; round < ROUNDS; round++) {
  for (const [work, taken] of Object.entries(times)) taken.push(await milliseconds(work));
}
/** The first round is what a starting Worker pays; later ones are warm. */
const cost = (work: string, round: number) =>
  (times[work]?.[round] ?? Number.NaN) - (times.nothing?.[round] ?? 0);

/** Resident memory of the newest workerd below this process, MB; Linux only. */
function residentMb(): number {
  const children = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, "utf8")
    .trim()
    .split(" ");
  const sizes = children.map((pid) =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0),
  );
  return Math.max(...sizes) / 1024;
}
const HELD = 5;
const before = residentMb();
for (let n = 0; n < HELD; n++) await milliseconds("hold");
const each = (residentMb() - before) / HELD;
await mf.dispose();

console.log(
  `first: parse ${cost("parse", 0).toFixed(0)} ms, compile ${cost("compile", 0).toFixed(0)} ms, with index ${cost("index", 0).toFixed(0)} ms`,
);
console.log(
  `warm: parse ${cost("parse", ROUNDS - 1).toFixed(0)} ms, with index ${cost("index", ROUNDS - 1).toFixed(0)} ms; held: ${each.toFixed(0)} MB each`,
);
console.log(
  JSON.stringify({
    first_index_ms: Math.round(cost("index", 0)),
    index_over_parse: Number((cost("index", ROUNDS - 1) / cost("parse", ROUNDS - 1)).toFixed(1)),
    held_mb: Math.round(each),
  }),
);
