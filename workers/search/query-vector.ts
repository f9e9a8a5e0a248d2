// A query's vector as the kernel takes it: int16 for products with int8 rows, and a binary code for those that keep only
// codes in memory. Pure.

/** Greatest sum of products of a row and a query that fits 32 bits. */
const MAX_SUM = 2 ** 31 - 1;
const MAX_INT8 = 127;
const MAX_INT16 = 32_767;

/** A query as int16, as large as no row can make its sum overflow, and its length. */
export interface QueryVector {
  values: Int16Array;
  length: number;
}

export function queryVector(values: Float32Array): QueryVector {
  let greatest = 0;
  let sum = 0;
  for (const value of values) {
    greatest = Math.max(greatest, Math.abs(value));
    sum += Math.abs(value);
  }
  // Rounding may add a half to each number.
  const room = MAX_SUM / MAX_INT8 - values.length;
  const scale = greatest === 0 ? 0 : Math.min(MAX_INT16 / greatest, room / sum);
  const scaled = Int16Array.from(values, (value) => Math.round(value * scale));
  return { values: scaled, length: Math.sqrt(squaresOf(scaled)) };
}

const squaresOf = (values: Int16Array): number => {
  let sum = 0;
  for (const value of values) sum += value * value;
  return sum;
};

/** Cosine of the angle between a query and a row, given their product: 0 where either has no length. */
export const cosine = (product: number, query: QueryVector, squares: number): number =>
  squares === 0 || query.length === 0 ? 0 : product / (query.length * Math.sqrt(squares));

export function product(query: Int16Array, row: Int8Array): number {
  let sum = 0;
  for (let i = 0; i < row.length; i++) sum += (query[i] ?? 0) * (row[i] ?? 0);
  return sum;
}

/** One bit for each number: whether it is greater than the middle of its dimension. `length` is the vector's own. */
export function codeOf(
  values: ArrayLike<number>,
  length: number,
  middle: Float64Array,
  code = new Uint8Array(Math.ceil(values.length / 8)),
): Uint8Array {
  code.fill(0);
  for (let i = 0; i < values.length; i++)
    if ((values[i] ?? 0) > (middle[i] ?? 0) * length) code[i >> 3] = (code[i >> 3] ?? 0) | (1 << (i & 7));
  return code;
}
