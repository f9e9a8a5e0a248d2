// Command `weir locate`: where an object is, with what each pipeline made of it.
import { note, print, printJson, table } from "../io/output.ts";
import { openClient } from "./client.ts";
import type { OperatorFlags } from "./replay.ts";

/** Objects that the API gives at most. */
const MAX_OBJECTS = 20;

/** Prints the objects that the words lead to, each with its timeline. */
export async function locateObjects(
  root: string,
  words: string,
  flags: OperatorFlags & { limit: number },
): Promise<void> {
  const limit = Math.min(MAX_OBJECTS, flags.limit);
  const answer = await openClient(root, flags).call((weir) => weir.locate({ q: words, limit }));
  if (flags.json) return printJson(answer);
  const { found, data, more } = answer;
  if (found.kind === "replay") return note(`That is a replay: weir replay show ${found.id}`);
  if (data.length === 0)
    return note("Nothing is known of such an object. weir rejections lists what was refused at the door.");
  for (const { connection, bucket, key, says, pipelines, timeline } of data) {
    const refused = pipelines.filter(({ matched, run }) => !matched && run === null);
    print(`${bucket}/${key}  (${connection})\n  ${says}`);
    print(
      table([
        ...timeline.map(({ at, step, text }) => [`  ${at}`, step, text]),
        ...refused.map(({ alias, reason }) => ["", "refused", `${alias}: ${reason}`]),
      ]),
    );
  }
  if (more) note("There are more: give more of the key.");
}
