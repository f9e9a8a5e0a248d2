import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { describe, expect, test } from "vitest";
import { loadProject, packageRoot } from "../../cli/project/project.ts";
import { secretNames } from "../../cli/project/secret-names.ts";
import { DEV_ENV, devSecrets, stackSettings } from "../../cli/settings/dev-env.ts";
import { change, project } from "./support/given.ts";

const { connections } = loadProject(packageRoot);
const random = (bytes: number) => Buffer.alloc(bytes, 7);

describe("the secrets of local work", () => {
  test("are made once, kept, and readable by their owner only", () => {
    const root = project();
    const made = devSecrets(root, connections, random);
    expect(statSync(join(root, DEV_ENV)).mode & 0o077).toBe(0);
    expect(devSecrets(root, connections, (bytes) => Buffer.alloc(bytes, 9))).toEqual(made);
  });

  test("keep what a person wrote and gain only what is missing", () => {
    const root = project();
    change(root, { [DEV_ENV]: "WEIR_API_KEY=mine" });
    expect(devSecrets(root, connections, random).WEIR_API_KEY).toBe("mine");
    expect(parseEnv(readFileSync(join(root, DEV_ENV), "utf8"))).toMatchObject({ WEIR_API_KEY: "mine" });
  });

  test("with the stack's settings, leave no name of the router unset", () => {
    const secrets = devSecrets(project(), connections, random);
    const settings = stackSettings(connections, "http://127.0.0.1:1234", secrets);
    expect(secretNames(connections).filter((name) => !settings[name])).toEqual([]);
    expect(settings.CONN_654_ENDPOINT).toBe("http://127.0.0.1:1234/cdn-cgi/local/r2/s3");
  });

  test("a .dev.vars, which would hide them from the router, is refused with what to do", () => {
    const root = project({ ".dev.vars": "WEIR_API_KEY=x\n" });
    expect(() => devSecrets(root, connections, random)).toThrow(/\.dev\.vars/);
  });
});
