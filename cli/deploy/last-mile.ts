// What follows a deploy that is done: says what is stale, and replays it where that is wanted or a person says so.
import { ask, canAsk } from "../io/ask.ts";
import { CliError, good, note } from "../io/output.ts";
import { type Client, openClient, type Replay } from "../operate/client.ts";
import { replayCommand, replayStale, type Stale, staleItems, staleText } from "./stale.ts";

interface Deployed {
  url: string;
  /** The key to ask with; absent where none is known. */
  key: string | undefined;
  /** alias → version, of everything that is deployed. */
  versions: ReadonlyMap<string, string>;
}

export interface LastMile {
  answer: {
    stale: Stale;
    /** Null where none was begun. */
    replay: Replay | null;
    /** What replays it; null where nothing is stale, or nobody knows. */
    replay_command: string | null;
  };
  /** Only where a replay was asked for by `--replay` and could not be begun. The deploy stays done. */
  failed?: CliError;
}

interface Options {
  root: string;
  replay?: boolean;
  json?: boolean;
  url?: string;
}

export async function lastMile(options: Options, { url, key, versions }: Deployed): Promise<LastMile> {
  if (key === undefined) {
    return finish(options, { asked: false, why: "there is no API key to ask with: set WEIR_API_KEY" });
  }
  const client = openClient(options.root, { url, key });
  return finish(options, await staleItems(client, versions), client);
}

async function finish(options: Options, stale: Stale, client?: Client): Promise<LastMile> {
  for (const line of staleText(stale)) note(line);
  const aliases = stale.asked ? stale.pipelines.map(({ alias }) => alias) : [];
  const command = aliases.length > 0 ? replayCommand(aliases, options.url) : null;
  const answer: LastMile["answer"] = { stale, replay: null, replay_command: command };
  if (!stale.asked && options.replay) {
    return { answer, failed: new CliError(`deployed; no replay was begun: ${stale.why}`) };
  }
  if (!client || !command) return { answer };
  const replayNow = options.replay ?? (!options.json && canAsk() && (await ask("Make them anew now?")));
  if (!replayNow) {
    note(`to make them anew: ${command}`);
    return { answer };
  }
  try {
    const replay = await replayStale(client, aliases);
    good(`the replay goes on by itself: weir replay show ${replay.id}`);
    return { answer: { ...answer, replay } };
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    const failed = new CliError(
      `deployed; the replay was not begun: ${error.message}\n${command}`,
      [],
      error.code,
    );
    return { answer, failed };
  }
}
