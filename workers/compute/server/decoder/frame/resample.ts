// Scaling as Pillow does it, which is what models of pictures were trained with: a filter as wide as the picture shrinks,
// cut and weighed anew at the edges, columns first and rounded to bytes, then rows. FFmpeg's scaler has another bicubic.
// Arithmetic over RGB bytes, by resample.wat. https://pillow.readthedocs.io/en/stable/handbook/concepts.html#filters

import { readFileSync } from "node:fs";

type Filter = "bicubic" | "bilinear" | "area";

export interface Size {
  width: number;
  height: number;
}

/** Part of the scaled picture that is kept. */
interface Window extends Size {
  left: number;
  top: number;
}

const SUPPORT = { bicubic: 2, bilinear: 1, area: 0.5 } as const;
/** Weights are whole numbers of this many bits behind the point; resample.wat has it, too. */
const BITS = 22;
/** Bytes of a picture that are squeezed at once: of a large one, band by band. */
const BAND_BYTES = 8_388_608;
/** Bytes that the kernel may read and write past an end. */
const SLACK_BYTES = 16;
const PAGE_BYTES = 65_536;

/** Takes places in its memory and counts, in the order of resample.wat. */
type Calculation = (...values: number[]) => void;

interface Kernel {
  memory: { buffer: ArrayBuffer; grow(pages: number): void };
  squeeze: Calculation;
  stack: Calculation;
}
const kernel = openKernel();

function openKernel(): Kernel {
  // Node's types leave WebAssembly to the browser's.
  const { Module, Instance } = (globalThis as unknown as Assembly).WebAssembly;
  return new Instance(new Module(readFileSync(new URL("resample.wasm", import.meta.url)))).exports;
}
interface Assembly {
  WebAssembly: {
    Module: new (bytes: Uint8Array) => object;
    Instance: new (module: object) => { exports: Kernel };
  };
}

/** A window of an RGB picture of `from` brought to the size `to`, rows without padding. */
export function resampled(rgb: Uint8Array, from: Size, to: Size, filter: Filter, window: Window): Buffer {
  const rows = weightsOf(from.height, to.height, filter, window.top, window.height);
  const columns = weightsOf(from.width, to.width, filter, window.left, window.width);
  const first = rows.starts[0] ?? 0;
  const last = (rows.starts.at(-1) ?? 0) + (rows.counts.at(-1) ?? 0);
  const [wide, length] = [from.width * 3, window.width * 3];
  const band = Math.min(last - first, Math.max(1, Math.floor(BAND_BYTES / wide)));
  const places = placesOf([
    ...[...tablesOf(columns), ...tablesOf(rows)].map((table) => table.byteLength),
    ...[band * wide, (last - first) * length, window.height * length],
  ]);
  const bytes = new Uint8Array(kernel.memory.buffer);
  const [starts, counts, weights, rowStarts, rowCounts, rowWeights, source, narrow, out] = places;
  for (const [n, table] of [...tablesOf(columns), ...tablesOf(rows)].entries())
    bytes.set(new Uint8Array(table.buffer), places[n] ?? 0);
  for (let y = first; y < last; y += band) {
    const height = Math.min(band, last - y);
    bytes.set(rgb.subarray(y * wide, (y + height) * wide), source);
    const to = narrow + (y - first) * length;
    const { most } = columns;
    kernel.squeeze(source, from.width, height, starts, counts, weights, most, window.width, to);
  }
  const above = narrow - first * length;
  kernel.stack(above, length, rowStarts, rowCounts, rowWeights, rows.most, window.height, out);
  return Buffer.from(bytes.slice(out, out + window.height * length).buffer);
}

type Places = [number, number, number, number, number, number, number, number, number];

/** Where blocks of so many bytes stand in the kernel's memory, which is made large enough. */
function placesOf(sizes: readonly number[]): Places {
  let end = 0;
  const places = sizes.map((size) => {
    const at = end;
    end = Math.ceil((at + size + SLACK_BYTES) / 16) * 16;
    return at;
  });
  const lacking = end - kernel.memory.buffer.byteLength;
  if (lacking > 0) kernel.memory.grow(Math.ceil(lacking / PAGE_BYTES));
  return places as Places;
}

const tablesOf = ({ starts, counts, weights }: Weights) => [starts, counts, weights];

/** Which places of a line each place of the scaled one is made of, and by which shares. */
interface Weights {
  starts: Int32Array;
  counts: Int32Array;
  /** `most` for each place. */
  weights: Int32Array;
  most: number;
}

function weightsOf(from: number, to: number, filter: Filter, first: number, count: number): Weights {
  const scale = from / to;
  const stretch = Math.max(1, scale);
  // A length that stays is copied.
  const support = from === to ? 0.5 : SUPPORT[filter] * stretch;
  const share = from === to ? FILTERS.area : FILTERS[filter];
  const most = Math.ceil(support) * 2 + 1;
  const starts = new Int32Array(count);
  const counts = new Int32Array(count);
  const weights = new Int32Array(count * most);
  for (let place = 0; place < count; place++) {
    const centre = (first + place + 0.5) * scale;
    const start = Math.max(0, Math.trunc(centre - support + 0.5));
    const end = Math.min(from, Math.trunc(centre + support + 0.5));
    const shares = Array.from({ length: end - start }, (_, tap) =>
      share((start + tap - centre + 0.5) / stretch),
    );
    const sum = shares.reduce((total, one) => total + one, 0);
    for (const [tap, one] of shares.entries())
      weights[place * most + tap] = Math.trunc((one / sum) * 2 ** BITS + (one < 0 ? -0.5 : 0.5));
    starts[place] = start;
    counts[place] = end - start;
  }
  return { starts, counts, weights, most };
}

/** Keys' cubic with a = −0.5. */
const SHARPNESS = -0.5;
const FILTERS: Record<Filter, (distance: number) => number> = {
  area: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0),
  bilinear: (x) => Math.max(0, 1 - Math.abs(x)),
  bicubic: (signed) => {
    const x = Math.abs(signed);
    if (x < 1) return ((SHARPNESS + 2) * x - (SHARPNESS + 3)) * x * x + 1;
    if (x < 2) return (((x - 5) * x + 8) * x - 4) * SHARPNESS;
    return 0;
  },
};
