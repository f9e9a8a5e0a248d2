// The independent decoder: Debian's ffmpeg and ffprobe, another build of another version, started as programs.
// What they say of a file is what the compute server is held to; they also make files that it did not.
import { Buffer } from "node:buffer";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { z } from "zod";

export const judgeIsHere = ["ffmpeg", "ffprobe"].every((name) => spawnSync(name, ["-version"]).status === 0);
if (!judgeIsHere)
  console.log("skipped: agreement with an independent decoder, because ffmpeg is not installed");

const number = z.coerce.number();
const ratio = z.string().transform((text) => {
  const [over = 0, under = 0] = text.split("/").map(Number);
  return under > 0 ? over / under : 0;
});
const streamSchema = z.object({
  codec_name: z.string(),
  width: z.number(),
  height: z.number(),
  avg_frame_rate: ratio,
  r_frame_rate: ratio,
  sample_aspect_ratio: z
    .string()
    .default("1:1")
    .transform((text) => ratio.parse(text.replace(":", "/")) || 1),
  side_data_list: z.array(z.object({ rotation: z.number().optional() })).default([]),
});
const frameSchema = z.object({ key_frame: z.number(), best_effort_timestamp_time: number.optional() });
const told = z.object({ streams: z.array(streamSchema).min(1), frames: z.array(frameSchema).min(1) });

export interface Judged {
  codec: string;
  /** As it is shown, of square pixels. */
  width: number;
  height: number;
  /** Degrees clockwise. */
  rotation: number;
  fps: number;
  /** In the order they are shown: seconds from the first one, and upright rgb24 pixels. */
  frames: { time: number; key: boolean; pixels: Buffer }[];
}

/** Decodes every frame of a film's picture; `more` are further filters of ffmpeg's. */
export async function judge(path: string, more: string[] = []): Promise<Judged> {
  const of =
    "stream=codec_name,width,height,sample_aspect_ratio,avg_frame_rate,r_frame_rate:stream_side_data=rotation";
  const entries = `${of}:frame=key_frame,best_effort_timestamp_time`;
  const json = await run("ffprobe", [
    "-select_streams",
    "v:0",
    "-show_entries",
    entries,
    "-of",
    "json",
    path,
  ]);
  const { streams, frames } = told.parse(JSON.parse(json.toString()));
  const [stream] = streams as [z.infer<typeof streamSchema>];
  const fps = stream.avg_frame_rate || stream.r_frame_rate;
  const turn = stream.side_data_list.find(({ rotation }) => rotation !== undefined)?.rotation ?? 0;
  const rotation = (360 - turn) % 360;
  const across = Math.round(stream.width * stream.sample_aspect_ratio);
  const [width, height] = rotation % 180 === 0 ? [across, stream.height] : [stream.height, across];
  const square = across === stream.width ? "null" : `scale=${width}:${height}:flags=area,format=rgb24`;
  const filters = ["-vf", [square, ...more].join()];
  const raw = await pixelsOf(["-i", path, "-map", "0:v:0", "-vsync", "passthrough", ...filters]);
  const size = width * height * 3;
  if (raw.length !== size * frames.length)
    throw new Error(`${path}: ${raw.length / size} pictures of ${frames.length} frames`);
  // Where a container has no times of showing, the frames come one after the other.
  const timed = frames.every((frame) => frame.best_effort_timestamp_time !== undefined);
  const origin = frames[0]?.best_effort_timestamp_time ?? 0;
  return {
    codec: stream.codec_name,
    width,
    height,
    rotation,
    fps,
    frames: frames.map(({ key_frame, best_effort_timestamp_time: at = 0 }, i) => ({
      time: timed ? at - origin : i / fps,
      key: key_frame === 1,
      pixels: raw.subarray(i * size, (i + 1) * size),
    })),
  };
}

/** The pictures of encoded stills, one after the other, decoded in one go; all are of one size and kind. */
export const judgeStills = (stills: Buffer[], decoder: string): Promise<Buffer> =>
  pixelsOf(["-f", "image2pipe", "-c:v", decoder, "-i", "pipe:0"], Buffer.concat(stills));

/** The pixels of the first picture of a file as it is stored, changed by ffmpeg's filters. */
export const judgePicture = (path: string, filters: string[]): Promise<Buffer> =>
  pixelsOf(["-noautorotate", "-i", path, "-frames:v", "1", "-vf", ["null", ...filters].join()]);

const startSchema = z.object({ start_time: number });
const starts = z.object({ streams: z.tuple([startSchema]), format: startSchema });

/** The sound of a film between two seconds from its first picture, at 16 kHz, one channel. */
export async function judgeSound(path: string, start: number, end: number): Promise<Int16Array> {
  const asked = ["-select_streams", "v:0", "-show_entries", "stream=start_time:format=start_time"];
  const json = await run("ffprobe", [...asked, "-of", "json", path]);
  const { streams, format } = starts.parse(JSON.parse(json.toString()));
  const late = streams[0].start_time - format.start_time;
  const part = ["-af", `atrim=${start + late}:${end + late}`, "-ac", "1", "-ar", "16000"];
  const raw = await run("ffmpeg", ["-nostdin", "-i", path, ...part, "-f", "s16le", "pipe:1"]);
  return new Int16Array(Uint8Array.from(raw).buffer);
}

const pixelsOf = (args: string[], input?: Buffer): Promise<Buffer> =>
  run("ffmpeg", [...args, "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"], input);

/** Makes a file by ffmpeg's own encoders and muxers. */
export async function made(args: string[], path: string): Promise<void> {
  await run("ffmpeg", ["-nostdin", "-y", ...args, path]);
}

async function run(program: string, args: string[], input?: Buffer): Promise<Buffer> {
  const child = spawn(program, ["-v", "error", ...args], { stdio: ["pipe", "pipe", "pipe"] });
  const [out, said]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on("data", (piece: Buffer) => out.push(piece));
  child.stderr.on("data", (piece: Buffer) => said.push(piece));
  child.stdin.on("error", () => {}).end(input);
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`${program} ${args.join(" ")}: ${Buffer.concat(said)}`);
  return Buffer.concat(out);
}

/** Mean absolute difference of two pictures, 0 to 1; 1 where they are not of one size. */
export function difference(a: Uint8Array, b: Uint8Array): number {
  if (a.length !== b.length) return 1;
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Math.abs((a[i] ?? 0) - (b[i] ?? 0));
  return sum / a.length / 255;
}

/** What a film says of its colours: range, matrix, transfer, primaries. */
export async function judgeColours(path: string): Promise<string> {
  const entries = "stream=color_range,color_space,color_transfer,color_primaries";
  const asked = ["-select_streams", "v:0", "-show_entries", entries, "-of", "csv=p=0", path];
  return (await run("ffprobe", asked)).toString().trim().split("\n")[0] ?? "";
}
