// Command `weir live`: what changes, as it changes. A stream that ends by itself is taken up again.
import { note, print } from "../io/output.ts";
import { streamOf } from "./client.ts";
import type { OperatorFlags } from "./replay.ts";

/** Longest stream that the API gives, seconds. */
const MAX_SECONDS = 300;

/** Prints a line for each change; with `--json`, its JSON on one line. */
export async function watchLive(root: string, flags: OperatorFlags & { seconds?: number }): Promise<void> {
  const ends = Date.now() + (flags.seconds ?? Number.POSITIVE_INFINITY) * 1000;
  note(flags.seconds === undefined ? "Watching for changes. Ctrl+C ends." : "Watching for changes.");
  for (let left = flags.seconds ?? MAX_SECONDS; left > 0; left = Math.ceil((ends - Date.now()) / 1000)) {
    const seconds = Math.min(MAX_SECONDS, left);
    for await (const { event, data } of streamOf(root, flags, (weir) => weir.watchChanges({ seconds }))) {
      if (event !== "changed") continue;
      print(flags.json ? JSON.stringify(data) : `${data.at}  ${data.what.join(", ")}`);
    }
  }
}
