// What holds for every command, whoever adds it: help with examples, --json, and a wrong use told with its
// cause, its place and what to do next. The commands are those that the command itself knows.
import { beforeAll, describe, expect, test } from "vitest";
import { weirHere as weir } from "./support/run.ts";

interface Described {
  command: string;
  description: string;
  arguments: { name: string; required: boolean }[];
  options: { flags: string; required: boolean }[];
  help: string;
}
let all: Described[];
let leaves: Described[];
beforeAll(async () => {
  const { code, stdout } = await weir(["reference", "--json"]);
  expect(code).toBe(0);
  all = (JSON.parse(stdout) as { commands: Described[] }).commands;
  leaves = all.filter(({ command }) => !all.some((other) => other.command.startsWith(`${command} `)));
});
const words = (text: string) => text.trim().replace(/\s+/g, " ");
const wordsOf = ({ command }: Described) => command.split(" ").slice(1);

describe("every command", () => {
  test("prints its help on stdout, says what it does, and ends with 0", async () => {
    for (const one of all) {
      const { code, stdout, stderr } = await weir([...wordsOf(one), "--help"]);
      expect([one.command, code, stderr]).toEqual([one.command, 0, ""]);
      expect(stdout).toContain(`Usage: ${one.command}`);
      expect(words(stdout)).toBe(words(one.help));
      if (one.command !== "weir") expect(one.description).toMatch(/^\S.{10,}$/);
    }
  });

  test("has examples in its help, of itself, with options that it has", () => {
    const without = leaves.filter(
      ({ help, command }) => !examplesOf(help).some((it) => it.includes(command)),
    );
    expect(
      without.map(({ command }) => command),
      'add them: .addHelpText("after", "\\nExamples:\\n  $ weir …")',
    ).toEqual([]);
    for (const { command, help } of leaves) {
      for (const [option] of examplesOf(help)
        .join(" ")
        .matchAll(/--[a-z-]+/g))
        expect([command, option, help.includes(`${option} `) || help.includes(`${option},`)]).toEqual([
          command,
          option,
          true,
        ]);
    }
  });

  test("takes --json", () => {
    // What `weir mcp` writes to stdout is the protocol's.
    const without = leaves.filter(
      ({ command, options }) => command !== "weir mcp" && !options.some(({ flags }) => flags === "--json"),
    );
    expect(
      without.map(({ command }) => command),
      'add .option("--json", …), and data as one JSON value on stdout with it',
    ).toEqual([]);
  });

  test("used wrongly ends with 2, nothing on stdout, and says cause, place and next step", async () => {
    for (const one of leaves) {
      const { code, stdout, stderr } = await weir([...wordsOf(one), "--no-such-option"]);
      expect([one.command, code, stdout]).toEqual([one.command, 2, ""]);
      expect(stderr).toMatch(new RegExp(`^✗ ${one.command}: .+\\n[^]*→ ${one.command} --help\\n$`));
    }
  });

  test("that needs something says what it lacks", async () => {
    const needing = leaves.filter((one) => one.arguments.some(({ required }) => required));
    expect(needing.length).toBeGreaterThan(5);
    for (const one of needing) {
      const { code, stderr } = await weir(wordsOf(one));
      expect([one.command, code]).toEqual([one.command, 2]);
      expect(stderr).toContain(`✗ ${one.command}: `);
      expect(stderr).toMatch(/missing required argument|required option/);
    }
  });
});

/** The lines `  $ weir …` of a help. */
const examplesOf = (help: string) =>
  [...help.matchAll(/^ {2}(?:\$ )?(.*\bweir .*)$/gm)].map(([, line = ""]) => line.split(/ {3,}/)[0] ?? "");
