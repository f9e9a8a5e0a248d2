// Files that questions bring and answers show, kept for a time in the archive's bucket: pictures that a question is asked
// by, frames and parts of films. All of it can be made again. Names begin with a period of time, so that what is old is
// found by its name.
import type { R2Bucket, R2ObjectBody } from "@cloudflare/workers-types";
import { canonical } from "../shapes/canonical.ts";
import { objectHex } from "../shapes/event-id.ts";
import { sha256Hex } from "../shapes/hash.ts";
import type { Moment } from "../shapes/question.ts";
import type { ErasableStore, ListObjects } from "./erasure/contract.ts";

const DAY_MS = 86_400_000;
/** A moment is kept for one to two of these. */
const MOMENT_PERIOD_MS = 7 * DAY_MS;
/** A question's picture is read once or twice, and kept for one to two of these. */
const PICTURE_PERIOD_MS = DAY_MS;
const MOMENTS = "moments/";
const PICTURES = "questions/";
/** Objects of one pass of {@link retireMoments}. */
const RETIRED_OBJECTS = 1_000;
/** Objects of an erasure that moments are looked for of, at most. */
const MAX_OBJECTS = 100_000;

/** `2026-11-25`: the day that a period begins with. */
const periodOf = (now: number, period: number, back = 0) =>
  new Date((Math.floor(now / period) - back) * period).toISOString().slice(0, 10);

/** A picture that a question brings: the key that it is kept under. */
export async function keepPicture(
  bucket: R2Bucket,
  bytes: Uint8Array,
  type: string,
  now: number,
): Promise<string> {
  const key = `${PICTURES}${periodOf(now, PICTURE_PERIOD_MS)}/${sha256Hex(bytes).slice(0, 32)}`;
  await bucket.put(key, bytes, { httpMetadata: { contentType: type } });
  return key;
}

export const isPictureKey = (key: string) => /^questions\/\d{4}-\d\d-\d\d\/[0-9a-f]{32}$/.test(key);

const momentKey = (moment: Moment, now: number, back: number) =>
  `${MOMENTS}${periodOf(now, MOMENT_PERIOD_MS, back)}/${sha256Hex(canonical(moment)).slice(0, 32)}`;

/** A moment that was made in this period or in the one before. */
export async function findMoment(
  bucket: R2Bucket,
  moment: Moment,
  now: number,
): Promise<R2ObjectBody | null> {
  return (await bucket.get(momentKey(moment, now, 0))) ?? (await bucket.get(momentKey(moment, now, 1)));
}

export async function keepMoment(
  bucket: R2Bucket,
  moment: Moment,
  file: { bytes: Uint8Array; type: string },
  now: number,
): Promise<void> {
  await bucket.put(momentKey(moment, now, 0), file.bytes, {
    httpMetadata: { contentType: file.type },
    customMetadata: { [OF_OBJECT]: objectHex(moment) },
  });
}

/** Metadata of a moment: hash of its object, since its name is a hash of more than that. */
const OF_OBJECT = "object";

/** Moments of objects, and those of which it is not known whose they are: all of them can be made again. */
export const erasableMoments = (bucket: R2Bucket, list: ListObjects): ErasableStore => ({
  name: "archive",
  async erase({ at, dry, note }) {
    const objects = new Set((await list(undefined, MAX_OBJECTS)).objects.map(objectHex));
    const page = await bucket.list({
      ...{ prefix: MOMENTS, limit: RETIRED_OBJECTS, include: ["customMetadata"] },
      ...(at !== undefined && { startAfter: at }),
    });
    const keys = page.objects
      .filter(({ customMetadata }) => {
        const object = customMetadata?.[OF_OBJECT];
        return object === undefined || objects.has(object);
      })
      .map(({ key }) => key);
    if (keys.length > 0 && objects.size > 0) {
      await note({ units: keys.map((unit) => ({ table: "moments", unit, count: 1 })) });
      if (!dry) await bucket.delete(keys);
    }
    return page.truncated ? page.objects.at(-1)?.key : undefined;
  },
});

/** Deletes some of what is older than it is kept. Returns how many. */
export async function retireMoments(bucket: R2Bucket, now: number): Promise<number> {
  let count = 0;
  for (const [prefix, period] of [
    [MOMENTS, MOMENT_PERIOD_MS],
    [PICTURES, PICTURE_PERIOD_MS],
  ] as const) {
    const before = `${prefix}${periodOf(now, period, 1)}/`;
    const { objects } = await bucket.list({ prefix, limit: RETIRED_OBJECTS });
    const old = objects.map(({ key }) => key).filter((key) => key < before);
    if (old.length > 0) await bucket.delete(old);
    count += old.length;
  }
  return count;
}
