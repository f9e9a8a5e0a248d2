// Files made to harm, and URLs made to reach what they should not: each is refused in time, nothing is
// asked of the canary, nothing stays behind.
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32, deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeImage, makeVideo } from "../../cli/sample-media/media.ts";
import { type RunningServer, startServer } from "../../workers/compute/server/main.ts";
import { isPublic, originsOf } from "../../workers/compute/server/objects/address.ts";
import { post, SIGNATURE, type Source, startSource } from "./source.ts";

let folder: string;
let source: Source;
let canary: Source;
let compute: RunningServer;
let film: Buffer;
let matroska: Buffer;
let jpeg: Buffer;
const outer = process.env.TMPDIR;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "weir-test-"));
  process.env.TMPDIR = await mkdtemp(join(folder, "server-"));
  [source, canary] = await Promise.all([startSource(), startSource()]);
  compute = await startServer({ port: 0, log: () => {}, allowOrigins: [source.origin] });
  const made = async (name: string) => {
    await makeVideo(join(folder, name), { seconds: 2, width: 320, height: 180 });
    return readFile(join(folder, name));
  };
  film = await made("film.mp4");
  matroska = await made("film.mkv");
  jpeg = await makeImage();
  // The first job of each child also loads the decoders.
  const url = source.put("/warm.mp4", film);
  await Promise.all([1, 2].map(() => post(compute.url, "/v1/split", { url })));
});
afterAll(async () => {
  await compute.close();
  const left = await readdir(process.env.TMPDIR ?? folder);
  if (outer === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = outer;
  await Promise.all([source.close(), canary.close(), rm(folder, { recursive: true })]);
  expect(left).toEqual([]);
});

const patched = (bytes: Buffer, at: number, write: (copy: Buffer) => void) => {
  if (at < 0) throw new Error("nothing to patch");
  const copy = Buffer.from(bytes);
  write(copy);
  return copy;
};

/** A PNG that says it is larger than it is. */
function hugePng(side: number): Buffer {
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    sum.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, sum]);
  };
  const header = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 8, 2, 0, 0, 0]);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  const signature = Buffer.from("89504e470d0a1a0a", "hex");
  const rows = chunk("IDAT", deflateSync(Buffer.alloc(1000)));
  return Buffer.concat([signature, chunk("IHDR", header), rows, chunk("IEND", Buffer.alloc(0))]);
}

function hugeJpeg(side: number): Buffer {
  const at = jpeg.indexOf(Buffer.from("ffc0", "hex"));
  return patched(jpeg, at, (copy) => {
    copy.writeUInt16BE(side, at + 5);
    copy.writeUInt16BE(side, at + 7);
  });
}

const hugeGif = (side: number) => {
  const head = Buffer.from(
    "GIF89a\0\0\0\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\0\0\0\0\0\x02\x02D\x01\0;",
    "latin1",
  );
  for (const at of [6, 8, 24, 26]) head.writeUInt16LE(side, at);
  return head;
};

/** The film's only track, a thousand times over. */
function manyStreams(count: number): Buffer {
  const moov = film.indexOf("moov") - 4;
  const trak = film.indexOf("trak") - 4;
  const size = film.readUInt32BE(trak);
  const track = film.subarray(trak, trak + size);
  const all = Buffer.concat([
    film.subarray(0, trak),
    ...Array(count).fill(track),
    film.subarray(trak + size),
  ]);
  all.writeUInt32BE(film.readUInt32BE(moov) + (count - 1) * size, moov);
  return all;
}

/** Says of itself that it lasts for hours. */
const tenHours = () => {
  const at = film.indexOf("mdhd");
  return patched(film, at, (copy) => copy.writeUInt32BE(film.readUInt32BE(at + 16) * 36_000, at + 20));
};
const tenHoursMatroska = () => {
  const at = matroska.indexOf(Buffer.from("448988", "hex"));
  return patched(matroska, at, (copy) => copy.writeDoubleBE(36_000_000, at + 3));
};

/** A film whose samples are in another file, which it names. */
const elsewhere = () => {
  const at = film.indexOf("url ");
  const url = Buffer.from(`${canary.origin}/a.mov\0`);
  const grown = Buffer.concat([film.subarray(0, at + 8), url, film.subarray(at + 8)]);
  grown.writeUInt32BE(0, at + 4);
  for (const type of ["url ", "dref", "dinf", "minf", "mdia", "trak", "moov"]) {
    const box = grown.lastIndexOf(type, at) - 4;
    grown.writeUInt32BE(grown.readUInt32BE(box) + url.length, box);
  }
  return grown;
};

