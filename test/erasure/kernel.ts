// The search Worker's kernel for tests in Node, which takes no import of WebAssembly.
import { readFileSync } from "node:fs";

export function kernelModule(): { default: unknown } {
  const { Module } = globalThis["WebAssembly" as never] as { Module: new (bytes: Uint8Array) => unknown };
  return { default: new Module(readFileSync(new URL("../../workers/search/kernel.wasm", import.meta.url))) };
}
