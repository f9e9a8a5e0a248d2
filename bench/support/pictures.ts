// What bench/media.ts measures of single pictures: the second of an HDR film against that of an SDR one, sampling
// by itself against decoding every frame, and large pictures against ffmpeg's own, where that is installed.
import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { RangeReader } from "../../workers/compute/server/decoder/file/reader.ts";
import { KeyframeIndex } from "../../workers/compute/server/decoder/film/keyframes.ts";
import { Media } from "../../workers/compute/server/decoder/film/video.ts";
import { takenOf } from "../../workers/compute/server/decoder/frame/take.ts";
import { evenSpans, spread } from "../../workers/compute/server/decoder/spans.ts";
import { ObjectCache } from "../../workers/compute/server/objects/objects.ts";
import { ReadSession } from "../../workers/compute/server/objects/session.ts";

/** Frames that stand for a span, seconds of a span, and the longer side of a picture, as handlers have them. */
const [COUNT, INTERVAL, SIDE] = [4, 10, 512];

/** A film open in this process, read through ranges. */
async function opened<T>(url: string, use: (media: Media, reader: RangeReader) => Promise<T>): Promise<T> {
  const objects = new ObjectCache([new URL(url).origin]);
  const reader = await RangeReader.open("film", new ReadSession(objects, url, () => {}));
  if (!reader.ok) throw new Error(reader.failure.detail);
  const media = await Media.open(reader.value, "mov");
  try {
    return await use(media, reader.value);
  } finally {
    await media.close();
    reader.value.close();
    await objects.close();
  }
}

/** Milliseconds to decode the first `seconds` of a film, every frame of them. */
export const decodeAll = (url: string, seconds: number): Promise<number> =>
  opened(url, async (media) => {
    const began = performance.now();
    for await (const { time } of media.framesFrom(0)) if (time >= seconds) break;
    return performance.now() - began;
  });

/** Milliseconds to read and decode the frames that stand for all spans of a film, and to embed them, apart. */
export const sampleAll = (url: string): Promise<{ read: number; embed: number; frames: number }> =>
  opened(url, async (media, reader) => {
    const spent = { read: 0, embed: 0, frames: 0 };
    let began = performance.now();
    const index = await KeyframeIndex.open(reader, media.stream.id);
    if (!index) throw new Error("the film has no index");
    const chosen = [];
    for (const { start, end } of evenSpans(media.info.duration, INTERVAL))
      chosen.push(...spread(await index.within(start, end), COUNT));
    index.close();
    for (const { time, bytes } of chosen) {
      const got = await media.keyframe(time, bytes);
      const decoded = performance.now();
      spent.read += decoded - began;
      if (got) takenOf(got.frame, { as: "features", builtin: "weir/hog-512" });
      began = performance.now();
      spent.embed += began - decoded;
      spent.frames += 1;
    }
    return spent;
  });

/** Milliseconds of one film's second picture over those of another's, each the best of some, taken by turns. */
export async function secondPicture(url: string, other: string): Promise<{ ms: number; of: number }> {
  return opened(url, (first) =>
    opened(other, async (second) => {
      const best = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
      for (let turn = 0; turn < 12; turn++) {
        for (const [i, media] of [first, second].entries()) {
          const began = performance.now();
          const got = await media.keyframe(turn % 4);
          if (got) takenOf(got.frame, { as: "picture", size: SIDE });
          if (turn > 0) best[i] = Math.min(best[i] ?? 0, performance.now() - began);
        }
      }
      return { ms: best[0] ?? 0, of: best[1] ?? 0 };
    }),
  );
}

/** What ffmpeg's own program takes for one picture of a file: milliseconds and bytes; undefined where there is none. */
export function byFfmpeg(path: string, at: number): { ms: number; peak: number } | undefined {
  const scale = ["-vf", `scale=${SIDE}:-1:flags=area`, "-frames:v", "1", "-f", "image2pipe"];
  const args = ["-nostdin", "-hide_banner", "-benchmark", "-threads", "1", "-ss", String(at), "-i", path];
  const run = (): SpawnSyncReturns<string> =>
    spawnSync("ffmpeg", [...args, ...scale, "-c:v", "mjpeg", "pipe:1"], {
      encoding: "latin1",
      timeout: 60_000,
    });
  const tries = [run(), run(), run()];
  if (tries.some(({ status }) => status !== 0)) return undefined;
  const number = (pattern: RegExp) =>
    Math.min(...tries.map(({ stderr }) => Number(pattern.exec(stderr)?.[1] ?? Number.NaN)));
  return { ms: number(/rtime=([\d.]+)s/) * 1000, peak: number(/maxrss=(\d+)/) * 1024 };
}