/** A WAV of a second, with what is said of it. */
function wav({ channels = 1, rate = 16_000 }): Buffer {
  const head = Buffer.from("RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0", "latin1");
  const format = Buffer.alloc(14);
  format.writeUInt16LE(channels);
  format.writeUInt32LE(rate, 2);
  format.writeUInt16LE((2 * channels) % 65_536, 10);
  format.writeUInt16LE(16, 12);
  const data = Buffer.from("data\0\x7d\0\0", "latin1");
  return Buffer.concat([head, format, data, Buffer.alloc(32_000, 0x33)]);
}

function zipBomb(): Buffer {
  const packed = deflateRawSync(Buffer.alloc(20_000_000));
  const head = Buffer.alloc(30);
  head.write("PK\x03\x04", "latin1");
  head.writeUInt16LE(8, 8);
  head.writeUInt32LE(packed.length, 18);
  head.writeUInt32LE(20_000_000, 22);
  return Buffer.concat([head, packed]);
}

const text = (body: (origin: string) => string) => () => Buffer.from(body(canary.origin));
const hostile: [string, () => Uint8Array][] = [
  [
    "playlist.mp4",
    text((at) => `#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n${at}/1.ts\n#EXT-X-ENDLIST\n`),
  ],
  ["concat.mp4", text((at) => `ffconcat version 1.0\nfile '${at}/a.mp4'\n`)],
  ["dash.mp4", text((at) => `<?xml version="1.0"?><MPD><BaseURL>${at}/</BaseURL></MPD>`)],
  ["session.mp4", text((at) => `v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\na=control:${at}\n`)],
  ["drawing.png", text((at) => `<svg xmlns="http://www.w3.org/2000/svg"><image href="${at}/a.png"/></svg>`)],
  ["text.mp4", () => Buffer.from("only text\n".repeat(1000))],
  ["empty.mp4", () => Buffer.alloc(0)],
  ["truncated.mp4", () => film.subarray(0, film.length / 2)],
  ["gzip.mp4", () => gzipSync(Buffer.alloc(20_000_000))],
  ["zip.mp4", zipBomb],
  ["streams.mp4", () => manyStreams(1000)],
  ["hours.mp4", tenHours],
  ["hours.mkv", tenHoursMatroska],
  [
    "tag.mp3",
    () => Buffer.concat([Buffer.from("ID3\x04\0\0\x7f\x7f\x7f\x7f", "latin1"), Buffer.alloc(70_000)]),
  ],
  ["channels.wav", () => wav({ channels: 65_535 })],
  ["rate.wav", () => wav({ rate: 0xffff_ffff })],
  ["none.wav", () => wav({ channels: 0, rate: 0 })],
  ["text.flac", () => Buffer.from(`fLaC${"only text ".repeat(1000)}`)],
  ["text.ogg", () => Buffer.from(`OggS\0${"only text ".repeat(1000)}`)],
  ["huge.png", () => hugePng(60_000)],
  ["huge.jpg", () => hugeJpeg(60_000)],
  ["huge.gif", () => hugeGif(60_000)],
];

describe("a hostile file is refused for good within two seconds, and reaches nothing", () => {
  test.each(hostile)("%s", async (name, bytes) => {
    const url = source.put(`/uploads/${name}`, bytes());
    const kind = /(png|jpg|gif)$/.test(name) ? "image" : "video";
    const embed = { items: [{ url, ...(kind === "video" && { span: { start: 0, end: 10 } }) }], kind };
    const span = { start: 0, end: 2 };
    const films: [string, object][] = [
      ["/v1/split", { url }],
      ["/v1/split", { url, scenes: {} }],
      ["/v1/clip", { url, span }],
      ["/v1/audio", { url, span }],
      ["/v1/speech", { url }],
    ];
    const calls: [string, object][] = [
      ...(kind === "image" ? ([["/v1/image", { url }]] as [string, object][]) : films),
      ["/v1/frames", { url, at: [0] }],
      ["/v1/embed", { ...embed, model: "weir/hog-512" }],
    ];
    for (const [path, body] of calls) {
      // What a film says of its length does not keep its frames from being shown and embedded.
      if (name.startsWith("hours") && !["/v1/split", "/v1/audio", "/v1/speech"].includes(path)) continue;
      const began = performance.now();
      const got = await post(compute.url, path, body);
      expect(performance.now() - began).toBeLessThan(2000);
      const failure = got.lines[0].failure ?? got.lines[0].error;
      expect(failure).toMatchObject({ kind: "bad_media", where: `uploads/${name}` });
      expect(got.text).not.toContain(SIGNATURE);
    }
    expect(canary.sent.requests).toBe(0);
  });

  test("a film that names another file for its frames is read from its own, if at all", async () => {
    const url = source.put("/uploads/elsewhere.mov", elsewhere());
    expect((await post(compute.url, "/v1/split", { url })).status).toBeOneOf([200, 422]);
    expect(canary.sent.requests).toBe(0);
  });

  test("and the server still serves", async () => {
    const got = await post(compute.url, "/v1/split", { url: source.put("/fine.mp4", film) });
    expect(got.status).toBe(200);
  });
});

