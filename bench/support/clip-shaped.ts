// Writes a vision transformer of CLIP ViT-B/32's shape (224 pixels, patches of 32, 12 layers of 768, a projection to 512)
// with random weights: what a picture costs does not depend on what a model has learnt. 350 MB, so buffers and no lists.
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { int, ints, message, node } from "../../test/support/onnx.ts";

export const SIDE = 224;
export const DIMENSIONS = 512;
const [PATCH, WIDTH, LAYERS, HEADS, INNER] = [32, 768, 12, 12, 3072];
const PATCHES = (SIDE / PATCH) ** 2;
const TOKENS = PATCHES + 1;
/** Field numbers and types of onnx.proto3. */
const [FLOAT, INT64] = [1, 7];
const OPSET = 17;

/** A field that holds bytes: its tag, their length, and they themselves, which are not copied. */
function field(number: number, parts: readonly Uint8Array[]): Uint8Array[] {
  const bytes = parts.reduce((sum, part) => sum + part.length, 0);
  const head = [(number << 3) | 2];
  let rest = bytes;
  for (; rest > 127; rest = Math.floor(rest / 128)) head.push((rest % 128) | 128);
  return [Uint8Array.from([...head, rest]), ...parts];
}

/** Nodes and weights as they are added, each output by a name of its own. */
class GraphParts {
  readonly nodes: Uint8Array[] = [];
  readonly weights: Uint8Array[][] = [];
  #names = 0;
  #state = 1;

  add(type: string, inputs: string[], ...attributes: Uint8Array[]): string {
    const name = `v${this.#names++}`;
    this.nodes.push(node(type, inputs, [name], ...attributes));
    return name;
  }

  /** Numbers about as large as those of a trained model, so that nothing overflows. */
  weight(dims: number[], value?: number): string {
    const count = dims.reduce((product, size) => product * size, 1);
    const numbers = new Float32Array(count);
    if (value !== undefined) numbers.fill(value);
    else for (let i = 0; i < count; i++) numbers[i] = this.#next();
    return this.#tensor(dims, FLOAT, numbers);
  }

  shape(...values: number[]): string {
    return this.#tensor([values.length], INT64, BigInt64Array.from(values.map(BigInt)));
  }

  scalar(value: number): string {
    return this.#tensor([], INT64, BigInt64Array.from([BigInt(value)]));
  }

  number(value: number): string {
    return this.#tensor([], FLOAT, Float32Array.from([value]));
  }

  #tensor(dims: number[], type: number, values: Float32Array | BigInt64Array): string {
    const name = `w${this.#names++}`;
    const head = message(...dims.map((size): [number, number] => [1, size]), [2, type], [8, name]);
    const bytes = new Uint8Array(values.buffer);
    this.weights.push(field(5, [head, ...field(9, [bytes])]));
    return name;
  }

  /** xorshift: random enough for weights, and the same each time. */
  #next(): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state / 2 ** 31) * 0.03;
  }
}

const normed = (graph: GraphParts, x: string) =>
  graph.add("LayerNormalization", [x, graph.weight([WIDTH], 1), graph.weight([WIDTH], 0)], int("axis", -1));

const linear = (graph: GraphParts, x: string, from: number, to: number) =>
  graph.add("Add", [graph.add("MatMul", [x, graph.weight([from, to])]), graph.weight([to])]);

function attended(graph: GraphParts, x: string): string {
  const split = graph.shape(0, TOKENS, HEADS, WIDTH / HEADS);
  const headed = (order: number[]) =>
    graph.add(
      "Transpose",
      [graph.add("Reshape", [linear(graph, x, WIDTH, WIDTH), split])],
      ints("perm", order),
    );
  const scaled = graph.add("Mul", [headed([0, 2, 1, 3]), graph.number((WIDTH / HEADS) ** -0.5)]);
  const scores = graph.add("MatMul", [scaled, headed([0, 2, 3, 1])]);
  const mixed = graph.add("MatMul", [graph.add("Softmax", [scores], int("axis", -1)), headed([0, 2, 1, 3])]);
  const joined = graph.add("Reshape", [
    graph.add("Transpose", [mixed], ints("perm", [0, 2, 1, 3])),
    graph.shape(0, TOKENS, WIDTH),
  ]);
  return linear(graph, joined, WIDTH, WIDTH);
}

function fed(graph: GraphParts, x: string): string {
  const wide = linear(graph, x, WIDTH, INNER);
  const gate = graph.add("Sigmoid", [graph.add("Mul", [wide, graph.number(1.702)])]);
  return linear(graph, graph.add("Mul", [wide, gate]), INNER, WIDTH);
}

/** Writes the model to a file: `pixels` (any number, 3, 224, 224) to `embedding` (512). Resolves to its SHA-256. */
export async function writeClipShaped(path: string): Promise<string> {
  const graph = new GraphParts();
  const patches = graph.add(
    "Conv",
    ["pixels", graph.weight([WIDTH, 3, PATCH, PATCH])],
    ints("strides", [PATCH, PATCH]),
  );
  const rows = graph.add(
    "Transpose",
    [graph.add("Reshape", [patches, graph.shape(0, WIDTH, PATCHES)])],
    ints("perm", [0, 2, 1]),
  );
  // The token that stands for the picture is learnt: a row of nothing, and its place.
  const tokens = graph.add("Pad", [rows, graph.shape(0, 1, 0, 0, 0, 0)]);
  let x = normed(graph, graph.add("Add", [tokens, graph.weight([1, TOKENS, WIDTH])]));
  for (let layer = 0; layer < LAYERS; layer++) {
    x = graph.add("Add", [x, attended(graph, normed(graph, x))]);
    x = graph.add("Add", [x, fed(graph, normed(graph, x))]);
  }
  const whole = normed(graph, graph.add("Gather", [x, graph.scalar(0)], int("axis", 1)));
  graph.nodes.push(node("MatMul", [whole, graph.weight([WIDTH, DIMENSIONS])], ["embedding"]));
  const dims = (...sizes: (string | number)[]) =>
    message(
      ...sizes.map((size): [number, Uint8Array] => [
        1,
        message(typeof size === "number" ? [1, size] : [2, size]),
      ]),
    );
  const value = (name: string, shape: Uint8Array) =>
    message([1, name], [2, message([1, message([1, FLOAT], [2, shape])])]);
  const body = [
    ...graph.nodes.flatMap((each) => field(1, [each])),
    message([2, "clip-shaped"]),
    ...graph.weights.flat(),
    ...field(11, [value("pixels", dims("rows", 3, SIDE, SIDE))]),
    ...field(12, [value("embedding", dims("rows", DIMENSIONS))]),
  ];
  const model = [message([1, 8], [2, "weir"]), ...field(7, body), message([8, message([2, OPSET])])];
  const bytes = Buffer.concat(model);
  await writeFile(path, bytes);
  return createHash("sha256").update(bytes).digest("hex");
}
