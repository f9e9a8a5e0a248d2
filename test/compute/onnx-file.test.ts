// Which ONNX files are refused before the runtime sees them: those that keep tensors in other files, however deep,
// and what is no model at all.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { refusedModel } from "../../workers/compute/server/inference/onnx-file.ts";
import { message } from "../support/onnx.ts";
import { tinyModels } from "../support/tiny-models.ts";

const location = message([1, "location"], [2, "weights.bin"]);
const outside = message([1, 4], [2, 1], [8, "w"], [13, location], [14, 1]);
const attribute = (field: number, value: Uint8Array) => message([1, "a"], [field, value]);
const node = (one: Uint8Array) => message([4, "Op"], [5, one]);
const inGraph = (graph: Uint8Array) => message([1, 8], [7, graph]);
const OUTSIDE = /keeps tensors in other files/;

describe("a model that keeps a tensor in another file is refused, wherever it is", () => {
  test.each<[string, Uint8Array]>([
    ["among the initializers", inGraph(message([5, outside]))],
    ["among the sparse initializers", inGraph(message([15, message([1, outside])]))],
    ["as the indices of a sparse one", inGraph(message([15, message([2, outside])]))],
    ["as a node's attribute", inGraph(message([1, node(attribute(5, outside))]))],
    ["in a node's list of tensors", inGraph(message([1, node(attribute(10, outside))]))],
    ["in a node's graph", inGraph(message([1, node(attribute(6, message([5, outside])))]))],
    ["in a node's list of graphs", inGraph(message([1, node(attribute(11, message([5, outside])))]))],
    ["in a sparse attribute", inGraph(message([1, node(attribute(22, message([1, outside])))]))],
    ["in a function", message([7, message([2, "g"])], [25, message([7, node(attribute(5, outside))])])],
    ["in a function's default", message([7, message([2, "g"])], [25, message([11, attribute(5, outside)])])],
    ["in training", message([7, message([2, "g"])], [20, message([1, message([5, outside])])])],
    ["in a second graph", message([7, message([2, "g"])], [7, message([5, outside])])],
    ["named without saying so", inGraph(message([5, message([8, "w"], [13, location])]))],
    ["said without a name", inGraph(message([5, message([8, "w"], [14, 1])]))],
    ["with its tag written longer than it must be", inGraph(Uint8Array.from([0x2a, 4, 0xea, 0x00, 1, 0]))],
  ])("%s", (_, bytes) => {
    expect(refusedModel(bytes)).toMatch(OUTSIDE);
  });
});

test("models that are whole pass", () => {
  for (const [name, bytes] of Object.entries(tinyModels()))
    if (name.endsWith(".onnx")) expect(refusedModel(bytes), name).toBeUndefined();
});

test.each<[string, Uint8Array]>([
  ["nothing", new Uint8Array()],
  ["text", Buffer.from("<!doctype html><title>404</title>")],
  [
    "a pointer of git's",
    Buffer.from("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"),
  ],
  ["zeros", new Uint8Array(100)],
])("%s is no model", (_, bytes) => {
  expect(refusedModel(bytes)).toMatch(/no ONNX model/);
});

test("a model that is cut short anywhere is refused, or has lost nothing that is looked for; none takes long", () => {
  const whole = tinyModels()["tiny-text.onnx"] ?? new Uint8Array();
  fc.assert(
    fc.property(fc.nat({ max: whole.length - 1 }), (length) => {
      const refused = refusedModel(whole.subarray(0, length));
      return refused === undefined || refused.includes("no ONNX model");
    }),
  );
});

test("no bytes make it throw", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => refusedModel(bytes) !== null));
  const graph = (inner: Uint8Array): Uint8Array => message([1, node(attribute(6, inner))]);
  let deep: Uint8Array = message([2, "g"]);
  for (let i = 0; i < 100; i++) deep = graph(deep);
  expect(refusedModel(inGraph(deep))).toMatch(/nested too deeply/);
});
