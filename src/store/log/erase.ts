// Erases lines of objects from the log, with the payloads that they refer to. Goes the way that lines move: loose objects,
// fresh segments, parts of hours and days; what those lead to by time goes with them (erase-lines.ts).
import type { R2Bucket } from "@cloudflare/workers-types";
import { keyHex } from "../../shapes/event-id.ts";
import type { ErasableStore, ErasurePage, ErasureTarget } from "../erasure/contract.ts";
import { writeSegment } from "./compact.ts";
import { eraseFound, readFound, readNear } from "./erase-lines.ts";
import { eraseParts } from "./erase-parts.ts";
import {
  beginAgain,
  type LogFile,
  listPage,
  mayHoldConnection,
  mayHoldKey,
  readLoose,
  readSegment,
  writeLoose,
} from "./files.ts";
import { minuteOfLine, type PlacedLine } from "./lines.ts";
import { FRESH, LOOSE } from "./names.ts";

/** Files of one page. */
const PAGE_FILES = 50;
const STAGES = ["loose", "fresh", "parts"] as const;
type Stage = (typeof STAGES)[number];

/** The log of a bucket, and the payloads that its lines refer to. */
export const erasableLog = (bucket: R2Bucket): ErasableStore => ({
  name: "log",
  erase: (page) => beginAgain(() => erasePage(bucket, page)),
});

async function erasePage(bucket: R2Bucket, page: ErasurePage): Promise<string | undefined> {
  const [stage = "loose", after = ""] = (page.at ?? "loose ").split(" ") as [Stage, string];
  const next =
    stage === "parts" ? await eraseParts(bucket, page, after) : await eraseFiles(bucket, page, stage, after);
  if (next !== undefined) return `${stage} ${next}`;
  const following = STAGES[STAGES.indexOf(stage) + 1];
  return following && `${following} `;
}

async function eraseFiles(
  bucket: R2Bucket,
  page: ErasurePage,
  stage: "loose" | "fresh",
  after: string,
): Promise<string | undefined> {
  const kind = stage === "loose" ? LOOSE : FRESH;
  const { files, isLast } = await listPage(bucket, kind, {
    limit: PAGE_FILES,
    ...(after !== "" && { after }),
  });
  const near = files.filter((file) => mayHoldScope(file, page));
  const found = await readFound(near, page, (file) =>
    stage === "loose"
      ? readLoose(bucket, file.key)
      : readNear(bucket, file.key, page, () => readSegment(bucket, file)),
  );
  const table = stage === "loose" ? "log-new" : "log-days/new";
  await eraseFound(bucket, page, table, found, async () => {
    for (const { key, lines, erased } of found) {
      const kept = lines.filter((line) => !erased.includes(line));
      if (stage === "loose")
        await writeLoose(
          bucket,
          LOOSE,
          kept.map(({ line }) => line),
        );
      else await writeSegment(bucket, FRESH, minuteOfLine((lines[0] as PlacedLine).line), [kept]);
      await bucket.delete(key);
    }
  });
  return isLast ? undefined : files.at(-1)?.key;
}

const mayHoldScope = (file: LogFile, { scope }: ErasureTarget) =>
  mayHoldConnection(file, scope.connection) &&
  (scope.key === undefined || mayHoldKey(file, keyHex(scope.key)));
