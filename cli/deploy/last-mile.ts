// Last step of a deploy: prints which items are stale, and replays their objects by --replay or after a question.
import { ask, canAsk } from "../io/ask.ts";
import { CliError, good, note } from "../io/output.ts";
import { type Client, openClient, type Replay } from "../operate/client.ts";
import { replayCommand, replayStale, type StaleReport, staleItems, staleText } from "./stale.ts";

interface Deployment {
  url: string;
  /** API key of the deployed Weir; undefined where none was found. */
  key: string | undefined;
  /** alias → version of every deployed pipeline. */
  versions: ReadonlyMap<string, string>;
}

export interface LastMile {
  answer: {
    stale: StaleReport;
    /** Replay that was started; null where there is none. */
    replay: Replay | null;
    /** Command that replays the stale items; null where none are stale, or that is unknown. */
    replay_command: string | null;
  };
  /** Why the replay of `--replay` could not start. The deploy itself has succeeded. */
  failed?: CliError;
}

interface LastMileOptions {
  root: string;
  replay?: boolean;
  json?: boolean;
  url?: string;
}

/** Reports stale items after a deploy, and replays them where the options or a person say so. */
export async function lastMile(
  options: LastMileOptions,
  { url, key, versions }: Deployment,
): Promise<LastMile> {
  if (key === undefined) {
    return finish(options, { asked: false, why: "There is no API key. Set WEIR_API_KEY." });
  }
  const client = openClient(options.root, { url, apiKey: key });
  return finish(options, await staleItems(client, versions), client);
}

async function finish(options: LastMileOptions, stale: StaleReport, client?: Client): Promise<LastMile> {
  for (const line of staleText(stale)) note(line);
  const aliases = stale.asked ? stale.pipelines.map(({ alias }) => alias) : [];
  const command = aliases.length > 0 ? replayCommand(aliases, options.url) : null;
  const answer: LastMile["answer"] = { stale, replay: null, replay_command: command };
  if (!stale.asked && options.replay) {
    return { answer, failed: new CliError(`The deploy is done, but no replay was started: ${stale.why}`) };
  }
  if (!client || !command) return { answer };
  const replayNow = options.replay ?? (!options.json && canAsk() && (await ask("Replay them now?")));
  if (!replayNow) {
    note(`To replay them: ${command}`);
    return { answer };
  }
  try {
    const replay = await replayStale(client, aliases);
    good(`The replay goes on by itself. Follow it with: weir replay show ${replay.id}`);
    return { answer: { ...answer, replay } };
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    const failed = new CliError(
      `The deploy is done, but the replay was not started: ${error.message}\nTry again with: ${command}`,
      [],
      error.code,
    );
    return { answer, failed };
  }
}
