// Names of the log's objects. Where time counts they begin with the inverted minute, since R2 lists in ascending order
// only and what is newest is read most; the rest of a name is a hash of the content, so what is written again is itself.
import { DAY_MS, MINUTE_MS } from "./lines.ts";

/** Batches as they came, one object for each minute that they are of. */
export const LOOSE = "log-new/";
/** What has been merged of a minute, by time. */
export const MINUTES = "log/";
/** What has been merged, by object: minutes not yet folded, then hours and days, and their index. */
export const FRESH = "log-days/new/";
export const DAYS = "log-days/";
export const INDEX = "log-days/index.json";

const MAX_MINUTE = 0xffffffff;
/** Digits of an inverted minute, and those of them that name a group of 4,096 minutes. */
const DIGITS = 8;
const GROUP_DIGITS = 5;

/** The beginning of the names of a minute's objects. Minutes before it have greater ones. */
export function minutePrefix(kind: string, minute: number): string {
  const inverted = (MAX_MINUTE - minute).toString(16).padStart(DIGITS, "0");
  return `${kind}${inverted.slice(0, GROUP_DIGITS)}/${inverted.slice(GROUP_DIGITS)}/`;
}

/** The name of an object of a minute. */
export const minuteKey = (kind: string, minute: number, hash: string) =>
  `${minutePrefix(kind, minute)}${hash}`;

/** The minute that an object is of. */
export function minuteOfKey(kind: string, key: string): number {
  const digits = key.slice(kind.length, kind.length + DIGITS + 1).replace("/", "");
  return MAX_MINUTE - Number.parseInt(digits, 16);
}

/** First and last minute of a group, from the common beginning of its names. */
export function minutesOfGroup(kind: string, prefix: string): [first: number, last: number] {
  const digits = prefix.slice(kind.length, kind.length + GROUP_DIGITS);
  const last = MAX_MINUTE - Number.parseInt(digits.padEnd(DIGITS, "0"), 16);
  return [last - (1 << (4 * (DIGITS - GROUP_DIGITS))) + 1, last];
}

/** The name of a part of a period, `lane` of all its parts; one that was written anew has a number behind it. */
export const partKey = (period: string, lane: number, revision = 0) =>
  `${DAYS}${period}/${lane.toString(16).padStart(4, "0")}${revision > 0 ? `-${revision}` : ""}`;

export const MINUTES_OF_HOUR = 60;
export const MINUTES_OF_DAY = DAY_MS / MINUTE_MS;
export const minuteOfMs = (ms: number) => Math.floor(ms / MINUTE_MS);
