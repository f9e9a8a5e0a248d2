// Decides what a file is by its first bytes, never by its name. Only what is listed here is ever opened:
// no playlists, no concatenations, no format that names other files. unread.ts names what is not.

/** A container that FFmpeg's demuxer of this name opens. */
export interface VideoFormat {
  kind: "video";
  name: string;
  demuxer: "mov" | "matroska" | "mpegts" | "avi";
}
/** A file of which only the sound is read. */
export interface SoundFormat {
  kind: "sound";
  name: string;
  demuxer: "wav" | "mp3" | "flac" | "ogg";
}
/** What may have a sound track. */
export type HeardFormat = VideoFormat | SoundFormat;
/** A still picture: items in ISO boxes (HEIF), or one that a decoder takes whole. */
export type ImageFormat =
  | { kind: "image"; name: "AVIF" | "HEIC"; items: true }
  | { kind: "image"; name: string; decoder: "mjpeg" | "png" | "webp" | "gif" | "tiff" };
export type Format = HeardFormat | ImageFormat;

/** Bytes from the start of a file that are enough to know it. */
export const HEAD_BYTES = 2048;
/** Bytes from packet to packet of MPEG-TS: a packet by itself, with a timestamp before it, with a checksum behind it. */
const PACKET_BYTES = [188, 192, 204];
/** Major brands of still pictures in boxes (ISO/IEC 23008-12, annex B; AV1 Image File Format, 8). */
const STILL_BRANDS: Record<string, "AVIF" | "HEIC"> = {
  avif: "AVIF",
  heic: "HEIC",
  heix: "HEIC",
  heim: "HEIC",
  heis: "HEIC",
};

/** The format of a file that begins so, or undefined for anything that is not on the list. */
export function sniff(head: Uint8Array): Format | undefined {
  const text = (start: number, end: number) => String.fromCharCode(...head.subarray(start, end));
  const hex = (length: number) =>
    Array.from(head.subarray(0, length), (b) => b.toString(16).padStart(2, "0")).join("");
  if (text(4, 8) === "ftyp") return isoFormat(text(8, 12), text(16, 40));
  if (["moov", "mdat", "wide", "free", "skip", "pnot"].includes(text(4, 8))) return video("QuickTime", "mov");
  if (hex(4) === "1a45dfa3") return video("Matroska", "matroska");
  if (text(0, 4) === "RIFF" && text(8, 11) === "AVI") return video("AVI", "avi");
  if (isTransportStream(head)) return video("MPEG-TS", "mpegts");
  if (["RIFF", "RF64"].includes(text(0, 4)) && text(8, 12) === "WAVE") return sound("WAV", "wav");
  if (text(0, 4) === "fLaC") return sound("FLAC", "flac");
  if (text(0, 4) === "OggS") return sound("Ogg", "ogg");
  if (text(0, 3) === "ID3" || isMp3(head)) return sound("MP3", "mp3");
  if (hex(3) === "ffd8ff") return image("JPEG", "mjpeg");
  if (hex(8) === "89504e470d0a1a0a") return image("PNG", "png");
  if (text(0, 4) === "RIFF" && text(8, 12) === "WEBP") return image("WebP", "webp");
  if (text(0, 6) === "GIF87a" || text(0, 6) === "GIF89a") return image("GIF", "gif");
  if (text(8, 10) !== "CR" && (hex(4) === "49492a00" || hex(4) === "4d4d002a")) return image("TIFF", "tiff");
  return undefined;
}

const video = (name: string, demuxer: "mov" | "matroska" | "mpegts" | "avi"): Format => ({
  kind: "video",
  name,
  demuxer,
});
const sound = (name: string, demuxer: SoundFormat["demuxer"]): Format => ({ kind: "sound", name, demuxer });
const image = (name: string, decoder: "mjpeg" | "png" | "webp" | "gif" | "tiff"): Format => ({
  kind: "image",
  name,
  decoder,
});

/** AVIF and HEIC pictures are ISO files too: their brands say so, `avis` and `hevc` being moving ones. */
function isoFormat(major: string, compatible: string): Format | undefined {
  const brands = [major, ...(major === "mif1" ? (compatible.match(/.{4}/gs) ?? []) : [])];
  const name = brands.map((brand) => STILL_BRANDS[brand]).find(Boolean);
  if (name) return { kind: "image", name, items: true };
  if (major === "mif1" || major === "crx ") return undefined;
  return video(major === "qt  " ? "QuickTime" : "MP4", "mov");
}

/** Four packets in a row that each begin with the sync byte, wherever in the first one the file begins. */
function isTransportStream(head: Uint8Array): boolean {
  return packetsOf(head) !== undefined;
}

/** Where the first whole packet of MPEG-TS begins, and how far apart packets are. */
export function packetsOf(head: Uint8Array): { offset: number; size: number } | undefined {
  for (const size of PACKET_BYTES)
    for (let offset = 0; offset < size; offset++)
      if ([0, 1, 2, 3].every((n) => head[offset + n * size] === 0x47)) return { offset, size };
  return undefined;
}

/** Kilobits a second of MPEG-1 Layer III, and of MPEG-2 and 2.5, by their number in a frame's header. */
const MP3_RATES = [
  [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];
/** Samples a second by version and number; version 1 is none. */
const MP3_SAMPLE_RATES = [[11_025, 12_000, 8_000], [], [22_050, 24_000, 16_000], [44_100, 48_000, 32_000]];

/** Two frames of MPEG Layer III, the second where the first one ends (ISO/IEC 11172-3, 2.4.1.3). */
function isMp3(head: Uint8Array): boolean {
  const first = mp3FrameBytes(head, 0);
  return first !== undefined && mp3FrameBytes(head, first) !== undefined;
}

/** Bytes of the frame of MPEG Layer III that begins at `at`, or undefined. */
function mp3FrameBytes(head: Uint8Array, at: number): number | undefined {
  const [sync = 0, kind = 0, rates = 0] = head.subarray(at, at + 3);
  if (sync !== 0xff || (kind & 0xe6) !== 0xe2) return undefined;
  const version = (kind >> 3) & 3;
  const kilobits = MP3_RATES[version === 3 ? 0 : 1]?.[rates >> 4];
  const samples = MP3_SAMPLE_RATES[version]?.[(rates >> 2) & 3];
  if (!kilobits || !samples) return undefined;
  return Math.floor(((version === 3 ? 144_000 : 72_000) * kilobits) / samples) + ((rates >> 1) & 1);
}
