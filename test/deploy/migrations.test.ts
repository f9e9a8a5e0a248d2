// Migrations that D1's own splitter takes. wrangler sends a file as it is, and the server splits it: quotes and
// semicolons in comments, triggers over several lines, a CASE with its END inside one and CRLF are reported to be split
// where they should not be (cloudflare/workers-sdk 4713, 4767, 3892, 4998, 14991). A local D1 takes them all.
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { packageRoot } from "../../cli/project/project.ts";

const files = globSync(["src/store/migrations/*/*.sql", "workers/*/migrations/**/*.sql"], {
  cwd: packageRoot,
}).map((path) => [path, readFileSync(join(packageRoot, path), "utf8")] as const);

/** What of a file is not a plain statement. */
function doubtful(sql: string): string[] {
  const found: string[] = [];
  if (sql.includes("\r")) found.push("a line ends with CRLF");
  if (sql.includes("/*")) found.push("a block comment");
  for (const line of sql.split("\n")) {
    const comment = /^\s*--(.*)$/.exec(line)?.[1];
    if (comment !== undefined && /[;'"`[\]]/.test(comment)) found.push(`a comment with marks: ${line}`);
    if (comment === undefined && /--/.test(line)) found.push(`a comment behind a statement: ${line}`);
    if (/\bCREATE\s+TRIGGER\b/i.test(line) && !/ BEGIN .*; END;$/.test(line))
      found.push(`a trigger over several lines: ${line}`);
    if (/\bTRIGGER\b/i.test(line) && /\bCASE\b/i.test(line)) found.push(`a CASE in a trigger: ${line}`);
  }
  return found;
}

describe("a migration", () => {
  test("is there to be looked at", () => expect(files.length).toBeGreaterThan(3));

  test.each(files)("%s has plain statements only", (_, sql) => expect(doubtful(sql)).toEqual([]));

  test.each([
    ["a semicolon in a comment", "-- a; b\nSELECT 1;"],
    ["an apostrophe in a comment", "  -- the run's\nSELECT 1;"],
    ["CRLF", "SELECT 1;\r\n"],
    ["a trigger over lines", "CREATE TRIGGER a AFTER INSERT ON b BEGIN\n  SELECT 1;\nEND;"],
    ["a CASE in a trigger", "CREATE TRIGGER a AFTER INSERT ON b BEGIN SELECT CASE WHEN 1 THEN 2 END; END;"],
  ])("with %s would be found", (_, sql) => expect(doubtful(sql)).toHaveLength(1));
});
