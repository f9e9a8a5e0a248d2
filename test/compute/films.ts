// The films that the tests of formats share: every container with every codec that it commonly holds, and the
// ways in which a file may be odd without being wrong, made by the project's encoders and by ffmpeg's.
import { join } from "node:path";
import { makeVideo, type VideoOptions } from "../../cli/sample-media/media.ts";
import { made } from "./judge.ts";

type Codec = NonNullable<VideoOptions["codec"]>;
const holds: Record<string, Codec[]> = {
  mp4: ["h264", "hevc", "av1", "mpeg4", "vp9"],
  mov: ["h264", "hevc", "prores", "mpeg4", "mjpeg"],
  mkv: ["h264", "hevc", "av1", "mpeg4", "vp9", "vp8", "mjpeg", "prores"],
  webm: ["vp8", "vp9", "av1"],
  ts: ["h264", "hevc"],
  avi: ["mpeg4", "mjpeg", "h264"],
};
const drawn = { seconds: 4, width: 160, height: 90, scenes: 2, gopSeconds: 1 };

/** All but `odd` and `varying`: 26 pairs. */
export const matrix: [string, VideoOptions][] = Object.entries(holds).flatMap(([container, codecs]) =>
  codecs.map((codec): [string, VideoOptions] => [`${codec}.${container}`, { ...drawn, codec }]),
);
export const odd: [string, VideoOptions][] = [
  ["faststart.mp4", { ...drawn, muxer: { movflags: "+faststart" } }],
  ["fragmented.mp4", { ...drawn, muxer: { movflags: "frag_keyframe+empty_moov" } }],
  ["dash.mp4", { ...drawn, muxer: { movflags: "dash+delay_moov+frag_keyframe" } }],
  ["late.mp4", { ...drawn, muxer: { output_ts_offset: "5000000us" } }],
  ["late.mkv", { ...drawn, muxer: { output_ts_offset: "5000000us" } }],
  ["no-edit-list.mp4", { ...drawn, muxer: { use_editlist: "0" } }],
  ["with-sound.mp4", { ...drawn, audio: true }],
  ["with-sound.mkv", { ...drawn, audio: true }],
];
/** Thirty frames a second, then ten, then thirty, then ten. */
const keep = (frame: number) => Math.floor(frame / 30) % 2 === 0 || frame % 3 === 0;
export const varying: [string, VideoOptions][] = [
  ["varying.mp4", { ...drawn, keep }],
  ["varying.mkv", { ...drawn, keep }],
  ["varying.webm", { ...drawn, keep, codec: "vp9" }],
  ["varying.ts", { ...drawn, keep }],
];

const lavfi = (source: string) => ["-f", "lavfi", "-i", source];
const pattern = lavfi("testsrc2=size=160x96:rate=25:duration=3");
const ntsc = lavfi("testsrc2=size=160x96:rate=30000/1001:duration=3");
/** A tone that rises, so that each moment sounds like no other. */
const rising = lavfi("aevalsrc=0.5*sin(2*PI*(200+150*t)*t):d=3");
const between = ["-c:v", "libx264", "-g", "25", "-bf", "3", "-b_strategy", "0", "-pix_fmt", "yuv420p"];
const hevc = ["-c:v", "libx265", "-pix_fmt", "yuv420p", "-x265-params"];
const open = [...hevc, "keyint=25:bframes=4:open-gop=1:log-level=none"];
const thinned = ["-vf", "select='not(mod(n,3))+lt(n,40)'", "-vsync", "vfr"];
const bt709 = ["-vf", "scale=out_color_matrix=bt709", "-colorspace", "bt709"];
const full = ["-vf", "scale=out_range=full", "-color_range", "pc"];
const sound = ["-c:a", "aac", "-shortest"];

