// Runs the examples of docs/filters.md.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { compileFilter, evaluate, lintFilter, viewOf } from "../../src/match/index.ts";
import { anEvent } from "./given.ts";

const page = readFileSync(new URL("../../docs/filters.md", import.meta.url), "utf8");
const fence = (kind: string) => `\`\`\`json ${kind}\\n([\\s\\S]*?)\`\`\`\\n`;
const example = new RegExp(fence("filter") + fence("event") + fence("verdict"), "g");
const examples = [...page.matchAll(example)].map(([, filter = "", event = "", verdict = ""]) => ({
  filter,
  event: JSON.parse(event),
  verdict: JSON.parse(verdict),
}));

describe("docs/filters.md", () => {
  test("has whole examples only", () => {
    expect(examples.length).toBe(page.match(/```json filter/g)?.length);
    expect(examples.length).toBeGreaterThan(15);
  });

  test.each(examples)("$filter", ({ filter, event, verdict }) => {
    const view = viewOf(anEvent({ key: "uploads/2026/cat.jpg", ...event }));
    expect(evaluate(compileFilter(JSON.parse(filter)), view)).toBe(verdict);
    expect(lintFilter(JSON.parse(filter))).toEqual([]);
  });
});
