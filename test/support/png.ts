// PNG by hand, both ways: pictures whose every pixel a test knows, and pixels of pictures that Weir made. RGB of
// 8 bits, without interlacing. Shares nothing with the code under test.
import { crc32, deflateSync, inflateSync } from "node:zlib";

type Rgb = [number, number, number];

/** A PNG in which each pixel is as `pixel` says. */
export function png(width: number, height: number, pixel: (x: number, y: number) => Rgb): Buffer {
  const rows = Buffer.alloc((width * 3 + 1) * height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) rows.set(pixel(x, y), y * (width * 3 + 1) + 1 + x * 3);
  const header = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 8, 2, 0, 0, 0]);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    sum.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, sum]);
  };
  const signature = Buffer.from("89504e470d0a1a0a", "hex");
  return Buffer.concat([
    signature,
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(rows)),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

/** The mean colour of a PNG, each channel 0 to 255. */
export function meanOf(bytes: Uint8Array): Rgb {
  const file = Buffer.from(bytes);
  const [width, height] = [file.readUInt32BE(16), file.readUInt32BE(20)];
  const data: Buffer[] = [];
  for (let at = 8; at < file.length; at += 12 + file.readUInt32BE(at))
    if (file.toString("latin1", at + 4, at + 8) === "IDAT")
      data.push(file.subarray(at + 8, at + 8 + file.readUInt32BE(at)));
  const raw = inflateSync(Buffer.concat(data));
  const stride = width * 3;
  const sum: Rgb = [0, 0, 0];
  let above = new Uint8Array(stride);
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (stride + 1)] ?? 0;
    const line = Uint8Array.from(raw.subarray(y * (stride + 1) + 1, (y + 1) * (stride + 1)));
    for (let i = 0; i < stride; i++) {
      const [a, b, c] = [line[i - 3] ?? 0, above[i] ?? 0, i < 3 ? 0 : (above[i - 3] ?? 0)];
      const left = i < 3 ? 0 : a;
      line[i] = (line[i] ?? 0) + ([0, left, b, (left + b) >> 1, paeth(left, b, c)][filter] ?? 0);
      sum[(i % 3) as 0 | 1 | 2] += line[i] ?? 0;
    }
    above = line;
  }
  return sum.map((value) => value / (width * height)) as Rgb;
}

/** The nearest of left, above and above left (PNG specification, 9.4). */
function paeth(a: number, b: number, c: number): number {
  const p = a + b - c;
  const [pa, pb, pc] = [Math.abs(p - a), Math.abs(p - b), Math.abs(p - c)];
  return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
}
