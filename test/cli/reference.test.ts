import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { packageRoot } from "../../cli/project/project.ts";
import { change, folder, project } from "./support/given.ts";

function weir(args: string[], env: NodeJS.ProcessEnv = {}) {
  return spawnSync(process.execPath, [join(packageRoot, "cli/bin.mjs"), ...args], {
    encoding: "utf8",
    env: { PATH: process.env.PATH, HOME: "/nonexistent", NO_COLOR: "1", ...env },
  });
}

describe("the command tells of itself", () => {
  test("docs/cli.md is what `weir reference` prints", () => {
    const page = readFileSync(join(packageRoot, "docs/cli.md"), "utf8");
    expect(page, "run `node cli/bin.mjs reference > docs/cli.md`").toBe(weir(["reference"]).stdout);
  });

  test("its completion for bash is bash, and completes commands, options and commands below commands", () => {
    const script = weir(["completion", "bash"]).stdout;
    const complete = (...words: string[]) =>
      spawnSync(
        "bash",
        [
          "-c",
          `${script}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _weir; echo "\${COMPREPLY[*]}"`,
          "_",
          "weir",
          ...words,
        ],
        { encoding: "utf8" },
      ).stdout.trim();
    expect(complete("dep")).toBe("deploy");
    expect(complete("deploy", "--pl")).toBe("--plan");
    expect(complete("filter", "di")).toBe("diff");
  });

  test("its completions for zsh and fish know every path of commands too", () => {
    const { commands } = JSON.parse(weir(["reference", "--json"]).stdout) as {
      commands: { command: string }[];
    };
    const [zsh, fish] = ["zsh", "fish"].map((shell) => weir(["completion", shell]).stdout);
    expect(zsh).toMatch(/^#compdef weir\n/);
    for (const { command } of commands) {
      const path = command.split(" ").slice(1).join(" ");
      expect(zsh).toContain(`    "${path}") COMPREPLY=`);
      expect(fish).toContain(`    case "${path}"\n      printf "%s\\n" `);
    }
    expect(weir(["completion", "tcsh"]).status).toBe(2);
  });
});

describe("weir whoami", () => {
  const whoami = (root: string, env: NodeJS.ProcessEnv = {}, ...args: string[]) => {
    const { status, stdout, stderr } = weir(["--root", root, "whoami", "--json", ...args], env);
    const told =
      stdout === ""
        ? []
        : (JSON.parse(stdout).settings as { setting: string; value: string; from: string }[]);
    return { status, stdout, stderr, of: (setting: string) => told.find((it) => it.setting === setting) };
  };
  const profiles = (value: object) => folder({ "weir/profiles.json": value });
  const prod = { url: "http://127.0.0.1:9/", api_key: "planted-profile-key" };

  test("says which setting came from where, and no secret's value", () => {
    const told = whoami(project(), { WEIR_URL: "http://127.0.0.1:9", WEIR_API_KEY: "planted-env-key" });
    expect(told.of("Weir")).toMatchObject({
      value: "http://127.0.0.1:9",
      from: "WEIR_URL in the environment",
    });
    expect(told.of("API key")).toMatchObject({ value: "set", from: "WEIR_API_KEY in the environment" });
    expect(told.stdout).not.toContain("planted");
  });

  test("takes a profile where the environment says nothing, and a flag before both", () => {
    const XDG_CONFIG_HOME = profiles({ default: "prod", profiles: { prod } });
    const told = whoami(project(), { XDG_CONFIG_HOME });
    expect(told.of("Weir")?.from).toContain('profile "prod"');
    expect(told.of("API key")).toMatchObject({ value: "set" });
    expect(told.stdout).not.toContain("planted");
    expect(whoami(project(), { XDG_CONFIG_HOME }, "--url", "http://127.0.0.1:8").of("Weir")?.from).toBe(
      "--url",
    );
  });

  test("gives a profile's key to no other Weir", () => {
    const XDG_CONFIG_HOME = profiles({ default: "prod", profiles: { prod } });
    const told = whoami(project(), { XDG_CONFIG_HOME, WEIR_URL: "http://127.0.0.1:8" });
    expect(told.of("API key")?.value).toBe("none");
  });

  test("exits 2 for a profile that is not there", () => {
    const XDG_CONFIG_HOME = profiles({ profiles: { prod } });
    const { status, stderr } = whoami(project(), { XDG_CONFIG_HOME, WEIR_PROFILE: "prd" });
    expect(status).toBe(2);
    expect(stderr).toContain('Did you mean "prod"?');
  });
});

describe("weir doctor", () => {
  const doctor = (root: string, env: NodeJS.ProcessEnv = {}) => {
    const { status, stdout } = weir(["--root", root, "doctor", "--json"], {
      WEIR_URL: "http://127.0.0.1:9",
      ...env,
    });
    return {
      status,
      stdout,
      findings: JSON.parse(stdout).findings as { check: string; state: string; said: string }[],
    };
  };

  test("finds nothing in a project that is in order, and says what it could not ask", () => {
    const root = project();
    weir(["--root", root, "generate"]);
    const { status, findings } = doctor(root);
    expect(status).toBe(0);
    expect(findings.filter(({ state }) => state === "bad")).toEqual([]);
    expect(findings.find(({ check }) => check === "Cloudflare account")?.state).toBe("unknown");
  });

  test("finds generated files that have drifted, and exits 1", () => {
    const root = project();
    weir(["--root", root, "generate"]);
    change(root, { "pipelines/one/wrangler.toml": "name = 'other'\n" });
    const { status, findings } = doctor(root);
    expect(status).toBe(1);
    expect(findings.find(({ check }) => check === "generated files")).toMatchObject({
      state: "bad",
      said: "pipelines/one/wrangler.toml",
    });
  });
});
