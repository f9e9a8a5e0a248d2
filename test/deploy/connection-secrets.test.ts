// Secrets of a project with so many connections that the router cannot declare each of them: a Worker may have 128
// variables. Each connection's are then one secret of the router, made from the values of the single names.
import { describe, expect, test } from "vitest";
import { planOf } from "../../cli/deploy/plan.ts";
import type { AccountState, DeployedWorker } from "../../cli/deploy/present.ts";
import { secretsOf } from "../../cli/deploy/secrets.ts";
import { routerTables } from "../../cli/project/bindings.ts";
import {
  connectionSecrets,
  heldTogether,
  routerSecrets,
  secretNames,
} from "../../cli/project/secret-names.ts";
import { devSecrets, stackSettings } from "../../cli/settings/dev-env.ts";
import { openEnv } from "../../src/env.ts";
import { connectionsSchema } from "../../src/shapes/connection.ts";
import { project } from "../cli/support/given.ts";

/** Connections of an S3 store with four secrets each. */
const connectionsOf = (count: number) =>
  connectionsSchema.parse({
    connections: Object.fromEntries(
      Array.from({ length: count }, (_, index) => [
        `store-${index}`,
        {
          ...{ kind: "s3", buckets: [`files-${index}`], region: "eu-1", endpoint: `S${index}_ENDPOINT` },
          ...{ access_key_id: `S${index}_KEY_ID`, secret_access_key: `S${index}_SECRET` },
          events: [{ scheme: "standard-webhooks", secrets: [`S${index}_HOOK`] }],
        },
      ]),
    ),
  }).connections;

const many = connectionsOf(100);
const values = Object.fromEntries(secretNames(many).map((name) => [name, `value of ${name}`]));
const derive = (readValue: (name: string) => string | undefined) => connectionSecrets(many, readValue);

describe("secrets of connections", () => {
  test("are declared by their names where they are few", () => {
    const few = connectionsOf(3);
    expect(routerSecrets(few)).toEqual(secretNames(few));
    expect(connectionSecrets(few, () => "set")).toEqual({});
  });

  test("are one for each connection where they are many: 100 connections fit into a Worker", () => {
    const { secrets } = routerTables(many, [], { collections: "" }) as { secrets: { required: string[] } };
    expect(secrets.required).toHaveLength(102);
    expect(secrets.required).toContain("WEIR_CONNECTION_STORE_7");
  });

  test("that a project outgrows stay on the Worker, and all fit beside those that hold them", () => {
    const held = Array.from({ length: 100 }, (_, count) => connectionsOf(count)).find(
      (connections) => heldTogether(connections).size > 0,
    );
    const before = connectionsOf(Object.keys(held ?? {}).length - 1);
    expect(new Set([...routerSecrets(before), ...routerSecrets(held ?? {})]).size).toBeLessThan(100);
  });

  test("are found by their names, and kept out of logs; what the connection's secret says comes first", () => {
    const env = openEnv({ ...derive((name) => values[name]), S7_SECRET: "from before", OTHER: "single" });
    expect(env.setting("S7_SECRET")).toBe("value of S7_SECRET");
    expect(env.setting("OTHER")).toBe("single");
    expect(env.setting("S100_SECRET")).toBeUndefined();
    expect(env.secretValues()).toContain("value of S99_HOOK");
    expect(env.secretValues()).not.toContain("value of S99_KEY_ID");
  });

  test("that are no JSON are our fault, and not repeated", () => {
    const env = openEnv({ WEIR_CONNECTION_A: "planted" });
    expect(() => env.setting("A")).toThrow("a JSON object, name → value, as WEIR_CONNECTION_A is not set");
    expect(() => env.setting("A")).not.toThrow("planted");
  });

  test("follow from the single values, which wrangler does not get and no output repeats", () => {
    const secrets = secretsOf([...routerSecrets(many), ...secretNames(many)], values, undefined, derive);
    expect(JSON.parse(secrets.pick(["WEIR_CONNECTION_STORE_7"]).WEIR_CONNECTION_STORE_7 ?? "")).toEqual({
      S7_ENDPOINT: "value of S7_ENDPOINT",
      S7_HOOK: "value of S7_HOOK",
      S7_KEY_ID: "value of S7_KEY_ID",
      S7_SECRET: "value of S7_SECRET",
    });
    expect(secrets.redact("value of S7_HOOK.")).toBe("***.");
  });

  test("that are longer together than a secret may be are refused by the connection's name", () => {
    const long = { ...values, S7_HOOK: "x".repeat(5_000) };
    expect(() => secretsOf(routerSecrets(many), long, undefined, derive)).not.toThrow();
    long.S7_HOOK = "x".repeat(5_120);
    expect(() => secretsOf(routerSecrets(many), long, undefined, derive)).toThrow(
      /WEIR_CONNECTION_STORE_7 has 52\d\d bytes/,
    );
  });

  test("are set in local work, too", () => {
    const settings = stackSettings(
      many,
      "http://127.0.0.1:1",
      devSecrets(project(), many, (n) => Buffer.alloc(n, 7)),
    );
    expect(routerSecrets(many).filter((name) => !settings[name])).toEqual([]);
    expect(openEnv(settings).setting("S7_ENDPOINT")).toContain("http://127.0.0.1:1");
  });
});

describe("a deploy of secrets that are held together", () => {
  const missing = (given: string[], set: string[]) => {
    const router: DeployedWorker = { build: "r", secrets: set, crons: [] };
    const present: AccountState = {
      ...{ account: "acc", queues: new Map(), buckets: new Map(), databases: new Map() },
      ...{ lifecycles: new Map(), workers: new Map([["weir", router]]) },
    };
    const worker = { name: "weir", role: "router" as const, config: "wrangler.toml", build: "r" };
    const resources = {
      ...{ queues: [], buckets: [], databases: [], rules: [], lifecycles: [], image: "i" },
      compute: { instances: 3, instance_type: "standard-1" as const },
      workers: [{ ...worker, secrets: ["WEIR_CONNECTION_A"], consumes: [], crons: [] }],
      heldTogether: new Map([["WEIR_CONNECTION_A", ["A_HOOK", "A_KEY"]]]),
    };
    const options = { url: "https://w", commit: "c", docker: false, given: new Set(given) };
    return planOf(resources, present, options).missing.map(({ name }) => name);
  };

  test.each<[string, string[], string[], string[]]>([
    ["sets it with all of its parts", ["WEIR_CONNECTION_A", "A_HOOK", "A_KEY"], [], []],
    ["keeps it where none is given", [], ["WEIR_CONNECTION_A"], []],
    ["names what is absent, where it was never set", ["A_KEY"], [], ["A_HOOK"]],
    ["does not replace it by a part", ["A_KEY"], ["WEIR_CONNECTION_A"], ["A_HOOK"]],
  ])("%s", (_, given, set, absent) => expect(missing(given, set)).toEqual(absent));
});
