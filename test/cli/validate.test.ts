import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { loadProject, packageRoot } from "../../cli/project/project.ts";
import { validate } from "../../cli/project/validate.ts";
import { message } from "../support/onnx.ts";
import { sha256, tinyModels } from "../support/tiny-models.ts";
import { config, project } from "./support/given.ts";

const told = (root: string) =>
  validate(loadProject(root)).problems.map((it) => `${it.file}:${it.line}:${it.column} ${it.problem}`);

describe("weir validate", () => {
  test("this repository is in order", () => {
    expect(told(packageRoot)).toEqual([]);
  });

  test("a sound project has no problems", () => {
    expect(told(project())).toEqual([]);
  });

  test("refuses databases that two connections would spread differently, and a number that is no power of two", () => {
    const withConnections = (more: object) =>
      told(
        project({
          "connections.json": {
            connections: {
              inbox: { kind: "r2", buckets: ["inbox-files"], events: [{ scheme: "r2-queue" }] },
              results: { kind: "d1", database: "results", shards: 4 },
              ...more,
            },
          },
        }),
      ).join("\n");
    expect(withConnections({})).toBe("");
    expect(withConnections({ same: { kind: "d1", database: "results", shards: 4 } })).toBe("");
    expect(withConnections({ few: { kind: "d1", database: "results" } })).toMatch(
      /"few" and "results" both keep sets in results,/,
    );
    expect(withConnections({ own: { kind: "d1", database: "results-3" } })).toMatch(
      /both keep sets in results-3/,
    );
    expect(withConnections({ odd: { kind: "d1", database: "odd", shards: 3 } })).toMatch(
      /connections\.odd\.shards/,
    );
  });

  test("checks golden queries: their form, their collection, their filters, names and pictures", () => {
    const queries = (of: object[], name = "texts") =>
      told(project({ [`collections/${name}.queries.json`]: { queries: of } })).join("\n");
    const expect_ = [{ key: "a.txt" }];
    expect(queries([{ text: "a", filter: { data: { n: [1] } }, expect: expect_ }])).toBe("");
    expect(queries([{ text: "a", expect: expect_ }], "text")).toMatch(
      /^collections\/text.queries.json:1:1 No pipeline writes a collection "text"/,
    );
    expect(queries([{ text: "a", expect: [] }])).toMatch(
      /texts.queries.json:5:7 queries.0.expect must have at least 1/,
    );
    expect(queries([{ txt: "a", expect: expect_ }])).toMatch(/The field "txt" is unknown/);
    expect(queries([{ text: "a", filter: { colour: ["red"] }, expect: expect_ }])).toMatch(/:6:\d+ filter: /);
    expect(queries([{ text: "a", like: "b.txt", expect: expect_ }])).toMatch(/one subject/);
    expect(queries([{ like: "shots/b.png", expect: expect_ }])).toMatch(/no picture shots\/b.png/);
    expect(
      queries([
        { text: "a", expect: expect_ },
        { text: "a", mode: "text", expect: expect_ },
      ]),
    ).toMatch(/Another query is called "a"/);
    expect(told(project({ "collections/texts.queries.json": "{" })).join("\n")).toMatch(
      /texts.queries.json:1:2/,
    );
  });

  test("tells every problem of a broken project at once, each at its line", () => {
    const root = project({
      "connections.json": `{
  "connections": {
    "inbox": { "kind": "r2", "buckets": ["inbox-files"], "events": [{ "scheme": "r2-queue" }] },
    "quiet": { "kind": "r2", "buckets": ["Quiet Files"] },
    "results": { "kind": "d1", "database": "results" },
    "other": { "kind": "d1", "database": "other" }
  }
}
`,
      "pipelines/one/config.json": `{
  "alias": "won",
  "source": { "connection_id": "inbx" },
  "destination": { "connection_id": "results", "collection": "texts" },
  "retrry": { "max_attempts": 3 }
}
`,
      "pipelines/two/config.json": `{
  "alias": "two",
  "source": {
    "connection_id": "results",
    "filters": { "size": { "prefx": "a" } }
  },
  "destination": { "connection_id": "other", "collection": "drop table;" }
}
`,
      "pipelines/two/handler.ts": "export default null;\n",
      "pipelines/three/config.json": `{
  "alias": "three",
  "source": { "connection_id": "inbox", "filters": { "key": [{ "prefx": "a" }] } },
  "destination": { "connection_id": "inbox", "collection": "texts" }
}
`,
      "pipelines/four/config.json": '{ "alias": "four",\n  oops }\n',
    });
    const problems = validate(loadProject(root)).problems;
    const places = problems.map((it) => `${it.file}:${it.line}`);
    expect(places).toContain("connections.json:4");
    expect(places).toContain("pipelines/one/config.json:5");
    expect(places).toContain("pipelines/two/config.json:7");
    expect(places).toContain("pipelines/three/config.json:1");
    expect(places).toContain("pipelines/three/config.json:3");
    expect(places).toContain("pipelines/four/config.json:2");
    expect(problems.find((it) => it.problem.includes('"retrry"'))?.next).toContain('"retry"');
  });

  test("an alias that differs from its folder, and a connection that is misspelt", () => {
    const changed = config({ alias: "won", source: { connection_id: "inbx" } });
    const { problems } = validate(loadProject(project({ "pipelines/one/config.json": changed })));
    expect(problems).toMatchObject([
      { line: 2, problem: 'The alias "won" differs from the name of its folder, "one".' },
      { line: 4, column: 5, next: 'Did you mean "inbox"?' },
    ]);
  });

  test("a source that holds no objects, and a destination that cannot be written", () => {
    const connections = {
      inbox: {
        kind: "s3",
        region: "auto",
        buckets: ["far-away"],
        access_key_id: "A",
        secret_access_key: "B",
        events: [{ scheme: "bearer", secrets: ["C"] }],
      },
      results: { kind: "d1", database: "results" },
    };
    const changed = config({
      source: { connection_id: "results" },
      destination: { connection_id: "inbox", collection: "texts" },
    });
    const root = project({ "connections.json": { connections }, "pipelines/one/config.json": changed });
    expect(told(root)).toEqual([
      'pipelines/one/config.json:4:5 The source "results" is a D1 database.',
      'pipelines/one/config.json:7:5 The destination "inbox" is an S3 store.',
    ]);
  });

  test("a secret of Weir's own is no handler's, and no model's", () => {
    const root = project({
      "pipelines/one/config.json": config({ secrets: ["API_KEY", "WEIR_SIGNING_KEY"] }),
      "models.json": {
        a: { kind: "http", url: "https://a.example/v1", model: "m", dimensions: 3, key: "WEIR_API_KEY" },
      },
    });
    expect(told(root).map((it) => it.replace(/^(\S+?):\d+:\d+/, "$1"))).toEqual([
      `models.json "WEIR_API_KEY" is a secret of Weir itself, which no handler may read.`,
      `pipelines/one/config.json "WEIR_SIGNING_KEY" is a secret of Weir itself, which no handler may read.`,
    ]);
  });

  test("two connections whose signing keys would have one name cannot be told apart", () => {
    const r2 = (bucket: string) => ({ kind: "r2", buckets: [bucket], events: [{ scheme: "r2-queue" }] });
    const connections = {
      inbox: r2("inbox-files"),
      "in-box": r2("a-files"),
      in_box: r2("b-files"),
      results: { kind: "d1", database: "results" },
    };
    expect(told(project({ "connections.json": { connections } }))).toEqual([
      expect.stringContaining(
        '"in_box" and "in-box" would both have the signing key WEIR_IN_BOX_SIGNING_KEY',
      ),
    ]);
  });

  test("a filter that does not compile is told where it stands", () => {
    const changed = config({ source: { connection_id: "inbox", filters: { key: [{ prefx: "a" }] } } });
    const { problems } = validate(loadProject(project({ "pipelines/one/config.json": changed })));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({ file: "pipelines/one/config.json", line: 8 });
    expect(problems[0]?.problem).toContain("prefix");
  });

  test("a filter that is valid and probably misspelt is a warning, not a problem", () => {
    const changed = config({ source: { connection_id: "inbox", filters: { sufix: "a" } } });
    const { problems, warnings } = validate(loadProject(project({ "pipelines/one/config.json": changed })));
    expect(problems).toEqual([]);
    expect(warnings).toMatchObject([{ file: "pipelines/one/config.json", line: 6 }]);
  });

  test("under --strict such a warning is a problem", () => {
    const changed = config({ source: { connection_id: "inbox", filters: { sufix: "a" } } });
    const root = project({ "pipelines/one/config.json": changed });
    expect(validate(loadProject(root), { strict: true })).toMatchObject({
      problems: [{ line: 6 }],
      warnings: [],
    });
  });

  test("an example whose verdict is wrong is told by its sentence", () => {
    const examples = [
      { name: "a text matches", event: { key: "a.txt" }, matches: true },
      { name: "a picture matches", event: { key: "a.png" }, matches: true },
    ];
    const { problems } = validate(loadProject(project({ "pipelines/one/examples.json": examples })));
    expect(problems).toMatchObject([
      {
        file: "pipelines/one/examples.json",
        line: 14,
        problem: 'The example "a picture matches" does not match, but should.',
      },
    ]);
  });

  test("one collection at two destinations is refused", () => {
    const connections = {
      inbox: { kind: "r2", buckets: ["inbox-files"], events: [{ scheme: "r2-queue" }] },
      results: { kind: "d1", database: "results" },
    };
    const root = project({
      "connections.json": { connections },
      "pipelines/two/config.json": config({
        alias: "two",
        destination: { connection_id: "inbox", collection: "texts" },
      }),
      "pipelines/two/handler.ts": "export default null;\n",
    });
    expect(told(root)).toEqual([
      'pipelines/two/config.json:11:5 The collection "texts" is at "results" for pipelines/one, and here at "inbox".',
    ]);
  });

  test("a missing file is told as missing", () => {
    const root = project({ "models.json": "" });
    expect(told(root)[0]).toMatch(/^models\.json:1:1 /);
  });

  test("retention: a misspelt field is told with its neighbour, a wrong number with what is expected", () => {
    const inbox = { kind: "r2", buckets: ["inbox-files"], events: [{ scheme: "r2-queue" }] };
    const told = (retention: object) => {
      const connections = { inbox: { ...inbox, retention }, results: { kind: "d1", database: "results" } };
      const { problems } = validate(loadProject(project({ "connections.json": { connections } })));
      return problems.filter(({ file }) => file === "connections.json");
    };
    expect(told({ hot_days: 7, archive_days: 0 })).toEqual([]);
    expect(told({ hot_day: 7 })).toMatchObject([
      { line: 14, problem: 'The field "hot_day" is unknown.', next: 'Did you mean "hot_days"?' },
    ]);
    expect(told({ hot_days: 0, archive_days: 1.5 })).toMatchObject([
      { line: 14, problem: expect.stringMatching(/hot_days .*, not 0\.$/) },
      { line: 15, problem: expect.stringMatching(/archive_days .*, not 1\.5\.$/) },
    ]);
  });

  test.each([
    [{ timeout_seconds: "ten" }, /^timeout_seconds must be a number, not "ten"\.$/],
    [{ timeout_seconds: null }, /^timeout_seconds must be a number, not null\.$/],
    [{ models: { a: 1 } }, /^models must be a list, not an object\.$/],
    [{ timeout_seconds: 99_999 }, /^timeout_seconds must be at most \d+, not 99999\.$/],
    [{ retry: [] }, /^retry must be an object, not an empty list\.$/],
    [{ alias: "x".repeat(300) }, /alias: .*, not "x{59}…\.$/],
  ])("%j: the value that was given is in the problem", (more, problem) => {
    const { problems } = validate(loadProject(project({ "pipelines/one/config.json": config({ ...more }) })));
    expect(problems.map((each) => each.problem)).toEqual(
      expect.arrayContaining([expect.stringMatching(problem)]),
    );
  });

  test("a secret that stands where its name belongs is not shown", () => {
    const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const inbox = { kind: "r2", buckets: ["inbox-files"], events: [{ scheme: "bearer", secrets: [secret] }] };
    const store = {
      kind: "s3",
      buckets: ["b-b"],
      region: "auto",
      access_key_id: secret,
      secret_access_key: secret,
    };
    const connections = { inbox, store, results: { kind: "d1", database: "results" } };
    const { problems } = validate(loadProject(project({ "connections.json": { connections } })));
    expect(problems.length).toBeGreaterThanOrEqual(3);
    expect(JSON.stringify(problems)).not.toContain("whsec_");
  });

  test("the archive's bucket is nobody's source or destination", () => {
    const connections = {
      inbox: { kind: "r2", buckets: ["inbox-files", "weir-archive"], events: [{ scheme: "r2-queue" }] },
      results: { kind: "d1", database: "results" },
    };
    expect(told(project({ "connections.json": { connections } }))).toEqual([
      'connections.json:7:9 "inbox" names weir-archive, in which the router archives its events.',
    ]);
  });
});

describe("models.json", () => {
  const folderOf = tinyModels();
  const bytes = (name: string) => Buffer.from(folderOf[name] ?? []);
  /** A project with one onnx model of pictures, its file in place. */
  const withModel = (change: object = {}, file = bytes("tiny-image.onnx")) => {
    const image = { file: "models/eyes.onnx", sha256: sha256(file), size: 8, ...change };
    const root = project({ "models.json": { "acme/eyes": { kind: "onnx", dimensions: 12, image } } });
    mkdirSync(join(root, "models"));
    writeFileSync(join(root, "models/eyes.onnx"), file);
    return root;
  };
  const problems = (root: string) =>
    validate(loadProject(root)).problems.map((it) => `${it.line} ${it.problem} | ${it.next}`);

  test("with its files in place is in order", () => {
    expect(problems(withModel())).toEqual([]);
  });

  test.each<[string, object, RegExp]>([
    ["an unknown kind", { a: { kind: "onx" } }, /3 a\.kind: there is no "onx"\. \| Did you mean "onnx"\?/],
    [
      "an unknown builtin",
      { a: { kind: "builtin", builtin: "weir/hog" } },
      /there is no "weir\/hog"\. \| .*weir\/hog-512/,
    ],
    [
      "a misspelt field",
      { a: { kind: "builtin", builtin: "weir/hog-512", builtins: 1 } },
      /The field "builtins" is unknown/,
    ],
    ["a key in place of its name", { a: http({ key: "sk-12345" }) }, /a\.key: the NAME of a secret/],
    [
      "an endpoint that is not safe",
      { a: http({ url: "http://example.com/v1/embeddings" }) },
      /https, or http on this machine/,
    ],
    ["a model of nothing", { a: { kind: "onnx", dimensions: 3 } }, /at least one of image, video and text/],
    ["a file elsewhere", onnx({ file: "models/../secret.onnx" }), /stays below models/],
    [
      "a misspelt field of a part",
      onnx({ poolling: "mean" }),
      /The field "poolling" is unknown\. \| Did you mean "pooling"/,
    ],
  ])("%s is told at its place", (_, models, told) => {
    expect(problems(project({ "models.json": models })).join("\n")).toMatch(told);
  });

  test("a file that is missing, and the one that was probably meant", () => {
    expect(problems(withModel({ file: "models/eye.onnx" }))).toEqual([
      '6 acme/eyes.image: there is no models/eye.onnx. | Did you mean "models/eyes.onnx"?',
    ]);
  });

  test("a file that is another one, with the hash to write if it is meant", () => {
    const [told] = problems(withModel({ sha256: "0".repeat(64) }));
    expect(told).toContain("models/eyes.onnx has another SHA-256");
    expect(told).toContain(sha256(bytes("tiny-image.onnx")));
  });

  test("a model that keeps its tensors in another file", () => {
    const outside = message(
      [1, 3],
      [2, 1],
      [8, "w"],
      [13, message([1, "location"], [2, "../../etc/passwd"])],
      [14, 1],
    );
    expect(problems(withModel({}, Buffer.from(message([7, message([5, outside])]))))).toEqual([
      expect.stringContaining("models/eyes.onnx keeps tensors in other files, which are not read"),
    ]);
  });

  test("a pipeline that names a model which is not there", () => {
    const root = project({
      "models.json": { "weir/hog-512": { kind: "builtin", builtin: "weir/hog-512" } },
      "pipelines/one/config.json": config({ models: ["weir/hog-51"] }),
    });
    expect(problems(root).join()).toMatch(
      /The model "weir\/hog-51" is not in models\.json\. \| Did you mean "weir\/hog-512"/,
    );
  });
});

function http(change: object) {
  return { kind: "http", url: "https://api.example.com/v1/embeddings", model: "m", dimensions: 3, ...change };
}
function onnx(change: object) {
  const image = { file: "models/a.onnx", sha256: "0".repeat(64), size: 8, ...change };
  return { a: { kind: "onnx", dimensions: 3, image } };
}

describe("a file that is no JSON", () => {
  test.each([
    ['{\n  "alias": "one",\n}', 3, "The name of a field is expected here, where } stands."],
    ["{", 1, "The object has no end; the file ends."],
    ['{ "alias": "one" // mine\n}', 1, "JSON has no comments."],
    ['{ "alias" "one" }', 1, 'A colon is expected here, after the name, where " stands.'],
    ['{ "a": 1 } }', 1, "The text goes on after its end, where } stands."],
  ])("%j is one problem at its place, in words", (text, line, problem) => {
    const { problems } = validate(loadProject(project({ "pipelines/one/config.json": text })));
    expect(problems.filter(({ file }) => file === "pipelines/one/config.json")).toMatchObject([
      { line, problem },
    ]);
  });
});
