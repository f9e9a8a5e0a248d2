// What the command writes where other people's words are in it, and which URLs it takes for this machine.
import { stripVTControlCharacters } from "node:util";
import { describe, expect, test, vi } from "vitest";
import { bad, CliError, good, note, print, printJson, reportError, say, table } from "../../cli/io/output.ts";
import { isLocal } from "../../cli/settings/settings.ts";

const HOSTILE = "a\u001b]0;title\u0007\u001b[2Jb\u202Egpj.exe\u2066c\u009b31md\rover\u2028e";
const WRITERS: [name: string, write: (text: string) => void][] = [
  ["say", say],
  ["note", note],
  ["good", good],
  ["bad", bad],
  ["print", print],
  ["printJson", (text) => printJson({ text })],
  ["a table", (text) => print(table([["key"], [text]]))],
  [
    "an error",
    (text) =>
      reportError(new CliError(text, [{ file: text, line: 1, column: 1, problem: text, next: text }])),
  ],
];

/** Everything that is written to the terminal while `work` runs. */
function written(work: () => void): string {
  const spies = [process.stdout, process.stderr].map((stream) =>
    vi.spyOn(stream, "write").mockImplementation(() => true),
  );
  work();
  const text = spies.flatMap(({ mock }) => mock.calls.map(([chunk]) => String(chunk))).join("");
  for (const spy of spies) spy.mockRestore();
  return text;
}

describe("an object key with escapes of a terminal and turns of direction in it", () => {
  test.each(WRITERS)("is spelt out by %s", (_, write) => {
    vi.stubEnv("FORCE_COLOR", "1");
    const text = written(() => write(HOSTILE));
    vi.unstubAllEnvs();
    // Our own colours are all that may be left.
    const bare = stripVTControlCharacters(text);
    expect(bare).not.toMatch(/[^\n\P{Cc}]|\p{Bidi_Control}|\u2028/u);
    expect(text.length - bare.length).toBeLessThan(40);
    expect(text).toContain("\\u001b");
    expect(text).toContain("\\u202e");
  });

  test("is the same text to whoever reads the JSON", () => {
    expect(JSON.parse(written(() => printJson({ text: HOSTILE })))).toEqual({ text: HOSTILE });
  });

  test("makes no second line in a table", () => {
    expect(
      table([
        ["key", "size"],
        ["a\nb", "1"],
      ]),
    ).toBe("key   size\na\\nb  1");
  });
});

test.each([
  ["http://127.0.0.1:8787", true],
  ["http://127.8.9.1", true],
  ["http://localhost:8787/path", true],
  ["https://[::1]:1", true],
  ["http://127.0.0.1.evil.com", false],
  ["http://127.evil.com", false],
  ["http://localhost.evil.com", false],
  ["http://localhost-evil.com", false],
  ["http://localhost@evil.com", false],
  ["http://127.0.0.1:80@evil.com", false],
  ["https://weir.example.com/?http://localhost", false],
  ["ftp://localhost", false],
  ["localhost", false],
])("%s is this machine: %s", (url, expected) => {
  expect(isLocal(url)).toBe(expected);
});
