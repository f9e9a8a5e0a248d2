// Media that say of themselves that they must be turned to be upright.
import { Buffer } from "node:buffer";

/** The film, held sideways: a quarter turn clockwise in its track's matrix. */
export function sideways(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  const at = copy.indexOf("tkhd") + 4 + 40;
  [0, 0x10000, 0, -0x10000, 0, 0].forEach((value, i) => {
    copy.writeInt32BE(value, at + i * 4);
  });
  return copy;
}
/** The JPEG with an EXIF orientation, 1 to 8. */
export function exif(bytes: Buffer, orientation: number): Buffer {
  const tiff = Buffer.from("4d4d002a00000008000101120003000000010000000000000000", "hex");
  tiff.writeUInt16BE(orientation, 18);
  const body = Buffer.concat([Buffer.from("Exif\0\0", "latin1"), tiff]);
  const head = Buffer.from([0xff, 0xe1, 0, body.length + 2]);
  return Buffer.concat([bytes.subarray(0, 2), head, body, bytes.subarray(2)]);
}
