import { Buffer } from "node:buffer";
import { AV_PIX_FMT_RGB24, FF_DECODER_MJPEG } from "node-av/constants";
import { Codec } from "node-av/lib";
import { describe, expect, test } from "vitest";
import { makeImage } from "../../cli/sample-media/media.ts";
import { Decoder, packetOf } from "../../workers/compute/server/decoder/film/codec.ts";
import { scaled, shownSize } from "../../workers/compute/server/decoder/film/scaler.ts";
import { degreesOf, isSideways, turned, turnOf } from "../../workers/compute/server/decoder/film/turn.ts";
import { exif } from "./turned.ts";

/** A display matrix of 16.16 numbers. */
function matrix(a: number, b: number, c: number, d: number): Buffer {
  const bytes = Buffer.alloc(36);
  for (const [at, value] of [a, b, 0, c, d].entries()) bytes.writeInt32LE(value * 65_536, at * 4);
  return bytes;
}

describe("a picture of three by two is turned", () => {
  const stored = Buffer.from("abcdef");
  test.each<[string, Buffer, string, number]>([
    ["a quarter clockwise", matrix(0, 1, -1, 0), "da eb fc", 90],
    ["half round", matrix(-1, 0, 0, -1), "fed cba", 180],
    ["a quarter the other way", matrix(0, -1, 1, 0), "cf be ad", 270],
    ["over, left to right", matrix(-1, 0, 0, 1), "cba fed", 180],
    ["over, top to bottom", matrix(1, 0, 0, -1), "def abc", 0],
    ["along its diagonal", matrix(0, 1, 1, 0), "ad be cf", 90],
  ])("%s", (_name, bytes, rows, degrees) => {
    const turn = turnOf(bytes);
    if (!turn) throw new Error("no turn");
    expect(turned(stored, 3, 2, 1, turn).toString()).toBe(rows.replaceAll(" ", ""));
    expect(isSideways(turn)).toBe(rows.length === 8);
    expect(degreesOf(turn)).toBe(degrees);
  });

  test("or left as it is, upright or askew", () => {
    for (const bytes of [null, matrix(1, 0, 0, 1), matrix(1, 1, -1, 1), Buffer.alloc(36), Buffer.alloc(3)])
      expect(turnOf(bytes)).toBeUndefined();
  });
});

test.each<[number, [number, number], string]>([
  [1, [64, 32], "left"],
  [3, [64, 32], "right"],
  [6, [32, 64], "top"],
  [8, [32, 64], "bottom"],
])("a photograph of EXIF orientation %d is shown upright", async (orientation, [width, height], red) => {
  const bytes = exif(await makeImage({ width: 64, height: 32, bands: ["#ff0000", "#0000ff"] }), orientation);
  const packet = packetOf(bytes);
  const decoder = Decoder.still(Codec.findDecoderByName(FF_DECODER_MJPEG), "photo.jpg");
  const frame = decoder.single(packet);
  if (!frame) throw new Error("no picture");
  expect(shownSize(frame)).toEqual({ width, height });
  const pixels = scaled(frame, width, height, AV_PIX_FMT_RGB24);
  const isRed = (x: number, y: number) => (pixels[(y * width + x) * 3] ?? 0) > 200;
  const [x, y] = [width >> 1, height >> 1];
  const sides = {
    left: isRed(1, y),
    right: isRed(width - 2, y),
    top: isRed(x - 2, 1),
    bottom: isRed(x - 2, height - 2),
  };
  const own = red === "left" || red === "right" ? ["left", "right"] : ["top", "bottom"];
  for (const side of own) expect([side, sides[side as keyof typeof sides]]).toEqual([side, side === red]);
  decoder.close();
  packet.free();
});
