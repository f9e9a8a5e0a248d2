// Plain Node: Workers under test run in workerd through wrangler's own harness, started by the tests.
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    environment: "node",
    // What a compute server that a test starts is asked with.
    env: { COMPUTE_TOKEN: "test-compute-token" },
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    reporters: ["default"],
  },
});
