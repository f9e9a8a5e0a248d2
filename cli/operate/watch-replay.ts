// Waits for the end of a replay, with a line of progress at a terminal.
import { setTimeout as pause } from "node:timers/promises";
import { untilInterrupted } from "../io/interrupt.ts";
import { CliError, note, visible } from "../io/output.ts";
import type { Client, Replay } from "./client.ts";
import { failureText, progressText, replayPlanText } from "./replay-text.ts";

const INITIAL_POLL_MS = 100;
const MAX_POLL_MS = 2_000;

/**
 * Waits for the end of a replay; Ctrl-C ends the wait, not the replay. Where the replay waits for a person, `consent`
 * is called once, and resumes it. @throws CliError where the replay is stopped, paused or cancelled
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
  throw new CliError(`${replay.id} was ${replay.status} meanwhile: ${progressText(replay)}.`);
}

async function watch(client: Client, begun: Replay): Promise<Replay> {
  let replay = begun;
  await untilInterrupted(async (interrupted) => {
    const stop = interrupted.then(() => true);
    for (let wait = INITIAL_POLL_MS; replay.status === "active"; wait = Math.min(MAX_POLL_MS, wait * 1.5)) {
      show(replay);
      if (await Promise.race([stop, pause(wait, false)])) {
        clear();
        return note(`The replay goes on by itself. Follow it with: weir replay show ${replay.id}`);
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
    replay.phase === "planning" ? `planning: ${replayPlanText(replay)}` : `running: ${progressText(replay)}`;
  process.stderr.write(`\r\u001b[K${visible(text).slice(0, (process.stderr.columns ?? 80) - 1)}`);
}

function clear(): void {
  if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");
}
