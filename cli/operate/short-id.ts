// Short ids of events and runs, as tables print them and commands take them: their minute and their last digits. The API
// finds what one names (`GET /v1/locate`), however old it is.
import { shortIdOf, shortParts } from "../../src/shapes/event-id.ts";
import { CliError } from "../io/output.ts";
import type { Client } from "./client.ts";

/** Whole id of the event that a short id names; any other text as it is. @throws CliError (exit code 4) */
export async function wholeEventId(client: Client, text: string): Promise<string> {
  if (!shortParts(text)) return text;
  const { found } = await client.call((weir) => weir.locate({ q: text, limit: 1 }));
  if (found.kind === "event" && found.id !== null) return found.id;
  throw unknown("event", text);
}

/** Whole id of the run that a short id names; any other text as it is. @throws CliError where several are so named */
export async function wholeRunId(client: Client, text: string): Promise<string> {
  if (!shortParts(text)) return text;
  const { found, data } = await client.call((weir) => weir.locate({ q: text, limit: 1 }));
  if (found.kind === "run" && found.id !== null) return found.id;
  if (found.kind !== "event") throw unknown("run", text);
  const runs = data.flatMap(({ pipelines }) => pipelines.flatMap(({ run }) => (run ? [run.id] : [])));
  const [only, ...others] = runs;
  if (only === undefined) throw unknown("run", text);
  if (others.length === 0) return only;
  const names = runs.map(shortIdOf).join(", ");
  throw new CliError(`The event of ${text} has ${runs.length} runs. Name one: ${names}.`, [], 2);
}

const unknown = (what: string, text: string) =>
  new CliError(
    `There is no ${what} ${text}, or many are of its minute: give the whole id, which --json prints.`,
    [],
    4,
  );
