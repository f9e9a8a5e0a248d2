// Commands `weir put` and `weir rm`: find the object that is meant; local-bucket.ts changes it, and follow.ts waits for
// what comes of it.
import { readFileSync } from "node:fs";
import { basename, extname } from "node:path";
import { bad, CliError, good, note, print, printJson } from "../io/output.ts";
import { clientOf } from "../operate/client.ts";
import type { StackAddress } from "../senders/deliver.ts";
import { stackOf } from "../senders/stack-of.ts";
import { isLocal } from "../settings/settings.ts";
import { type Followed, follow } from "./follow.ts";
import { itemsTable } from "./items-table.ts";
import { notifiedText, type ObjectAddress, putObject, removeObject } from "./local-bucket.ts";

export interface PutOptions {
  root: string;
  file: string;
  target: string | undefined;
  url?: string;
  /** Metadata of the object, each `name=value`. */
  metadata?: string[];
  contentType?: string;
  /** Follow the object to its items. */
  wait?: boolean;
  json?: boolean;
}

const CONTENT_TYPES: Record<string, string> = {
  ".mp4": "video/mp4",
  ".mov": "video/quicktime",
  ".webm": "video/webm",
  ".mkv": "video/x-matroska",
  ".jpg": "image/jpeg",
  ".jpeg": "image/jpeg",
  ".png": "image/png",
  ".webp": "image/webp",
  ".json": "application/json",
  ".txt": "text/plain",
};

/** Puts a file into a local bucket. @throws CliError */
export async function put(options: PutOptions): Promise<void> {
  const stack = localStackOf(options);
  const target = targetOf(stack, options.target, basename(options.file));
  const metadata = Object.fromEntries((options.metadata ?? []).map(metadataPair));
  const contentType =
    options.contentType ?? CONTENT_TYPES[extname(target.key).toLowerCase()] ?? "application/octet-stream";
  const body = read(options.file);
  const since = Date.now();
  const { notified, etag } = await putObject(stack, target, { body, contentType, metadata });
  const answer = { ...target, size: body.byteLength, content_type: contentType, metadata, told: notified };
  good(`Put ${target.bucket}/${target.key}, ${body.byteLength} bytes; ${notifiedText(notified)}.`);
  if (!options.wait) {
    if (options.json) printJson(answer);
    return;
  }
  if (notified.length === 0)
    throw new CliError("Nothing was told of the object, so nothing will come of it.");
  const followed = await follow(clientOf(stack.url, stack.secrets.WEIR_API_KEY ?? ""), {
    target,
    etag,
    since,
  });
  if (options.json) printJson({ ...answer, ...followed });
  else printFollowed(followed);
  const dead = followed.runs.filter(({ status }) => status === "dead");
  if (dead.length > 0) throw new CliError(`${dead.length} of ${followed.runs.length} runs ended dead.`);
}

/** Prints what came of an object: each run with its outcome, and the items that are stored of it. */
function printFollowed({ event, runs, stored }: Followed): void {
  for (const { alias, reason } of event.outcome.refused) note(`  ${alias} does not want it: ${reason}`);
  if (runs.length === 0) note(`No pipeline wants it. More: weir events show ${event.id}`);
  for (const { id, alias, status, items, reason, failure, log } of runs) {
    if (status === "succeeded") good(`${alias} stored ${items ?? 0} item${items === 1 ? "" : "s"} (${id}).`);
    else if (status !== "dead") note(`${alias}: ${status}, ${reason ?? "without a reason"} (${id})`);
    else
      bad(
        `${alias}: ${failure ? `${failure.kind}: ${failure.detail}` : "dead"}\n  ${failure?.where ?? ""} (${id})`,
      );
    for (const line of log) note(`  log  ${line}`);
  }
  for (const { collection, items } of stored) print(itemsTable(collection, items, undefined));
}

/** Removes an object from a local bucket. @throws CliError */
export async function remove(options: { root: string; target: string; url?: string }): Promise<void> {
  const stack = localStackOf(options);
  const target = targetOf(stack, options.target, undefined);
  const notified = await removeObject(stack, target);
  good(`Removed ${target.bucket}/${target.key}; ${notifiedText(notified)}.`);
}

/** Finds the stack, which must be on this machine: only its buckets can be written. @throws CliError */
function localStackOf({ root, url }: { root: string; url?: string }): StackAddress {
  const stack = stackOf(root, url === undefined ? {} : { url });
  if (isLocal(stack.url)) return stack;
  const next = "Elsewhere, put and remove objects with the tools of the store, which notifies Weir itself.";
  throw new CliError(
    `${stack.url} is not on this machine, and only local buckets can be changed. ${next}`,
    [],
    2,
  );
}

function targetOf(stack: StackAddress, target: string | undefined, name: string | undefined): ObjectAddress {
  if (target === undefined && name !== undefined) {
    const connection = Object.values(stack.connections).find(
      (candidate) => candidate.kind === "r2" && candidate.events.length > 0,
    );
    if (connection && connection.kind !== "d1" && connection.buckets[0]) {
      return { bucket: connection.buckets[0], key: name };
    }
    throw new CliError("No R2 connection has events. Give the object as bucket/key.", [], 2);
  }
  const [, bucket, key] = /^([^/]+)\/(.+)$/s.exec(target ?? "") ?? [];
  if (bucket && key) return { bucket, key };
  throw new CliError(`"${target}" is not an object. Write bucket/key.`, [], 2);
}

function metadataPair(text: string): [string, string] {
  const index = text.indexOf("=");
  if (index < 1)
    throw new CliError(`The value "${text}" of --metadata has no name. Write name=value.`, [], 2);
  return [text.slice(0, index).toLowerCase(), text.slice(index + 1)];
}

function read(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new CliError(
      `The file ${file} cannot be read: ${error instanceof Error ? error.message : String(error)}.`,
    );
  }
}
