// Assembles the kernel of vector queries: workers/search/kernel.wat becomes kernel.wasm, which is committed, so that
// nobody but who changes it needs the assembler. With --check, fails where the two differ.
import { readFileSync, writeFileSync } from "node:fs";
import wabt from "wabt";

const folder = new URL("../workers/search/", import.meta.url);
const { parseWat } = await wabt();
const kernel = parseWat("kernel.wat", readFileSync(new URL("kernel.wat", folder), "utf8"), { simd: true });
const bytes = kernel.toBinary({}).buffer;
const target = new URL("kernel.wasm", folder);
if (!process.argv.includes("--check")) writeFileSync(target, bytes);
else if (!readFileSync(target).equals(Buffer.from(bytes))) {
  console.error("workers/search/kernel.wasm is not what kernel.wat says: run `node scripts/kernel.mjs`.");
  process.exitCode = 1;
}
