// Work of the decoder child, one job at a time: it opens the object, knows its format by its first bytes, and
// hands it to the job's task (tasks/). A job yields its outputs as they come and throws a FailureError
// when it cannot go on. HTTP and queues are the parent's.
import type { Buffer } from "node:buffer";
import { AVERROR_ENOMEM } from "node-av/constants";
import { FFmpegError } from "node-av/lib";
import { FailureError } from "../../../../src/shapes/failure.ts";
import { objectName } from "../object-name.ts";
import { refuseBrokenIndex } from "./file/avi-index.ts";
import { refuseCutShort } from "./file/boxes.ts";
import { refuseEncrypted, refuseScrambled } from "./file/encrypted.ts";
import { refuseJoined } from "./file/joined.ts";
import { damaged, RangeReader } from "./file/reader.ts";
import { type Format, HEAD_BYTES, sniff } from "./file/sniff.ts";
import { unreadFormat } from "./file/unread.ts";
import type { DecoderJob, JobHost, Output } from "./protocol.ts";
import { cutSound } from "./tasks/audio.ts";
import { cutClip } from "./tasks/clip.ts";
import { embedVideo } from "./tasks/embed-video.ts";
import { takeFrames } from "./tasks/frames.ts";
import { describeImage, embedImage } from "./tasks/image.ts";
import { probe } from "./tasks/probe.ts";
import { findSpeech } from "./tasks/speech.ts";
import { split } from "./tasks/split.ts";

/** Runs a job, yielding each output when it is there. */
export async function* runJob(job: DecoderJob, host: JobHost): AsyncGenerator<Output> {
  const opened = await RangeReader.open(objectName(job.url), host.bytes);
  if (!opened.ok) throw new FailureError(opened.failure);
  const reader = opened.value;
  try {
    yield* work(reader, job);
  } catch (error) {
    // What FFmpeg says of a file's own times and sizes; no memory is another matter.
    if (!(error instanceof FFmpegError) || error.code === AVERROR_ENOMEM) throw error;
    throw damaged(reader, `is damaged: FFmpeg refuses it (${error.message})`);
  } finally {
    reader.close();
  }
}

async function* work(reader: RangeReader, job: DecoderJob): AsyncGenerator<Output> {
  const format = await formatOf(reader);
  if (job.kind === "embed" && job.media === "image")
    yield* embedImage(reader, expectKind(reader, format, "image"), job);
  else if (job.kind === "embed") yield* embedVideo(reader, expectKind(reader, format, "video"), job);
  else if (job.kind === "split") yield await split(reader, expectKind(reader, format, "video"), job);
  else if (job.kind === "image") yield await describeImage(reader, expectKind(reader, format, "image"));
  else if (job.kind === "probe") yield await probe(reader, format);
  else if (job.kind === "frames")
    yield* takeFrames(reader, expectKind(reader, format, "video", "image"), job);
  else if (job.kind === "speech")
    yield* findSpeech(reader, expectKind(reader, format, "video", "sound"), job);
  else if (job.kind === "clip")
    yield fileOf("video/mp4", await cutClip(reader, expectKind(reader, format, "video"), job.span));
  else if (job.kind === "audio")
    yield fileOf("audio/wav", await cutSound(reader, expectKind(reader, format, "video", "sound"), job.span));
}

/** Format of a file. Throws `bad_media` for what is not read here, is cut short or needs a key. */
async function formatOf(reader: RangeReader): Promise<Format> {
  const head = await reader.at(0, HEAD_BYTES);
  const format = sniff(head);
  if (format === undefined) {
    const name = unreadFormat(head);
    if (name) throw damaged(reader, `is ${name}, a format that is not read here`);
    throw damaged(reader, "is no video, picture or sound of a known format");
  }
  if (format.kind === "video" && format.demuxer === "mov") {
    await refuseCutShort(reader);
    await refuseEncrypted(reader);
  }
  if (format.kind === "video" && format.demuxer === "mpegts") await refuseScrambled(reader);
  if (format.kind !== "image") await refuseJoined(reader, format);
  if (format.kind === "video" && format.demuxer === "avi") await refuseBrokenIndex(reader);
  return format;
}

const fileOf = (type: string, bytes: Buffer): Output => ({ type, data: bytes.toString("base64") });

type Kind = Format["kind"];
const IS: Record<Kind, (name: string) => string> = {
  image: (name) => `is ${name === "AVIF" ? "an" : "a"} ${name} picture`,
  video: () => "is a video",
  sound: (name) =>
    `is ${/^(MP3|Ogg)$/.test(name) ? "an" : "a"} ${name} file, of which only the sound is read`,
};
const WORD: Record<Kind, string> = { image: "a picture", video: "a video", sound: "sound" };

/** The format, if it is of one of these kinds, of which the first is named. Throws `bad_media` otherwise. */
function expectKind<K extends Kind>(
  reader: RangeReader,
  format: Format,
  ...kinds: [K, ...K[]]
): Extract<Format, { kind: K }> {
  if (kinds.some((kind) => kind === format.kind)) return format as Extract<Format, { kind: K }>;
  throw damaged(reader, `${IS[format.kind](format.name)}, not ${WORD[kinds[0]]}`);
}
