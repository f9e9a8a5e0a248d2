// Every `weir` command that the docs show is one that there is, with options that it has: parsed by the command's
// own parser, run by nobody. test/e2e/documented.test.ts runs them. Beside that, every link leads somewhere.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Command, CommanderError } from "commander";
import { describe, expect, test } from "vitest";
import { createProgram } from "../../cli/program.ts";
import { packageRoot } from "../../cli/project/project.ts";
import {
  ALL_PAGES,
  blocksOf,
  commandsOf,
  isAlive,
  linksOf,
  mentionsOf,
  PAGES,
  pathsIn,
  proseOf,
  termsOf,
  weirWords,
} from "../support/documented.ts";

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

/** Examples of every help: `  $ weir put my.mp4    what it does`. */
const examples = [...readFileSync(join(packageRoot, "docs/cli.md"), "utf8").matchAll(/^ {2}\$ (.+)$/gm)].map(
  ([, line = ""]) => line.split(/ {2,}/)[0] ?? "",
);

describe("in the help", () => {
  const commandIn = (line: string) => /\$\((weir [^)]+)\)/.exec(line)?.[1] ?? line.replace(/^\w+=\S+ /, "");

  test("every command has an example", () => {
    expect(examples.length).toBeGreaterThan(80);
  });

  test.each(examples)("%s", (line) => {
    const words = weirWords(commandIn(line).replace(/ #.*$/, ""));
    expect(words, "an example is a weir command").toBeDefined();
    if (words?.includes("--help")) expect(refusal(words)).toBe("(outputHelp)");
    else expect(refusal(words ?? [])).toBeUndefined();
  });
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

describe("links and names of files", () => {
  test.each(ALL_PAGES)("%s: every link leads to a file, and to its heading", (page) => {
    const dead = linksOf(page).filter((link) => !isAlive(link));
    expect(dead.map(({ place, text }) => `${place}: ${text}`)).toEqual([]);
  });

  test.each(ALL_PAGES)("%s: every file of the project that it names exists", (page) => {
    expect(pathsIn(page).filter((path) => !existsSync(join(packageRoot, path)))).toEqual([]);
  });

  test("every promise has a test or a benchmark that holds it", () => {
    const rows = proseOf("ARCHITECTURE.md").match(/^\| \d+ \|.*$/gm) ?? [];
    expect(rows.length).toBeGreaterThan(20);
    expect(rows.filter((row) => !/`(test|bench)\/[^`]+`[^|]*\|$/.test(row))).toEqual([]);
  });

  test("every decision has a number of its own and a place in the list of decisions", () => {
    const pages = ALL_PAGES.filter((page) => /^docs\/decisions\/\d{3}-/.test(page));
    const listed = linksOf("docs/decisions/README.md").map(({ path }) => path);
    expect(pages.filter((page) => !listed.includes(page))).toEqual([]);
    const numbers = pages.map((page) => page.slice(15, 18));
    expect(numbers).toEqual([...new Set(numbers)]);
  });

  test("every term of the glossary is linked from another page, and every page leads there", () => {
    const glossary = "docs/glossary.md";
    const links = ALL_PAGES.filter((page) => page !== glossary).flatMap(linksOf);
    const linked = new Set(links.filter(({ path }) => path === glossary).map(({ anchor }) => anchor));
    expect(termsOf(glossary).filter((term) => !linked.has(term))).toEqual([]);
    const apart = PAGES.filter(
      (page) => page !== glossary && !linksOf(page).some(({ path }) => path === glossary),
    );
    expect(apart).toEqual([]);
  });
});
