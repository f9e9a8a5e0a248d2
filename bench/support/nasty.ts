// Bodies that are built to hurt, for bench/doors.ts: by the door's shape, from a seed, at most 100 KB.

/** Path of a route that takes a JSON body. */
export type DoorPath = string;

const MAX_CHARS = 100_000;
const OPERATORS = [
  "prefix",
  "suffix",
  "wildcard",
  "glob",
  "equals-ignore-case",
  "cidr",
  "anything-but",
  "not",
];
const TEXTS = [
  "a",
  "*",
  "**/",
  "{a,b}",
  "?",
  "[a-z]",
  "İ",
  "ς",
  "/",
  ".",
  "\\\\",
  "9",
  "-",
  "e",
  ":",
  "\u0000",
  "😀",
];

/** Chance from a seed: the same numbers on every machine. */
function chance(seed: number) {
  let state = seed >>> 0 || 1;
  const next = () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x6d2b79f5) >>> 0;
    return ((state ^ (state >>> 13)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number) => Math.floor(next() * limit);
  return { below, pick: <T>(list: readonly T[]): T => list[below(list.length)] as T };
}
type Chance = ReturnType<typeof chance>;

const times = <T>(count: number, make: (i: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => make(i));
const record = (count: number, make: (i: number) => [string, unknown]) =>
  Object.fromEntries(times(count, make));

/** JSON text of brackets inside each other, which JSON.stringify could not write. */
const deep = (levels: number) => `${'{"a":['.repeat(levels)}1${"]}".repeat(levels)}`;

function textOf(random: Chance, length: number): string {
  const unit = times(1 + random.below(4), () => random.pick(TEXTS)).join("");
  return unit.repeat(Math.ceil(length / unit.length)).slice(0, length);
}

function operatorOf(random: Chance, depth = 0): unknown {
  const name = random.pick(OPERATORS);
  const length = random.pick([1, 10, 100, 1000, 1020]);
  if (name === "not" && depth < 12) return { not: operatorOf(random, depth + 1) };
  if (name === "anything-but") return { "anything-but": times(random.pick([1, 100, 900]), (i) => `${i}`) };
  if (name === "cidr")
    return { cidr: random.pick(["10.0.0.0/8", "::/0", "2001:db8::/32", textOf(random, 40)]) };
  if (random.below(4) === 0) return { numeric: [">", random.below(9), "<", random.below(99) + 10] };
  return { [name]: textOf(random, length) };
}

/** Filters, from a little over what is accepted to far beyond it. */
const FILTERS: Record<string, (random: Chance) => unknown> = {
  dots: (random) => ({
    [random.pick(["", "payload.", "tags."]) +
      times(random.pick([8, 15, 16, 200, 5000]), () => "a").join(".")]: ["x"],
  }),
  "many dots": (random) =>
    record(random.pick([60, 400]), (i) => [`${i}.${times(14, () => "a").join(".")}`, ["x"]]),
  glob: (random) => ({
    key: times(random.pick([1, 19, 60]), () => ({
      glob: textOf(random, random.pick([30, 1000, 1024, 30_000])),
    })),
  }),
  wildcard: (random) => ({
    key: times(random.pick([1, 19, 30]), (i) => ({
      wildcard: `*${"a".repeat(random.pick([3, 900]))}b*${i}`,
    })),
  }),
  braces: (random) => ({
    key: [{ glob: random.pick(["{a}", "{a,b}", "{{a}", "{a,{b,c}}"]).repeat(random.pick([5, 200, 10_000])) }],
  }),
  operators: (random) =>
    record(random.pick([3, 30, 300]), (i) => [`m${i}`, times(random.pick([1, 5]), () => operatorOf(random))]),
  "key operators": (random) => ({ key: times(random.pick([5, 30, 900]), () => operatorOf(random)) }),
  $or: (random) => ({
    ...record(random.pick([0, 5, 1500]), (i) => [`c${i}`, i]),
    $or: times(random.pick([10, 300, 999, 5000]), () => record(random.pick([1, 5, 40]), (i) => [`m${i}`, i])),
  }),
  "$or inside $or": (random) =>
    times(random.pick([3, 8, 40]), (i) => i).reduce<object>((inner) => ({ $or: [inner, { a: 1 }, inner] }), {
      b: 1,
    }),
  "$or beside $or": (random) => ({
    payload: record(random.pick([2, 3, 10]), (i) => [
      `p${i}`,
      { $or: times(random.pick([2, 10, 31]), (j) => ({ [`x${j}`]: [j] })) },
    ]),
  }),
  lists: (random) => ({ key: times(random.pick([900, 1001, 20_000]), (i) => (i % 2 ? i : `k${i}`)) }),
  spellings: (random) =>
    record(random.pick([250, 1000]), (i) => [
      [...i.toString(2).padStart(10, "0")].map((bit) => (bit === "1" ? "A" : "a")).join(""),
      [`x${i}`, `y${i}`],
    ]),
  sizes: (random) => ({
    size: times(random.pick([1, 30]), () => `>${" ".repeat(random.pick([10, 1000, 40_000]))}x`),
  }),
  times: (random) => ({
    time: times(random.pick([1, 900]), () => ({ daily: [textOf(random, 5), "06:00"] })),
  }),
  folded: (random) => ({
    payload: { a: times(random.pick([20, 900]), (i) => ({ prefix: { "equals-ignore-case": `a${i}` } })) },
  }),
  faces: () => ({ payload: record(8, (i) => [`l${i % 2}.f${i}`, [1]]) }),
};

const EVENTS: Record<string, (random: Chance) => unknown> = {
  plain: () => ({ bucket: "b", key: "uploads/a.jpg", size: 1 }),
  "long key": (random) => ({ key: textOf(random, random.pick([1000, 40_000])), size: 1, metadata: {} }),
  "long payload": (random) => ({ payload: { a: textOf(random, 60_000), p0: { x0: 0 } } }),
  "wide payload": () => ({ payload: record(4000, (i) => [`a${i}`, [i, "x"]]) }),
  metadata: (random) => ({
    key: "a",
    metadata: record(random.pick([10, 1000]), (i) => [`m${i}`, textOf(random, 20)]),
  }),
  elements: (random) => ({
    payload: record(2, (i) => [`l${i}`, times(random.pick([30, 900]), () => record(8, (j) => [`f${j}`, 1]))]),
  }),
};

/** Anything at all, in whichever place. */
const ANYTHING: Record<string, (random: Chance) => string> = {
  deep: (random) => deep(random.pick([20, 60, 70, 5000, 12_000])),
  "deep lists": (random) => "[".repeat(random.pick([100, 40_000])),
  wide: (random) => JSON.stringify(record(random.pick([10, 9000]), (i) => [`k${i}`, i])),
  long: (random) => JSON.stringify(textOf(random, 60_000)).slice(0, 90_000),
  numbers: () => `[${times(20_000, () => "1e9").join(",")}]`,
  digits: () => "9".repeat(90_000),
  escapes: () => `"${"\\u202e".repeat(15_000)}"`,
  proto: () => '{"__proto__":{"a":1},"constructor":{"prototype":{"a":1}}}',
  null: () => "null",
};

/** Bodies that each door takes, with a hole for the nasty part; a person would send the first of them. */
const SHAPES: Record<DoorPath, ((hole: string, filter: string, event: string) => string)[]> = {
  "/v1/filters/test": [
    (_, filter, event) => `{"filter":${filter},"event":${event}}`,
    (hole) => `{"filter":${hole},"event":{}}`,
    (hole) => `{"filter":{},"event":{"payload":${hole}}}`,
  ],
  "/v1/filters/diff": [
    (_, filter) => `{"alias":"echo","filters":${filter}}`,
    (hole) => `{"alias":"echo","filters":${hole}}`,
  ],
  "/v1/replays": [
    (_, filter) => `{"select":{"kind":"events"},"aliases":["echo"],"dry_run":true,"filter":${filter}}`,
    (hole) => `{"select":${hole},"aliases":["echo"]}`,
    (hole) => `{"select":{"kind":"stale"},"aliases":${hole}}`,
  ],
  "/v1/audits": [(hole) => `{"alias":"echo","prefix":${hole}}`],
  "/v1/objects": [(hole) => `{"connection":"conn_media","bucket":"test-media","key":${hole}}`],
  "/v1/pipelines/{alias}/invoke": [
    (hole) => `{"payload":${hole}}`,
    (hole) => `{"bucket":"test-media","key":${hole}}`,
    (hole) => `{"payload":1,"metadata":${hole}}`,
  ],
  "/v1/dead-letters/redrive": [(hole) => `{"run_ids":${hole}}`, (hole) => `{"alias":${hole}}`],
  "/v1/dead-letters/drop": [
    (hole) => `{"run_ids":${hole},"reason":"x"}`,
    (hole) => `{"all":true,"reason":${hole}}`,
  ],
  "/v1/keys": [(hole) => `{"name":"x","scopes":${hole}}`, (hole) => `{"name":${hole},"scopes":["read"]}`],
  "/v1/connections/conn_media/events": [
    (hole) => `{"Records":${hole}}`,
    (hole) => `{"Records":[{"s3":${hole}}]}`,
  ],
};
const anyShape = [(hole: string) => hole, (hole: string) => `{"reason":${hole}}`];
const shapesOf = (door: DoorPath) => [...(SHAPES[door] ?? []), ...anyShape];

/** A body that a person might send, to compare with. */
export const plainBody = (door: DoorPath): string =>
  (SHAPES[door]?.[0] ?? anyShape[1])?.('"x"', '{"key":[{"suffix":".txt"}]}', '{"key":"a.txt"}') ?? "{}";

/** The body of a seed, and what kind it is of. */
export function nastyBody(door: DoorPath, seed: number): { kind: string; body: string } {
  const random = chance(seed);
  for (let n = 0; n < 20; n++) {
    const [filter, event, hole] = [FILTERS, EVENTS, ANYTHING].map((kinds) => random.pick(Object.keys(kinds)));
    const shapes = shapesOf(door);
    const which = random.below(2) ? 0 : random.below(shapes.length);
    const body = shapes[which]?.(
      ANYTHING[hole ?? ""]?.(random) ?? "null",
      JSON.stringify(FILTERS[filter ?? ""]?.(random)),
      JSON.stringify(EVENTS[event ?? ""]?.(random)),
    );
    const takesFilter = which === 0 && /filters|replays/.test(door);
    if (body && body.length <= MAX_CHARS)
      return { kind: takesFilter ? `${filter}, ${event}` : (hole ?? ""), body };
  }
  return { kind: "plain", body: plainBody(door) };
}
