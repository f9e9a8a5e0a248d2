// The main colours of a picture: a histogram of 4 bits a channel, its neighbouring buckets merged. Pure, and
// the same for the same pixels every time.

export interface Colour {
  /** `#rrggbb`: the mean of the pixels it stands for. */
  hex: string;
  /** Of the picture's area, 0 to 1. */
  share: number;
}

interface Bucket {
  index: number;
  count: number;
  sum: [number, number, number];
}

/** Colours with less of the picture than this are left out. */
const MIN_SHARE = 0.01;

/** Up to `most` colours of rgb24 pixels, the largest first. */
export function mainColours(rgb: Uint8Array, maxColours = 5): Colour[] {
  const buckets = new Map<number, Bucket>();
  for (let i = 0; i + 2 < rgb.length; i += 3) {
    const [r, g, b] = [rgb[i] ?? 0, rgb[i + 1] ?? 0, rgb[i + 2] ?? 0];
    const index = ((r >> 4) << 8) | ((g >> 4) << 4) | (b >> 4);
    const bucket = buckets.get(index) ?? { index, count: 0, sum: [0, 0, 0] };
    buckets.set(index, bucket);
    add(bucket, { index, count: 1, sum: [r, g, b] });
  }
  const left = [...buckets.values()].sort((a, b) => b.count - a.count || a.index - b.index);
  const pixels = rgb.length / 3;
  const colours: Bucket[] = [];
  while (left.length > 0) {
    const [peak] = left;
    if (peak === undefined) break;
    const near = left.filter((bucket) => touching(bucket.index, peak.index));
    const merged: Bucket = { index: peak.index, count: 0, sum: [0, 0, 0] };
    for (const bucket of near) {
      add(merged, bucket);
      left.splice(left.indexOf(bucket), 1);
    }
    colours.push(merged);
  }
  return colours
    .sort((a, b) => b.count - a.count || a.index - b.index)
    .filter((colour) => colour.count >= MIN_SHARE * pixels)
    .slice(0, maxColours)
    .map(({ count, sum }) => ({
      hex: `#${sum
        .map((channel) =>
          Math.round(channel / count)
            .toString(16)
            .padStart(2, "0"),
        )
        .join("")}`,
      share: Math.round((count / pixels) * 1e4) / 1e4,
    }));
}

function add(to: Bucket, from: Bucket): void {
  to.count += from.count;
  to.sum = [to.sum[0] + from.sum[0], to.sum[1] + from.sum[1], to.sum[2] + from.sum[2]];
}

/** Buckets at most one step apart in each channel. */
function touching(a: number, b: number): boolean {
  return [8, 4, 0].every((shift) => Math.abs(((a >> shift) & 15) - ((b >> shift) & 15)) <= 1);
}
