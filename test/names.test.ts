// The names and the sizes of the code: identifiers say what they hold, functions stay short, and a type has a name that
// no other type has.
import { describe, expect, test } from "vitest";
import { codeOf, functionsOf, HOUSE, read, sources } from "./support/source-text.ts";

const files = sources(...HOUSE, "scripts");

/** Words that say nothing of what a value is, also with a prefix as in `untold`. */
const VAGUE_WORD = /^(un|re)?(told|tells?|made|wanted|asked)$/i;

interface WireName {
  name: string;
  reason: string;
  places: string[];
}

/** Names that others read outside of the code, and that therefore stay. */
const WIRE_NAMES: WireName[] = [
  {
    name: "asked",
    reason: "the number of embeddings that a run called for, in reports in queues and in answers of the API",
    places: [
      "src/http/read/answers.ts",
      "src/shapes/run.ts",
      "src/store/moving/rows.ts",
      "workers/pipeline/embeddings.ts",
      "workers/pipeline/questions.ts",
      "workers/pipeline/run.ts",
    ],
  },
  {
    name: "asked",
    reason: "`--json` of rollback and deploy: whether Weir answered about stale items",
    places: ["cli/account/rollback.ts", "cli/deploy/last-mile.ts", "cli/deploy/stale.ts"],
  },
  {
    name: "asked",
    reason: "`--json` of compare: a limit as it was given",
    places: ["cli/compare/report.ts"],
  },
  { name: "told", reason: "`--json` of put: whether R2's queue was notified", places: ["cli/local/put.ts"] },
];

/** Types that share their name with another one, each with the reason. */
const SHARED_TYPE_NAMES: Record<string, string> = {
  Pipeline: "handlers import the one of the SDK, beside the project's folder that the command line works on",
};

test("no identifier is or contains told, tell, made, wanted or asked", () => {
  const exempt = new Set(WIRE_NAMES.flatMap(({ name, places }) => places.map((path) => `${path}: ${name}`)));
  const vague = files.flatMap((path) => vagueNamesOf(read(path)).map((name) => `${path}: ${name}`));
  expect(vague.filter((place) => !exempt.has(place))).toEqual([]);
  expect(
    [...exempt].filter((place) => !vague.includes(place)),
    "exempt and no longer there",
  ).toEqual([]);
});

test("no function is longer than 80 lines", () => {
  const lengths = files.flatMap((path) => functionsOf(read(path)).map((length) => ({ path, ...length })));
  expect(lengths.length).toBeGreaterThan(1000);
  expect(lengths.filter(({ lines }) => lines > 80)).toEqual([]);
});

test("a type's name is exported by one file, unless a reason says otherwise", () => {
  const names = files.flatMap((path) => exportedTypesOf(read(path)).map((name) => ({ name, path })));
  expect(names.length).toBeGreaterThan(200);
  const alike = [...Map.groupBy(names, ({ name }) => name).values()].filter((places) => places.length > 1);
  const unexplained = alike.filter(([place]) => SHARED_TYPE_NAMES[place?.name ?? ""] === undefined);
  expect(unexplained).toEqual([]);
  expect(alike.map(([place]) => place?.name)).toEqual(Object.keys(SHARED_TYPE_NAMES));
});

describe("the readers that these tests stand on", () => {
  test("see names in code, and none in comments, strings or patterns", () => {
    const text = [
      "const lastTold = 1; // asked",
      `/* made */ const MADE_OF = \`wanted \${tellAll} wanted\`;`,
      `let text = "asked" + 'told'.replace(/made[/"]told/g, "");`,
      "masked = remade.untold;",
    ].join("\n");
    expect(vagueNamesOf(text)).toEqual(["lastTold", "MADE_OF", "tellAll", "remade", "untold"]);
  });

  test("measure functions, methods and arrows", () => {
    const body = (lines: number) => "  work();\n".repeat(lines);
    expect(functionsOf(`export async function one() {\n${body(3)}}\n`)).toEqual([{ name: "one", lines: 5 }]);
    expect(functionsOf(`const two = () => {\n${body(1)}};\n`)).toEqual([{ name: "two", lines: 3 }]);
    expect(functionsOf(`class A {\n  three(): void {\n  ${body(1)}  }\n}\n`)).toEqual([
      { name: "three", lines: 3 },
    ]);
  });
});

/** Identifiers in a text of code that are or contain a vague word. */
function vagueNamesOf(text: string): string[] {
  const names = new Set(codeOf(text).match(/[A-Za-z_$][\w$]*/g));
  const words = (name: string) => name.split(/[_$]|(?<=[a-z\d])(?=[A-Z])/);
  return [...names].filter((name) => words(name).some((word) => VAGUE_WORD.test(word)));
}

const exportedTypesOf = (text: string): string[] =>
  [...text.matchAll(/^export (?:abstract |declare )?(?:interface|type|class|enum) (\w+)/gm)].map(
    ([, name = ""]) => name,
  );
