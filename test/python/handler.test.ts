// handler.py by the compute server's own protocol, with the real python3: its calls, what it may return and
// print. Its failures and interpreters are in interpreter.test.ts, the whole of Weir in e2e.test.ts.
import { afterAll, describe, expect, test } from "vitest";
import { PythonRuns } from "../../workers/compute/server/python/runs.ts";
import { base64, begin, hasPython } from "./given.ts";

const runs = new PythonRuns({ size: 4, memory: 2 ** 31 });
afterAll(() => runs.close());

describe.skipIf(!hasPython)("a handler.py", () => {
  test("gets the event as a dict, and its list comes back as items", async () => {
    const { first } = await begin(
      runs,
      "def handler(event): return [{'key': event['key'], 'n': 1.0}, {'n': None}]",
      {
        event: { key: "a/b.mp4" },
      },
    );
    expect(first).toEqual({
      log: [],
      done: true,
      items: [
        { vectors: [], data: { key: "a/b.mp4", n: 1 } },
        { vectors: [], data: { n: null } },
      ],
    });
  });

  test.each([
    ["a generator", "def handler(event):\n  for n in range(3): yield {'n': n}", 3],
    ["a single dict", "def handler(event): return {'n': 1}", 1],
    ["a tuple", "def handler(event): return ({'n': 1}, {'n': 2})", 2],
    ["an empty list", "def handler(event): return []", 0],
  ])("may return %s", async (_, source, count) => {
    const { first } = await begin(runs, source);
    expect(first.done).toBe(true);
    expect(first.items ?? []).toHaveLength(count);
  });

  test.each([
    ["None", "None", "The handler returned None.", undefined],
    ["a text", "'x'", "The handler returned a str.", undefined],
    ["a list of texts", "[{}, 'x']", "items[1] is a str.", "items[1]"],
    ["a set inside", "[{'a': [{'b': {1}}]}]", "items[0].a[0].b is a set.", "items[0].a[0].b"],
    ["bytes inside", "{'a': b'x'}", "items[0].a is a bytes.", "items[0].a"],
    ["an odd name", "{'a b': b'x'}", 'items[0]["a b"] is a bytes.', 'items[0]["a b"]'],
    ["NaN", "[{}, {}, {}, {'score': float('nan')}]", "items[3].score is NaN.", "items[3].score"],
    ["infinity", "{'a': float('-inf')}", "items[0].a is -Infinity.", "items[0].a"],
    ["an object of a class", "{'a': Exception('x')}", "items[0].a is an Exception.", "items[0].a"],
    [
      "a key that is no text",
      "{'a': {1: 2}}",
      "items[0].a has a key that is an int, not a str.",
      "items[0].a",
    ],
    ["an integer beyond JSON's", "{'a': 2**60}", "items[0].a is an integer too large", "items[0].a"],
    ["an integer beyond digits", "{'a': 10**5000}", "items[0].a is an integer too large", "items[0].a"],
  ])("that returns %s is told where", async (_, value, detail, where) => {
    const { first } = await begin(runs, `def handler(event): return ${value}`);
    expect(first.failure).toMatchObject({ kind: "invalid_return", detail: expect.stringContaining(detail) });
    expect(first.failure?.where).toBe(where);
  });

  test.each([
    [
      "whose text throws",
      "class E(Exception):\n  def __str__(self): raise ValueError('no')\n",
      "E()",
      "E, which has no text",
    ],
    ["with a cause", "", "KeyError('a') from ValueError('b')", "KeyError: 'a' (caused by ValueError: b)"],
    ["without words", "", "RuntimeError", "RuntimeError"],
    [
      "that gathers others",
      "class G(Exception):\n  exceptions = (ValueError('one'), KeyError('two'))\n",
      "G('both')",
      "G: both (ValueError: one; KeyError: 'two')",
    ],
  ])(
    "that raises an exception %s says what it can, by its own lines alone",
    async (_, before, raised, detail) => {
      const { first } = await begin(
        runs,
        `${before}def inner():\n  raise ${raised}\ndef handler(event):\n  inner()`,
      );
      expect(first.failure).toMatchObject({ kind: "handler_failed", detail });
      const lines = before.split("\n").length;
      expect(first.failure?.where).toBe(
        `File "handler.py", line ${lines + 3}, in handler\n  inner()\nFile "handler.py", line ${lines + 1}, in inner\n  raise ${raised}`,
      );
    },
  );

  test("that returns what contains itself is told so", async () => {
    const { first } = await begin(
      runs,
      `
      def handler(event):
        loop = {}
        loop['self'] = loop
        return loop`,
    );
    expect(first.failure).toMatchObject({
      kind: "invalid_return",
      detail: expect.stringContaining("itself"),
    });
  });

  test("sends a long generator's items in parts, each when the Worker asks for more", async () => {
    const { first, next } = await begin(
      runs,
      "def handler(event):\n  for n in range(1000): yield {'n': n, 'text': 'x' * 1000}",
    );
    expect(first.call).toEqual({ name: "more" });
    let turn = first;
    let count = turn.items?.length ?? 0;
    while (!turn.done) {
      turn = await next({ value: null });
      count += turn.items?.length ?? 0;
    }
    expect(count).toBe(1000);
    expect(first.items?.length).toBeLessThan(300);
  });

  test("prints and logs into the run, in order, whatever the way", async () => {
    const { first } = await begin(
      runs,
      `
      import sys, logging
      logging.basicConfig(level=logging.INFO, format="%(message)s")
      print("loading")
      def handler(event):
        print("one", 1)
        logging.info("two")
        print("three", file=sys.stderr)
        sys.stdout.buffer.write(b"fo")
        print("ur", end="")
        return []`,
    );
    expect(first.log).toEqual(["loading", "one 1", "two", "three", "four"]);
  });

  test("calls take turns, and a vector that comes back unchanged is the Worker's own", async () => {
    const { first, next } = await begin(
      runs,
      `
      from mixpeek import Mixpeek, FileTools
      def handler(event):
        m = Mixpeek("key")
        url = m.file_url("b", "k")
        for chunk in FileTools.split_video(url, frame_interval=5):
          vector = m.embed.video(chunk, "model")
          assert vector == [0.5, -2.0]
          yield {"start": chunk.start, "at": {"deep": [vector]}, "half": [v / 2 for v in vector]}`,
    );
    expect(first.call).toEqual({ name: "file_url", bucket: "b", key: "k" });
    const split = await next({ value: "https://source/b/k?signature" });
    expect(split.call).toEqual({
      name: "split_video",
      file_url: "https://source/b/k?signature",
      frame_interval: 5,
    });
    const chunk = (id: number) => ({ id, index: id, start: id * 5, end: id * 5 + 5 });
    const values = base64(0.5, -2);
    let turn = await next({ value: Array.from({ length: 6 }, (_, id) => chunk(id)) });
    const asked: number[][] = [];
    const items: unknown[] = [];
    while (!turn.done) {
      const { chunks } = turn.call as { chunks: number[] };
      asked.push(chunks);
      turn = await next({ value: chunks.map((ref) => ({ ref, values })) });
      items.push(...(turn.items ?? []));
    }
    // A loop is noticed: each request brings twice as many.
    expect(asked).toEqual([[0], [1, 2], [3, 4, 5]]);
    expect(items).toHaveLength(6);
    expect(items[4]).toEqual({
      vectors: [{ path: ["at", "deep", 0], ref: 4 }],
      data: { start: 20, at: { deep: [null] }, half: [0.25, -1] },
    });
  });

  test("what is said in a film, or in a chunk of it, is asked of its Worker and comes back as a dict", async () => {
    const { first, next } = await begin(
      runs,
      `
      from mixpeek import Mixpeek, FileTools
      def handler(event):
        m = Mixpeek()
        chunk = FileTools.split_video("u")[0]
        return m.transcribe("u")["segments"] + m.transcribe(chunk, model="speech", language="de")["segments"]`,
    );
    expect(first.call).toMatchObject({ name: "split_video" });
    const whole = await next({ value: [{ id: 0, index: 0, start: 0, end: 10 }] });
    expect(whole.call).toEqual({ name: "transcribe", file_url: "u" });
    const part = await next({ value: { segments: [{ text: "one", start: 1, end: 2 }] } });
    expect(part.call).toEqual({ name: "transcribe", chunk: 0, model: "speech", language: "de" });
    const { items } = await next({ value: { segments: [{ text: "two", start: 3, end: 4 }] } });
    expect(items).toMatchObject([
      { data: { text: "one", start: 1, end: 2 } },
      { data: { text: "two", start: 3, end: 4 } },
    ]);
  });

  test("who embeds every other chunk asks for no more than one ahead", async () => {
    const { next } = await begin(
      runs,
      `
      from mixpeek import Mixpeek, FileTools
      def handler(event):
        chunks = FileTools.split_video("u")
        return [{"v": Mixpeek().embed.video(chunk, "m")} for chunk in chunks[::2]]`,
    );
    const values = base64(1);
    let turn = await next({
      value: Array.from({ length: 8 }, (_, id) => ({ id, index: id, start: id, end: id + 1 })),
    });
    let spans = 0;
    while (!turn.done) {
      const { chunks } = turn.call as { chunks: number[] };
      spans += chunks.length;
      turn = await next({ value: chunks.map((ref) => ({ ref, values })) });
    }
    expect(spans).toBeLessThanOrEqual(6);
  });

  test("a vector of its own, or one that it changed, is stored as a vector without a model", async () => {
    const values = base64(1, 2);
    const { next } = await begin(
      runs,
      `
      import array
      from mixpeek import Mixpeek
      def handler(event):
        vector = Mixpeek().embed.image("u", "m")
        vector[0] = 3
        return {"own": array.array("f", [1.5]), "changed": vector}`,
    );
    const { items } = await next({ value: { ref: 0, values } });
    expect(items).toEqual([
      {
        vectors: [
          { path: ["own"], values: base64(1.5) },
          { path: ["changed"], values: base64(3, 2) },
        ],
        data: { own: null, changed: null },
      },
    ]);
  });

  test("what it keeps from an earlier run is not taken for this one's", async () => {
    const source = `
      from mixpeek import Mixpeek, FileTools
      m = Mixpeek()
      kept = []
      def handler(event):
        chunks = FileTools.split_video("u")
        if not kept:
          kept.extend([chunks[3], [m.embed.video(chunk, "m") for chunk in chunks[:2]][1]])
          return []
        try: m.embed.video(kept[0], "m")
        except Exception as error: print(error)
        return {"old": kept[1], "new": m.embed.video(chunks[2], "m")}`;
    const plan = { value: Array.from({ length: 4 }, (_, id) => ({ id, index: id, start: id, end: id + 1 })) };
    const first = await begin(runs, source, { pipeline: "keeps" });
    await first.next(plan);
    await first.next({ value: [{ ref: 0, values: base64(0) }] });
    const over = await first.next({ value: [1, 2].map((ref) => ({ ref, values: base64(ref) })) });
    expect(over.done).toBe(true);
    const second = await begin(runs, source, { pipeline: "keeps" });
    const asked = await second.next(plan);
    expect(asked.call).toEqual({ name: "embed_video", chunks: [2], model: "m" });
    const { items, log } = await second.next({ value: [{ ref: 0, values: base64(9) }] });
    expect([...asked.log, ...log]).toEqual(["Chunk(index=3, start=3, end=4) is of an earlier run"]);
    expect(items).toMatchObject([
      {
        vectors: [
          { path: ["old"], values: base64(1) },
          { path: ["new"], ref: 0 },
        ],
      },
    ]);
  });

  test("a call that is refused can be caught; uncaught, it is the run's failure as it is", async () => {
    const failure = { kind: "bad_media", detail: "b/k is text", where: "b/k" };
    const source = (body: string) => `
      from mixpeek import FileTools, WeirError
      def handler(event):
        ${body}`;
    const uncaught = await begin(runs, source("return FileTools.split_video('u')"));
    expect(await uncaught.next({ failure })).toEqual({ log: [], failure });
    const caught = await begin(
      runs,
      source(`try: FileTools.split_video('u')
        except WeirError as error: return {"why": error.failure["kind"]}`),
    );
    expect((await caught.next({ failure })).items).toEqual([{ vectors: [], data: { why: "bad_media" } }]);
  });

  test("a chunk that failed ahead of its time is raised when the handler comes to it", async () => {
    const { next } = await begin(
      runs,
      `
      from mixpeek import Mixpeek, FileTools
      def handler(event):
        m = Mixpeek()
        for chunk in FileTools.split_video("u"):
          try: m.embed.video(chunk, "m")
          except Exception: yield {"failed": chunk.index}`,
    );
    const values = base64(1);
    let turn = await next({
      value: Array.from({ length: 4 }, (_, id) => ({ id, index: id, start: id, end: id + 1 })),
    });
    const items: unknown[] = [];
    while (!turn.done) {
      const { chunks } = turn.call as { chunks: number[] };
      const failure = { kind: "bad_media", detail: "damaged" };
      turn = await next({ value: chunks.map((ref) => (ref === 2 ? { failure } : { ref, values })) });
      items.push(...(turn.items ?? []));
    }
    expect(items).toEqual([{ vectors: [], data: { failed: 2 } }]);
  });
});
