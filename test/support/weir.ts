// The whole of Weir for tests: every Worker of test/project in one workerd (createTestHarness), the real
// compute server, real D1, R2 and queues. client.ts speaks the domain.
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { parse } from "smol-toml";
import { createTestHarness } from "wrangler";
import { signingKeys } from "../../cli/project/secret-names.ts";
import { makeSecrets } from "../../cli/settings/dev-env.ts";
import { connectionsSchema } from "../../src/shapes/connection.ts";
import { startServer } from "../../workers/compute/server/main.ts";
import { readModels } from "../../workers/compute/server/models.ts";
import { openClient } from "./client.ts";
import { openFront } from "./front.ts";

const PROJECT = new URL("../project/", import.meta.url);
const at = (path: string) => new URL(path, PROJECT).pathname;

export const API_KEY = "weir_test_key";
const CONNECTIONS = connectionsSchema.parse(
  JSON.parse(readFileSync(at("connections.json"), "utf8")),
).connections;
/** Every secret by its name; those that tests name are surely there. */
type Secrets = Record<string, string> & {
  WEIR_SIGNING_KEY: string;
  WEIR_LOCAL_TOKEN: string;
  CONN_MEDIA_SECRET: string;
  CONN_PHOTOS_SECRET: string;
};
const SECRETS: Secrets = {
  ...makeSecrets(CONNECTIONS, randomBytes),
  WEIR_API_KEY: API_KEY,
  WEIR_SIGNING_KEY: "test-signing-key",
  WEIR_LOCAL_TOKEN: "test-local-token",
  CONN_MEDIA_SECRET: `whsec_${randomBytes(24).toString("base64")}`,
  CONN_PHOTOS_SECRET: `whsec_${randomBytes(24).toString("base64")}`,
  CONN_PHOTOS_ACCESS_KEY_ID: "weir-local",
  CONN_PHOTOS_SECRET_ACCESS_KEY: "weir-local-only",
};

Object.assign(SECRETS, signingKeys(CONNECTIONS, SECRETS.WEIR_SIGNING_KEY));

/** Of all secrets those that a Worker's wrangler.toml names: what a deployed one would hold. */
function declaredBy(path: string, all: Record<string, string>): Record<string, string> {
  const { secrets } = parse(readFileSync(at(path), "utf8")) as { secrets?: { required?: string[] } };
  return Object.fromEntries((secrets?.required ?? []).map((name) => [name, all[name] ?? ""]));
}

export type { Item, Run } from "./client.ts";
export type Weir = Awaited<ReturnType<typeof startWeir>>;

/**
 * Starts everything. `secrets` replaces some; an empty string unsets one. `before` puts something in front of
 * compute: it is given compute's URL, and gives its own.
 */
export async function startWeir(
  secrets: Record<string, string> = {},
  before = async (computeUrl: string) => computeUrl,
) {
  const pipelines = readdirSync(at("pipelines"));
  const workers = (base: string, computeUrl: string) => {
    const store = `${base}/cdn-cgi/local/r2/s3`;
    const { WEIR_SIGNING_KEY: root } = secrets;
    const signing = root === undefined ? {} : signingKeys(CONNECTIONS, root);
    const stores = { CONN_PHOTOS_ENDPOINT: store, CONN_PEER_ENDPOINT: store };
    const all = { ...SECRETS, ...stores, ...signing, ...secrets };
    const { COMPUTE_TOKEN = "" } = process.env;
    const vars = {
      WEIR_URL: base,
      WEIR_LOCAL: "1",
      COMPUTE_URL: computeUrl,
      COMPUTE_TOKEN,
      WEIR_COMMIT: "test-commit",
    };
    return [
      "workers/local/wrangler.toml",
      "wrangler.toml",
      "../../workers/ledger/wrangler.toml",
      "../../workers/compute/wrangler.toml",
      "../../workers/search/wrangler.toml",
      ...pipelines.map((alias) => `pipelines/${alias}/wrangler.toml`),
    ].map((path) => ({ configPath: at(path), vars, secrets: declaredBy(path, all) }));
  };
  const front = await openFront();
  const base = front.origin;
  const models = await readModels(at("models.json"));
  const compute = await startServer({ port: 0, host: "127.0.0.1", allowOrigins: [base], models });
  const harness = createTestHarness({ workers: workers(base, await before(compute.url)) });
  front.leadTo((await harness.listen()).url.origin);
  await harness.getWorker("weir").applyD1Migrations("LEDGER");
  await harness.getWorker("weir").applyD1Migrations("D1_TEST_ITEMS");

  return {
    base,
    front,
    harness,
    compute,
    connections: CONNECTIONS,
    secrets: SECRETS,
    ...openClient({ base, apiKey: API_KEY, secrets: SECRETS }),
    async close() {
      await front.close();
      await harness.close();
      await compute.close();
    },
  };
}
