// Plain Node: Workers under test run in workerd through wrangler's own harness, started by the tests. Two projects:
// `npm test` runs the first, and .ci/run both. docs/testing.md says what runs where.
import { defineConfig } from "vitest/config";

/** Tests of half a minute and more: they draw at random, kill processes, start browsers and peers, or judge every format. */
const SLOW = [
  "test/{dashboard,delivery,deploy,peers}/**/*.test.ts",
  "test/cli/rollback.test.ts",
  "test/e2e/{absent-model,demo,documented,drawn,migration,grow,kill,model,release,reload,search,storm}.test.ts",
  "test/e2e/{archive,cancel,cli-json,delivery,idempotency,operate,operate-cli,payload,python,secrets,senders,versions}.test.ts",
  "test/e2e/{ask,connections,listening,live,locate,mcp,models-add,overview,upload,waterfall}.test.ts",
  "test/store/{log,log-upkeep,moving,spread,spread-readers}.test.ts",
  "test/store/ledger/{full,model,split,worker}.test.ts",
  "test/compute/{agreement,clips,colours,distortions,faults,formats,fuzz,hostile,image,likenesses,patience,pdq,pictures,preparation,recognised,sound,sound-files,timing}.test.ts",
  "test/python/sandbox.test.ts",
  "test/search/{exact,hostile,rebuild}.test.ts",
];

export default defineConfig({
  test: {
    environment: "node",
    globalSetup: "test/support/build-page.ts",
    // Token of every compute server that a test starts.
    env: { COMPUTE_TOKEN: "test-compute-token" },
    maxWorkers: 2,
    // A machine that also serves others loses a race against the clock now and then: CI tries once more, and says so.
    retry: process.env.CI ? 1 : 0,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    reporters: ["default"],
    projects: [
      { extends: true, test: { name: "main", include: ["test/**/*.test.ts"], exclude: SLOW } },
      { extends: true, test: { name: "slow", include: SLOW } },
    ],
  },
});