describe("only public hosts are read", () => {
  const at = (host: string) => () => `http://${host}:${new URL(canary.origin).port}/a.mp4`;
  test.each<[string, () => string]>([
    ["loopback", at("127.0.0.1")],
    ["another loopback", at("127.8.8.8")],
    ["loopback by name", at("localhost")],
    ["loopback by name over https", () => at("localhost")().replace("http:", "https:")],
    ["loopback as a number", at("2130706433")],
    ["loopback in hex", at("0x7f.1")],
    ["loopback in octal", at("0177.0.0.1")],
    ["loopback, short", at("127.1")],
    ["loopback in full-width digits", at("１２７.０.０.１")],
    ["IPv4 in IPv6, in hex", at("[::ffff:7f00:1]")],
    ["this host", at("0.0.0.0")],
    ["IPv6 loopback", at("[::1]")],
    ["IPv4 in IPv6", at("[::ffff:127.0.0.1]")],
    ["a private network", () => "https://10.0.0.1/a.mp4"],
    ["another", () => "https://192.168.1.1/a.mp4"],
    ["a metadata service", () => "http://169.254.169.254/latest/meta-data/"],
    ["a metadata service over IPv6", () => "https://[fd00:ec2::254]/latest/"],
    ["a public host in the clear", () => "http://8.8.8.8/a.mp4"],
  ])("not %s", async (_name, url) => {
    const got = await post(compute.url, "/v1/split", { url: url() });
    expect([got.status, got.lines[0].failure.kind]).toEqual([403, "forbidden"]);
    expect(canary.sent.requests).toBe(0);
  });

  test("nor where a redirect leads", async () => {
    const headers = { location: `${canary.origin}/a.mp4` };
    const url = source.answer("/moved.mp4", (_request, response) => response.writeHead(302, headers).end());
    expect((await post(compute.url, "/v1/split", { url })).lines[0].failure.kind).toBe("source_refused");
    expect(canary.sent.requests).toBe(0);
  });

  test("nor more than was asked for, however much comes", async () => {
    const url = source.answer("/endless.mp4", (_request, response) => {
      response.writeHead(206, { "content-range": "bytes 0-99/100" });
      const more = () => {
        if (response.destroyed) return;
        response.write(Buffer.alloc(65_536));
        setImmediate(more);
      };
      more();
    });
    expect((await post(compute.url, "/v1/split", { url })).lines[0].failure.kind).toBe("source_refused");
  });

  test.each([
    ["8.8.8.8", true],
    ["2606:4700:4700::1111", true],
    ["172.32.0.1", true],
    ["172.16.0.1", false],
    ["100.64.0.1", false],
    ["224.0.0.1", false],
    ["255.255.255.255", false],
    ["fe80::1", false],
    ["64:ff9b::7f00:1", false],
    ["2002:7f00:1::", false],
    ["::", false],
    ["no address", false],
  ])("%s: %s", (address, expected) => expect(isPublic(address)).toBe(expected));

  test("no IPv4 address is more public in its IPv6 forms", () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        const [a = 0, b = 0, c = 0, d = 0] = address.split(".").map(Number);
        const hex = [a * 256 + b, c * 256 + d].map((part) => part.toString(16)).join(":");
        for (const form of [`::ffff:${hex}`, `::${hex}`, `64:ff9b::${hex}`, `2002:${hex}::`])
          expect(isPublic(form)).toBe(false);
      }),
    );
  });

  test("origins to allow are listed with commas", () => {
    expect(originsOf(" http://127.0.0.1:80/x , https://a.test")).toEqual([
      "http://127.0.0.1",
      "https://a.test",
    ]);
    expect(originsOf(undefined)).toEqual([]);
    expect(() => originsOf("no url")).toThrow();
  });
});
