// The shell commands that README.md and docs/*.md show: every fenced block of sh, command by command as a
// shell reads them, and every `weir …` in the prose. docs/cli.md is printed by the command itself. Beside them, the
// links of every page, the decisions' included.
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { packageRoot } from "../../cli/project/project.ts";

export interface Documented {
  /** `README.md:41`. */
  place: string;
  page: string;
  /** The command as it stands, without its comment; of several lines where it has several. */
  text: string;
}

const SHELLS = ["sh", "bash", "shell", "console"];
export const PAGES = ["README.md", ...globSync("docs/*.md", { cwd: packageRoot }).sort()].filter(
  (page) => page !== "docs/cli.md",
);
const read = (page: string) => readFileSync(join(packageRoot, page), "utf8");

export interface Block {
  page: string;
  line: number;
  language: string;
  text: string;
}

/** Every fenced block of a page. */
export function blocksOf(page: string): Block[] {
  const blocks: Block[] = [];
  let open: Block | undefined;
  for (const [at, line] of read(page).split("\n").entries()) {
    const fence = /^ *```(.*)$/.exec(line);
    if (!fence) {
      if (open) open.text += `${line}\n`;
      continue;
    }
    if (open) blocks.push(open);
    open = open ? undefined : { page, line: at + 2, language: fence[1]?.trim() ?? "", text: "" };
  }
  return blocks;
}

/** Every command of a page's shell blocks, in order, and those of sessions (`$ …`) that are shown with an answer. */
export const commandsOf = (page: string): Documented[] =>
  blocksOf(page).flatMap((block) =>
    SHELLS.includes(block.language) ? commandsIn(block) : block.language === "text" ? sessionIn(block) : [],
  );

const sessionIn = ({ page, line, text }: Block): Documented[] =>
  text
    .split("\n")
    .flatMap((one, at) =>
      one.startsWith("$ ") ? [{ page, place: `${page}:${line + at}`, text: one.slice(2) }] : [],
    );

function commandsIn({ page, line: first, text }: Block): Documented[] {
  const found: Documented[] = [];
  let begun: { text: string; line: number } | undefined;
  for (const [at, line] of text.split("\n").entries()) {
    const whole = begun ? `${begun.text}\n${line}` : line;
    const start = begun?.line ?? first + at;
    if (isOpen(whole)) {
      begun = { text: whole, line: start };
      continue;
    }
    begun = undefined;
    const command = withoutComment(whole).trim();
    if (command !== "") found.push({ page, place: `${page}:${start}`, text: command });
  }
  return found;
}

/** Whether a shell would read on: inside quotes, or after a backslash at the end. */
const isOpen = (text: string) => scan(text).quote !== "" || /\\$/.test(text);

function withoutComment(text: string): string {
  const { comment } = scan(text);
  return comment < 0 ? text : text.slice(0, comment);
}

/** The quote that is open at the end, and where a comment begins. */
function scan(text: string): { quote: string; comment: number } {
  let quote = "";
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? "";
    if (char === "\\" && quote !== "'") at++;
    else if (quote !== "") quote = char === quote ? "" : quote;
    else if (char === "'" || char === '"') quote = char;
    else if (char === "#" && (at === 0 || /\s/.test(text[at - 1] ?? ""))) return { quote: "", comment: at };
  }
  return { quote, comment: -1 };
}

/** What a documented command gives to `weir`, as words; undefined where it is another program's. */
export function weirWords(text: string): string[] | undefined {
  const [, rest] = /^(?:npm run (?:-s )?weir --|npx weir|weir)(?: (.*))?$/s.exec(text) ?? [];
  if (rest === undefined) return undefined;
  const [command = ""] = rest.split(/ [|>]/);
  return (command.match(/"[^"]*"|'[^']*'|\S+/g) ?? []).map((word) => word.replace(/^(["'])(.*)\1$/s, "$2"));
}

/** `weir …` in the prose: a name of a command, with options perhaps, and not always all that it takes. */
export const mentionsOf = (page: string): Documented[] =>
  read(page)
    .split("\n")
    .flatMap((line, at) =>
      [...line.matchAll(/`((?:npm run weir --|weir) [a-z][^`]*)`/g)].map(([, text = ""]) => ({
        page,
        place: `${page}:${at + 1}`,
        text,
      })),
    );

/** Every page that is read by people: README, ARCHITECTURE, and all below docs/. */
export const ALL_PAGES = [
  "README.md",
  "ARCHITECTURE.md",
  ...globSync("docs/**/*.md", { cwd: packageRoot }).sort(),
];

/** Text of a page without its fenced blocks; lines keep their numbers. */
export const proseOf = (page: string) =>
  read(page).replace(/^ *```[\s\S]*?^ *```/gm, (block) => block.replace(/[^\n]/g, ""));

export interface Link {
  /** `docs/deploy.md:88`. */
  place: string;
  /** Link as it is written: `pipelines.md#versions`. */
  text: string;
  /** File that it names, from the root of the project. */
  path: string;
  anchor: string | undefined;
}

/** Relative links of a page: those that name a file of the project, a heading, or both. */
export const linksOf = (page: string): Link[] =>
  proseOf(page)
    .split("\n")
    .flatMap((line, index) =>
      [...line.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, text = ""]) => {
        if (/^[a-z]+:/.test(text)) return [];
        const [file = "", anchor] = text.split("#");
        const path = file === "" ? page : normalize(join(dirname(page), file));
        return [{ place: `${page}:${index + 1}`, text, path, anchor }];
      }),
    );

/** Whether a link leads somewhere: its file exists, and has its anchor. */
export const isAlive = ({ path, anchor }: Link): boolean =>
  existsSync(join(packageRoot, path)) && (anchor === undefined || anchorsOf(path).has(anchor));

/** Anchors of a page: its headings as GitHub names them, and its terms. */
function anchorsOf(page: string): Set<string> {
  const headings = [...proseOf(page).matchAll(/^#{1,6} (.*)$/gm)].map(([, text = ""]) => slugOf(text));
  return new Set([...headings, ...termsOf(page)]);
}

/** Terms that a glossary defines: the `id` before each. */
export const termsOf = (page: string): string[] =>
  [...proseOf(page).matchAll(/<a id="([^"]+)">/g)].map(([, id = ""]) => id);

const slugOf = (heading: string) =>
  heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .replace(/\s/g, "-");

/** Files and folders of the project that a page names in its prose, from the root: `src/worker.ts`. */
export const pathsIn = (page: string): string[] =>
  [...proseOf(page).matchAll(/`((?:src|workers|cli|dashboard|scripts|test|bench)\/[\w./-]+)`/g)].map(
    ([, path = ""]) => path,
  );
