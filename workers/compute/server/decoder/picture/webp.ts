// The first picture of an animated WebP as a WebP of its own: the decoder reads single pictures only.
import { Buffer } from "node:buffer";

/** A picture on a larger canvas. */
export interface PlacedPicture {
  bytes: Buffer;
  left: number;
  top: number;
  width: number;
  height: number;
}

/** The first frame of an animation (WebP Container Specification, "Animation"); undefined for a single picture. */
export function firstFrame(bytes: Buffer): PlacedPicture | undefined {
  let [width, height] = [0, 0];
  for (let at = 12; at + 8 <= bytes.length; ) {
    const type = bytes.toString("latin1", at, at + 4);
    const size = bytes.readUInt32LE(at + 4);
    const body = bytes.subarray(at + 8, at + 8 + size);
    if (type === "VP8X" && size >= 10)
      [width, height] = [body.readUIntLE(4, 3) + 1, body.readUIntLE(7, 3) + 1];
    if (type === "ANMF" && body.length >= 24 && width > 0) {
      const [left, top] = [body.readUIntLE(0, 3) * 2, body.readUIntLE(3, 3) * 2];
      return { bytes: webpOf(body), left, top, width, height };
    }
    at += 8 + size + (size & 1);
  }
  return undefined;
}

/** A file of the chunks of one frame, with a header where it has an alpha channel apart. */
function webpOf(frame: Buffer): Buffer {
  const chunks = frame.subarray(16);
  const head = Buffer.alloc(18);
  head.write("VP8X", 0, "latin1");
  head.writeUInt32LE(10, 4);
  head[8] = 0x10;
  frame.copy(head, 12, 6, 12);
  const extended = chunks.toString("latin1", 0, 4) === "ALPH" ? [head] : [];
  const body = Buffer.concat([...extended, chunks]);
  const riff = Buffer.from("RIFF\0\0\0\0WEBP", "latin1");
  riff.writeUInt32LE(body.length + 4, 4);
  return Buffer.concat([riff, body]);
}
