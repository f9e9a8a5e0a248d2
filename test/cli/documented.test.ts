// Every `weir` command that the docs show is one that there is, with options that it has: parsed by the command's
// own parser, run by nobody. test/e2e/documented.test.ts runs them.
import { type Command, CommanderError } from "commander";
import { describe, expect, test } from "vitest";
import { createProgram } from "../../cli/program.ts";
import { blocksOf, commandsOf, mentionsOf, PAGES, weirWords } from "../support/documented.ts";

/** What the parser says of words that follow `weir`; undefined where it takes them. */
function refusal(words: string[]): string | undefined {
  const program = createProgram();
  silence(program);
  try {
    program.parse(words, { from: "user" });
    return undefined;
  } catch (error) {
    return error instanceof CommanderError ? error.message : String(error);
  }
}

function silence(command: Command): void {
  command.configureOutput({ outputError: () => {}, writeOut: () => {}, writeErr: () => {} });
  if (command.commands.length === 0) command.action(() => {});
  for (const one of command.commands) silence(one);
}

const shown = PAGES.flatMap(commandsOf).flatMap((one) => {
  const words = weirWords(one.text);
  return words ? [{ ...one, words }] : [];
});

test("there is something to check, and what is wrong is found", () => {
  expect(shown.length).toBeGreaterThan(40);
  expect(refusal(["put", "a.mp4", "--metdata", "a=b"])).toContain("unknown option");
  expect(refusal(["replay", "create", "--select", "some"])).toContain("Allowed choices");
  expect(refusal(["vaildate"])).toContain("unknown command");
  expect(refusal(["put"])).toContain("missing required argument");
});

test.each(shown)("$place: $text", ({ words }) => {
  expect(refusal(words)).toBeUndefined();
});

describe("in the prose", () => {
  test.each(PAGES.flatMap(mentionsOf))("$place: $text", ({ text }) => {
    const words = weirWords(text) ?? [];
    const program = createProgram();
    let command: Command = program;
    for (const word of words) {
      const next = command.commands.find((one) => one.name() === word);
      if (!next) break;
      command = next;
    }
    expect(command, `there is no \`weir ${words[0]}\``).not.toBe(program);
    const options = command.options.map(({ long }) => long);
    for (const word of words.filter((it) => /^--[a-z]/.test(it)))
      expect([...options, "--help"]).toContain(word.split("=")[0]);
  });
});

test.each(PAGES)("%s says of each block what language it is in", (page) => {
  const silent = blocksOf(page).filter(({ language }) => language === "");
  expect(silent.map(({ line }) => `${page}:${line}`)).toEqual([]);
});
