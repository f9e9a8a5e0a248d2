// Moments of objects for people: a frame or a short part of a film or a sound as a file, a picture in a small size. Made by compute
// of exactly the version that was asked for. The router keeps them (src/store/moments.ts).
import { FailureError } from "../../src/shapes/failure.ts";
import type { Moment, MomentAnswer } from "../../src/shapes/question.ts";
import { ComputeClient } from "./compute.ts";
import { Chunk } from "./media.ts";
import { failureOf } from "./questions.ts";
import type { WeirDeps } from "./weir.ts";

const URL_MS = 600_000;
/** Longer than a decoder takes for one frame or some seconds of film. */
const PATIENCE_MS = 60_000;

/** Takes a moment. Never throws: a failure is an answer, as it travels to another Worker. */
export async function takeMoment(moment: Moment, deps: WeirDeps): Promise<MomentAnswer> {
  try {
    return await take(moment, deps);
  } catch (error) {
    return { failure: failureOf(error) };
  }
}

async function take(moment: Moment, deps: WeirDeps): Promise<MomentAnswer> {
  const { connection, bucket, key, kind, at, end = at, size } = moment;
  const { source, random, now } = deps;
  const set = { alias: deps.config.alias, connection, bucket, key };
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const compute = new ComputeClient((request, turn) => deps.compute(set, request, turn), signal, random);
  await requireVersion(moment, deps);
  const url = compute.vouch(await source.url(bucket, key, now() + URL_MS));
  let answer: MomentAnswer;
  if (kind === "clip") {
    answer = { bytes: await compute.part("/v1/clip", chunkOf(url, at, end)), type: "video/mp4" };
  } else if (kind === "sound") {
    answer = { bytes: await compute.part("/v1/audio", chunkOf(url, at, end)), type: "audio/wav" };
  } else {
    // A moment at a film's very end has no frame: its first one stands for it.
    const frameAt = async (second: number) => (await compute.frames(url, { at: [second], size }))[0];
    const picture = (await frameAt(at)) ?? (await frameAt(0));
    if (!picture) {
      const detail = `${bucket}/${key} has no frame at ${at} s.`;
      throw new FailureError({ kind: "bad_media", detail });
    }
    answer = { bytes: picture.bytes, type: "image/jpeg" };
  }
  // It may have been replaced while it was read.
  await requireVersion(moment, deps);
  return answer;
}

async function requireVersion({ bucket, key, etag }: Moment, { source }: WeirDeps): Promise<void> {
  const seen = await source.observe(bucket, key);
  if (seen?.etag === etag) return;
  const detail = seen
    ? `${bucket}/${key} has changed since the link to this moment was made.`
    : `${bucket}/${key} is not there any more.`;
  throw new FailureError({ kind: "object_gone", detail });
}

const chunkOf = (url: string, start: number, end: number) =>
  new Chunk(url, { index: 0, start, end, first_frame: 0, last_frame: 0, fps: 0, keyframes: [] });
