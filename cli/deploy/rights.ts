// Rights that a token needs for a deploy, by the part of the API that asks for them. cloudflare.ts names the one that
// is missing where the API answers 403.

/** Rights by the beginning of a path below the account. */
const RIGHTS: readonly [prefix: string, right: string][] = [
  ["workers/", "Workers Scripts: Edit"],
  ["queues", "Queues: Edit"],
  ["d1/", "D1: Edit"],
  ["r2/", "Workers R2 Storage: Edit"],
  ["event_notifications/", "Workers R2 Storage: Edit"],
  ["containers/", "Containers: Edit"],
];

/** Every right, for a person who makes a token. */
export const ALL_RIGHTS = [...new Set(RIGHTS.map(([, right]) => right)), "Account Settings: Read"].join(", ");

/** The right that a call needs. */
export const rightFor = (path: string): string =>
  RIGHTS.find(([prefix]) => path.startsWith(prefix))?.[1] ?? "Account Settings: Read";
