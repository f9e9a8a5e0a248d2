// Modules that wrangler's [alias] puts in: `weir generate` writes what they stand for.
declare module "#weir/connections" {
  const connections: unknown;
  export default connections;
}
declare module "#pipeline/config" {
  const config: unknown;
  export default config;
}
declare module "#pipeline/handler" {
  const pipeline: import("weir").Pipeline;
  export default pipeline;
}

declare module "*.wasm" {
  const module: WebAssembly.Module;
  export default module;
}

// Swagger UI as scripts/reference.mjs packs it: gzipped and in base64, by name. It is not in git.
declare module "*/reference/built/files.js" {
  export const files: Record<string, string>;
}
