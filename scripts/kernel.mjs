// Assembles the arithmetic that is written for WebAssembly: each .wat becomes the .wasm beside it, which is committed, so
// that nobody but who changes it needs the assembler. With --check, fails where the two differ.
import { readFileSync, writeFileSync } from "node:fs";
import wabt from "wabt";

const KERNELS = ["workers/search/kernel", "workers/compute/server/decoder/frame/resample"];

const { parseWat } = await wabt();
for (const name of KERNELS) {
  const [source, target] = [".wat", ".wasm"].map((end) => new URL(`../${name}${end}`, import.meta.url));
  const bytes = parseWat(`${name}.wat`, readFileSync(source, "utf8"), { simd: true }).toBinary({}).buffer;
  if (!process.argv.includes("--check")) writeFileSync(target, bytes);
  else if (!readFileSync(target).equals(Buffer.from(bytes))) {
    console.error(`${name}.wasm is not what ${name}.wat says: run \`node scripts/kernel.mjs\`.`);
    process.exitCode = 1;
  }
}
