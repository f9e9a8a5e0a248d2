// Commands `weir erase`: erases all that Weir keeps of objects, after a plan of what would go, and checks receipts.
import { writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import type * as api from "../../src/client/client.ts";
import { receiptSchema } from "../../src/shapes/erasure.ts";
import { isSignedReceipt } from "../../src/shapes/receipt.ts";
import { ask, canAsk } from "../io/ask.ts";
import { readJsonFile } from "../io/json-file.ts";
import { CliError, good, note, print, printJson, table } from "../io/output.ts";
import { type Client, openClient } from "./client.ts";
import type { OperatorFlags } from "./replay.ts";
import { countText } from "./replay-text.ts";

export interface EraseFlags extends OperatorFlags {
  connection: string;
  bucket?: string;
  key?: string;
  prefix?: string;
  plan?: boolean;
  yes?: boolean;
}

const ROUTE = "/v1/erasures";
/** Time between two requests for one that does not move, ms. */
const POLL_MS = 2_000;

/** Plans an erasure, asks, and erases. The receipt comes when what was on its way has had time to arrive. */
export async function erase(root: string, flags: EraseFlags): Promise<void> {
  const { connection, bucket, key, prefix, plan, yes, json } = flags;
  if ((key === undefined) === (prefix === undefined))
    throw new CliError("Give either --key or --prefix.", [], 2);
  if (!plan && !yes && !canAsk())
    throw new CliError(
      "Nothing was erased: there is no terminal for the confirmation. Give --yes, or --plan.",
      [],
      2,
    );
  const client = openClient(root, flags);
  const scope = { connection, bucket, key, prefix };
  if (plan || !yes) {
    const planned = await follow(client, { ...scope, dry_run: true });
    if (plan && json) return printJson(planned);
    print(countsText(planned));
    note("The bucket's own object stays: delete it first, or an audit or a replay brings it in again.");
    if (plan) return;
    if (!(await ask(`Erase this for good, of ${countText(planned.objects, "object")}?`)))
      throw new CliError("Nothing was erased.");
  }
  const erasure = await follow(client, { ...scope, dry_run: false });
  if (json) return printJson(erasure);
  print(countsText(erasure));
  good(`Erased, as ${erasure.id}. Late events of ${erasure.began_at} and before are refused from now on.`);
  if (erasure.status !== "done") note(receiptText(erasure));
}

/** Sends the request until all stores have been gone through once. */
async function follow(client: Client, request: object): Promise<api.Erasure> {
  for (let before = ""; ; ) {
    const erasure = await client.post<api.Erasure>(ROUTE, request);
    if (erasure.status !== "sweeping") return erasure;
    const now = JSON.stringify([erasure.store, erasure.erased]);
    note(
      `${erasure.store ?? "begins"}: ${countText(erasure.objects, "object")} so far${troubleText(erasure)}`,
    );
    if (now === before) await pause(POLL_MS);
    before = now;
  }
}

const troubleText = ({ trouble }: api.Erasure) => (trouble === null ? "" : `; is tried again: ${trouble}`);

const receiptText = ({ id, settles_at }: api.Erasure) =>
  `What is on its way now may still arrive, so at ${settles_at ?? "the end"} all stores are gone through again. Then: weir erase receipt ${id}`;

function countsText({ erased }: api.Erasure): string {
  if (erased.length === 0) return "Nothing is kept of it.";
  return table([
    ["store", "table", "count"],
    ...erased.map(({ store, table: name, count }) => [store, name, String(count)]),
  ]);
}

/** Prints the receipt of an erasure, or how far that is; `out` is a file for it. */
export async function showReceipt(
  root: string,
  id: string,
  { out, ...flags }: OperatorFlags & { out?: string },
): Promise<void> {
  const erasure = await openClient(root, flags).get<api.Erasure>(`${ROUTE}/${encodeURIComponent(id)}`);
  if (!erasure.receipt) {
    const state = erasure.dry_run ? "It is a plan, which has no receipt." : receiptText(erasure);
    throw new CliError(
      `There is no receipt of ${id} yet: it is ${erasure.status}${troubleText(erasure)}. ${state}`,
    );
  }
  if (out === undefined) return printJson(erasure.receipt);
  writeFileSync(out, `${JSON.stringify(erasure.receipt, null, 2)}\n`);
  good(`The receipt is in ${out}. Check it anywhere: weir erase verify ${out}`);
}

export interface VerifyFlags {
  kid?: string;
  json?: boolean;
}

/** Checks a receipt, without asking anybody. @throws CliError where it is not as it was signed, or by another key */
export async function verifyReceipt(file: string, { kid, json }: VerifyFlags): Promise<void> {
  const { value, problems } = readJsonFile(file, file);
  if (problems.length > 0) throw new CliError(`The receipt ${file} cannot be read.`, problems);
  const parsed = receiptSchema.strict().safeParse(value);
  if (!parsed.success || !(await isSignedReceipt(parsed.data)))
    throw new CliError(`${file} is no receipt of Weir's, or was changed since it was signed.`);
  const receipt = parsed.data;
  const signer = receipt.signature.key.kid;
  if (kid !== undefined && kid !== signer)
    throw new CliError(`${file} was signed by another key: ${signer}.`);
  if (json) return printJson({ ok: true, signer, receipt });
  print(
    table([
      ["store", "table", "count"],
      ...receipt.erased.map((one) => [one.store, one.table, String(one.count)]),
    ]),
  );
  good(`${receipt.id} of ${receipt.ended_at} is as it was signed, by the key ${signer}.`);
  if (kid === undefined)
    note("Whose key that is, the Weir says at /v1/erasure-key: compare `kid`, or give it as --kid.");
}
