// Commands `weir ledger`: the number of the ledger's shards, how full they are, and raising their number.
import type { z } from "@hono/zod-openapi";
import type * as answers from "../../src/http/operate/answers.ts";
import { CliError, good, note, print, printJson, table } from "../io/output.ts";
import { openClient } from "./client.ts";
import type { OperatorFlags } from "./replay.ts";
import { sizeText } from "./replay-text.ts";

type LedgerState = z.infer<typeof answers.ledgerSchema>;

/** Prints how many shards the ledger has, and how full the fullest is. */
export async function showLedger(root: string, flags: OperatorFlags): Promise<void> {
  const state = await openClient(root, flags).get<LedgerState>("/v1/ledger");
  if (flags.json) return printJson(state);
  const { shards, announced, moving, fullest_bytes, limit_bytes } = state;
  const raise = moving ? `being raised to ${announced}` : "";
  print(
    table([
      ["shards", "fullest", "of", ""],
      [String(shards), sizeText(fullest_bytes), sizeText(limit_bytes), raise],
    ]),
  );
}

/** Announces a higher number of shards. @throws CliError for a number that is none */
export async function growLedger(root: string, count: string, flags: OperatorFlags): Promise<void> {
  const shards = Number(count);
  if (!Number.isInteger(shards)) throw new CliError(`${count} is not a number of shards.`);
  const state = await openClient(root, flags).post<LedgerState>("/v1/ledger/shards", { shards });
  if (flags.json) printJson(state);
  good(`The ledger knows that it is to have ${shards} shards.`);
  note(
    `  Now set "ledger": { "shards": ${shards} } in connections.json, commit, and deploy. The cron then moves what`,
  );
  note("  belongs to the new shards, while events go on: weir ledger show says when it has.");
}
