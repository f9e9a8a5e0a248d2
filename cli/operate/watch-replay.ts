// Waits for a replay to come to its end, with a line of progress where somebody looks at a terminal.
import { setTimeout as pause } from "node:timers/promises";
import { untilInterrupted } from "../io/interrupt.ts";
import { CliError, note, visible } from "../io/output.ts";
import type { Client, Replay } from "./client.ts";
import { failureText, planText, progressText } from "./replay-text.ts";

const FIRST_MS = 100;
const MOST_MS = 2_000;

/**
 * The replay as it ended. Ctrl-C stops the waiting, not the replay. `consent` is asked once where it waits for a
 * person, and resumes it. @throws CliError where it was paused or cancelled meanwhile
 */
export async function watchReplay(
  client: Client,
  begun: Replay,
  consent: (replay: Replay) => Promise<boolean> = async () => false,
): Promise<Replay> {
  const replay = await watch(client, begun);
  if (replay.stopped?.where === "force" && (await consent(replay)))
    return watchReplay(client, await client.post<Replay>(`/v1/replays/${replay.id}/resume`));
  if (replay.status === "done") return replay;
  if (replay.stopped) throw new CliError(`${replay.id} was stopped: ${failureText(replay.stopped)}`);
  throw new CliError(`${replay.id} was ${replay.status} meanwhile: ${progressText(replay)}`);
}

async function watch(client: Client, begun: Replay): Promise<Replay> {
  let replay = begun;
  await untilInterrupted(async (interrupted) => {
    const stop = interrupted.then(() => true);
    for (let wait = FIRST_MS; replay.status === "active"; wait = Math.min(MOST_MS, wait * 1.5)) {
      show(replay);
      if (await Promise.race([stop, pause(wait, false)])) {
        clear();
        return note(`not waiting any longer; it goes on: weir replay show ${replay.id}`);
      }
      replay = await client.get<Replay>(`/v1/replays/${replay.id}`);
    }
    clear();
  });
  return replay;
}

function show(replay: Replay): void {
  if (!process.stderr.isTTY) return;
  const text =
    replay.phase === "planning" ? `planning: ${planText(replay)}` : `running: ${progressText(replay)}`;
  process.stderr.write(`\r\u001b[K${visible(text).slice(0, (process.stderr.columns ?? 80) - 1)}`);
}

function clear(): void {
  if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");
}
