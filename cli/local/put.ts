// `weir put` and `weir rm`: the command line around objects.ts.
import { readFileSync } from "node:fs";
import { basename, extname } from "node:path";
import { CliError, good, printJson } from "../io/output.ts";
import type { StackAddress } from "../senders/deliver.ts";
import { stackOf } from "../senders/stack-of.ts";
import { isLocal } from "../settings/settings.ts";
import { notifiedText, putObject, removeObject, type Target } from "./local-bucket.ts";

export interface PutOptions {
  root: string;
  file: string;
  target: string | undefined;
  url?: string;
  /** `name=value` each. */
  metadata?: string[];
  contentType?: string;
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

export async function put(options: PutOptions): Promise<void> {
  const stack = localStackOf(options);
  const target = targetOf(stack, options.target, basename(options.file));
  const metadata = Object.fromEntries((options.metadata ?? []).map(pair));
  const contentType =
    options.contentType ?? CONTENT_TYPES[extname(target.key).toLowerCase()] ?? "application/octet-stream";
  const body = read(options.file);
  const notified = await putObject(stack, target, { body, contentType, metadata });
  if (options.json)
    printJson({ ...target, size: body.byteLength, content_type: contentType, metadata, told: notified });
  good(`put ${target.bucket}/${target.key}, ${body.byteLength} bytes; ${notifiedText(notified)}`);
}

export async function remove(options: { root: string; target: string; url?: string }): Promise<void> {
  const stack = localStackOf(options);
  const target = targetOf(stack, options.target, undefined);
  const notified = await removeObject(stack, target);
  good(`removed ${target.bucket}/${target.key}; ${notifiedText(notified)}`);
}

/** The stack that is meant, if it is one of this machine's: elsewhere, buckets have doors of their own. */
function localStackOf({ root, url }: { root: string; url?: string }): StackAddress {
  const stack = stackOf(root, url === undefined ? {} : { url });
  if (isLocal(stack.url)) return stack;
  const next = "put and remove objects there with the store's own tools; its notifications reach that Weir";
  throw new CliError(
    `${stack.url} is not on this machine, and only local buckets are written to: ${next}`,
    [],
    2,
  );
}

function targetOf(stack: StackAddress, target: string | undefined, name: string | undefined): Target {
  if (target === undefined && name !== undefined) {
    const connection = Object.values(stack.connections).find(
      (it) => it.kind === "r2" && it.events.length > 0,
    );
    if (connection && connection.kind !== "d1" && connection.buckets[0]) {
      return { bucket: connection.buckets[0], key: name };
    }
    throw new CliError("no R2 connection has events: say where to put it, as bucket/key", [], 2);
  }
  const [, bucket, key] = /^([^/]+)\/(.+)$/s.exec(target ?? "") ?? [];
  if (bucket && key) return { bucket, key };
  throw new CliError(`"${target}" names no object: write bucket/key`, [], 2);
}

function pair(text: string): [string, string] {
  const at = text.indexOf("=");
  if (at < 1) throw new CliError(`--metadata "${text}": write name=value`, [], 2);
  return [text.slice(0, at).toLowerCase(), text.slice(at + 1)];
}

function read(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new CliError(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}
