// The names of formats that are known and not read, by a file's first bytes, so that a refusal can say what the
// file is rather than only what it is not.

/** A name, and where in the file which bytes stand; letters are Latin-1. */
type Signature = [name: string, at: number, bytes: string];

const SIGNATURES: Signature[] = [
  ["a HEIF picture of a codec other than HEVC and AV1", 4, "ftypmif1"],
  ["a Canon raw photograph (CR3)", 4, "ftypcrx "],
  ["a Canon raw photograph (CR2)", 8, "CR"],
  ["a JPEG XL picture", 0, "\0\0\0\x0cJXL "],
  ["a JPEG XL picture", 0, "\xff\x0a"],
  ["a JPEG 2000 picture", 0, "\0\0\0\x0cjP  "],
  ["a JPEG 2000 picture", 0, "\xff\x4f\xff\x51"],
  ["a Photoshop document", 0, "8BPS"],
  ["a bitmap (BMP)", 0, "BM"],
  ["an icon (ICO)", 0, "\0\0\x01\0"],
  ["an OpenEXR picture", 0, "\x76\x2f\x31\x01"],
  ["a Radiance picture", 0, "#?RADIANCE"],
  ["a BigTIFF picture", 0, "II\x2b\0"],
  ["a BigTIFF picture", 0, "MM\0\x2b"],
  ["a Panasonic raw photograph", 0, "IIU\0"],
  ["a Fujifilm raw photograph", 0, "FUJIFILM"],
  ["an SVG drawing", 0, "<svg"],
  ["an XML document (perhaps an SVG drawing)", 0, "<?xml"],
  ["a PDF document", 0, "%PDF"],
  ["a PostScript document", 0, "%!PS"],
  ["a playlist (HLS), which names other files", 0, "#EXTM3U"],
  ["a Flash film (FLV)", 0, "FLV\x01"],
  ["a Windows Media film (ASF)", 0, "\x30\x26\xb2\x75\x8e\x66\xcf\x11"],
  ["a RealMedia film", 0, ".RMF"],
  ["an MPEG program stream (VOB, MPG)", 0, "\0\0\x01\xba"],
  ["an MPEG video stream without a container", 0, "\0\0\x01\xb3"],
  ["an H.264 or HEVC stream without a container", 0, "\0\0\0\x01"],
  ["an AV1 or VP9 stream without a container (IVF)", 0, "DKIF"],
  ["a film in MXF", 0, "\x06\x0e\x2b\x34\x02\x05\x01\x01"],
  ["raw video (Y4M)", 0, "YUV4MPEG2"],
  ["an AIFF sound file", 8, "AIF"],
  ["an AMR sound file", 0, "#!AMR"],
  ["an AAC sound file (ADTS)", 0, "\xff\xf1"],
  ["a MIDI file", 0, "MThd"],
  ["a ZIP archive", 0, "PK\x03\x04"],
  ["a gzip archive", 0, "\x1f\x8b"],
  ["a web page", 0, "<!DOCTYPE"],
  ["a web page", 0, "<html"],
];

/** What a file is that begins so, with its article, or undefined. */
export function unreadFormat(head: Uint8Array): string | undefined {
  const text = String.fromCharCode(...head.subarray(0, 32));
  return SIGNATURES.find(([, at, bytes]) => text.startsWith(bytes, at))?.[0];
}