/** Made by ffmpeg: what it is given; a name in `from` is another of these, already made. */
export const theirs: [string, { from?: string; args: string[] }][] = [
  ["b-frames.mp4", { args: [...pattern, ...between] }],
  ["b-frames.mov", { args: [...pattern, ...between] }],
  ["b-frames.mkv", { args: [...pattern, ...between] }],
  ["b-frames.ts", { args: [...pattern, ...between] }],
  ["b-frames.avi", { args: [...pattern, ...between] }],
  ["b-frames-mpeg4.avi", { args: [...pattern, "-c:v", "mpeg4", "-bf", "2", "-g", "25"] }],
  [
    "b-frames-fragmented.mp4",
    { args: [...pattern, ...between, "-movflags", "frag_keyframe+empty_moov+default_base_moof"] },
  ],
  ["b-frames-and-sound.mp4", { args: [...pattern, ...rising, ...between, ...sound] }],
  ["b-frames-and-sound.ts", { args: [...pattern, ...rising, ...between, ...sound] }],
  ["open.mp4", { args: [...pattern, ...open] }],
  ["open.mkv", { args: [...pattern, ...open] }],
  ["open.ts", { args: [...pattern, ...open] }],
  [
    "ten-bits.mp4",
    { args: [...pattern, "-c:v", "libx265", "-pix_fmt", "yuv420p10le", "-x265-params", "log-level=none"] },
  ],
  ["interlaced.ts", { args: [...pattern, ...between, "-flags", "+ildct+ilme"] }],
  ["mpeg2.ts", { args: [...pattern, "-c:v", "mpeg2video", "-bf", "2", "-g", "25"] }],
  ["ntsc.mp4", { args: [...ntsc, ...between] }],
  ["ntsc.ts", { args: [...ntsc, ...between] }],
  ["thinned.mp4", { args: [...pattern, ...thinned, ...between] }],
  ["thinned.mkv", { args: [...pattern, ...thinned, ...between] }],
  ["bt709.mp4", { args: [...pattern, ...between, ...bt709] }],
  ["full-range.mp4", { args: [...pattern, ...between, ...full] }],
  ["oblong-pixels.mp4", { args: [...pattern, ...between, "-vf", "setsar=4/3"] }],
  ["recorded.webm", { args: [...pattern, "-c:v", "libvpx", "-g", "25", "-live", "1"] }],
  [
    "edited.mp4",
    { from: "b-frames-and-sound.mp4", args: ["-ss", "1.3", "-i", "FROM", "-map", "0:v", "-c", "copy"] },
  ],
  ["edited.mov", { from: "b-frames.mp4", args: ["-ss", "1.3", "-i", "FROM", "-c", "copy"] }],
  ...["mp4", "mkv", "ts"].map((container): [string, { from: string; args: string[] }] => [
    `sound-first.${container}`,
    {
      from: "b-frames-and-sound.mp4",
      args: ["-i", "FROM", "-itsoffset", "0.8", "-i", "FROM", "-map", "1:v", "-map", "0:a", "-c", "copy"],
    },
  ]),
  ...[90, 180, 270].map((degrees): [string, { from: string; args: string[] }] => [
    `turned-${degrees}.mp4`,
    { from: "b-frames.mp4", args: ["-i", "FROM", "-c", "copy", "-metadata:s:v", `rotate=${degrees}`] },
  ]),
  ["turned-90.mkv", { from: "turned-90.mp4", args: ["-i", "FROM", "-c", "copy"] }],
];

/** Makes each film once, in a folder. */
export function filmsIn(folder: () => string): (name: string) => Promise<string> {
  const ours = new Map([...matrix, ...odd, ...varying]);
  const others = new Map(theirs);
  const films = new Map<string, Promise<string>>();
  const make = async (name: string): Promise<string> => {
    const path = join(folder(), name);
    const options = ours.get(name);
    const other = others.get(name);
    if (options) await makeVideo(path, options);
    else if (other) {
      const from = other.from ? await film(other.from) : "";
      await made(
        other.args.map((arg) => (arg === "FROM" ? from : arg)),
        path,
      );
    } else throw new Error(`no film ${name}`);
    return path;
  };
  const film = (name: string): Promise<string> => {
    const path = films.get(name) ?? make(name);
    films.set(name, path);
    return path;
  };
  return film;
}
