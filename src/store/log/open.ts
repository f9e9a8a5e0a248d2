// Opens the log in a bucket: what the router writes to it and reads from it. Its upkeep is keep-up.ts.
import type { OpenLog } from "./contract.ts";
import { beginAgain, writeLoose } from "./files.ts";
import { findEntry } from "./find.ts";
import { walkHistory } from "./history.ts";
import { LOOSE } from "./names.ts";
import { walkObjectPage } from "./objects.ts";
import { walkTime } from "./walk.ts";

/** Opens the log in a bucket. */
export const openLog: OpenLog = (bucket) => ({
  append: (entries) =>
    writeLoose(
      bucket,
      LOOSE,
      entries.map(({ event, outcome }) => ({ event, outcome })),
    ),
  appendRuns: (runs) =>
    writeLoose(
      bucket,
      LOOSE,
      runs.map((run) => ({ run })),
    ),
  find: (eventId) => beginAgain(() => findEntry(bucket, eventId)),
  walk: (range, after, limit) =>
    beginAgain(() =>
      range.key
        ? walkHistory(bucket, { ...range, key: range.key }, after, limit)
        : walkTime(bucket, range, after, limit),
    ),
  walkObjects: (range, after, limit) => beginAgain(() => walkObjectPage(bucket, range, after, limit)),
});
