// Decides what a file is by its first bytes, never by its name. Only what is listed here is ever opened:
// no playlists, no concatenations, no format that names other files.

/** A container that FFmpeg's demuxer of this name opens. */
export interface VideoFormat {
  kind: "video";
  name: string;
  demuxer: "mov" | "matroska" | "mpegts" | "avi";
}
/** A still picture: in a container, or one that a decoder takes whole. */
export type ImageFormat =
  | { kind: "image"; name: string; demuxer: "mov" }
  | { kind: "image"; name: string; decoder: "mjpeg" | "png" | "webp" | "gif" | "tiff" };
export type Format = VideoFormat | ImageFormat;

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
  if (hex(3) === "ffd8ff") return image("JPEG", "mjpeg");
  if (hex(8) === "89504e470d0a1a0a") return image("PNG", "png");
  if (text(0, 4) === "RIFF" && text(8, 12) === "WEBP") return image("WebP", "webp");
  if (text(0, 6) === "GIF87a" || text(0, 6) === "GIF89a") return image("GIF", "gif");
  if (hex(4) === "49492a00" || hex(4) === "4d4d002a") return image("TIFF", "tiff");
  return undefined;
}

const video = (name: string, demuxer: "mov" | "matroska" | "mpegts" | "avi"): Format => ({
  kind: "video",
  name,
  demuxer,
});
const image = (name: string, decoder: "mjpeg" | "png" | "webp" | "gif" | "tiff"): Format => ({
  kind: "image",
  name,
  decoder,
});

/** AVIF and HEIF pictures are ISO files too: their major brand tells, `avis` being a moving one. */
function isoFormat(major: string, compatible: string): Format {
  if (major === "avif" || (major === "mif1" && compatible.includes("avif"))) {
    return { kind: "image", name: "AVIF", demuxer: "mov" };
  }
  return video(major === "qt  " ? "QuickTime" : "MP4", "mov");
}

/** A sync byte at the start of each of the first packets, which have 188 bytes (or 192 with a timestamp). */
function isTransportStream(head: Uint8Array): boolean {
  const synced = (size: number, offset: number) =>
    [0, 1, 2].every((n) => head[offset + n * size] === 0x47) && head.length > offset + 2 * size;
  return synced(188, 0) || synced(192, 4);
}
