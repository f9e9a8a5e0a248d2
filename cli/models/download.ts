// One file from a hub to disk: into a `.part` beside it that a later attempt goes on with, hashed as it comes, and
// given its name only when it is what the hub stated.
import { mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { CliError } from "../io/output.ts";
import { differenceOf, Hashes, hashesOf } from "./hashes.ts";
import { megabytes, Progress } from "./progress.ts";
import type { SourceFile } from "./source.ts";

/** Attempts that bring nothing, one after the other, until a download is given up. */
const MAX_IDLE_TRIES = 4;
/** Before the second attempt, milliseconds; doubled with each. */
const FIRST_PAUSE_MS = 250;

/** Opens the file's content from a byte on. @throws CliError where the hub refuses it for good */
export type OpenContent = (from: number) => Promise<Response>;

/** A file that is being written, with the hashes of what it holds. */
interface Part {
  path: string;
  hashes: Hashes;
}

/** Brings a file to `target`; resolves to its SHA-256. @throws CliError */
export async function download(file: SourceFile, target: string, openContent: OpenContent): Promise<string> {
  mkdirSync(dirname(target), { recursive: true });
  const part = await begunPart(`${target}.part`, file);
  const progress = new Progress(file.path, file.bytes, part.hashes.bytes);
  let idle = 0;
  let reason = "";
  while (part.hashes.bytes < file.bytes) {
    if (idle >= MAX_IDLE_TRIES) throw interrupted(file, part.hashes.bytes, reason);
    if (idle > 0) await pause(FIRST_PAUSE_MS * 2 ** (idle - 1));
    const before = part.hashes.bytes;
    try {
      await receive(await openContent(before), part, file, progress);
    } catch (error) {
      if (error instanceof CliError) throw error;
      if (isFull(error)) throw diskFull(file, part.hashes.bytes);
      reason = causeOf(error);
    } finally {
      progress.end();
    }
    idle = part.hashes.bytes > before ? 1 : idle + 1;
  }
  return placed(file, part, target);
}

/** What an earlier attempt left. More than the file has is of no use. */
async function begunPart(path: string, file: SourceFile): Promise<Part> {
  const found = statSync(path, { throwIfNoEntry: false });
  const begun = found?.isFile() && found.size <= file.bytes;
  return { path, hashes: begun ? await hashesOf(path, file) : new Hashes(file) };
}

/** Appends what comes; a server that sends the whole again makes it begin again. */
async function receive(response: Response, part: Part, file: SourceFile, progress: Progress): Promise<void> {
  const goesOn = response.status === 206;
  if (!goesOn) part.hashes = new Hashes(file);
  const handle = await open(part.path, goesOn ? "a" : "w");
  try {
    for await (const chunk of response.body ?? []) {
      for (let from = 0; from < chunk.length; ) {
        const { bytesWritten } = await handle.write(chunk, from, chunk.length - from);
        part.hashes.update(chunk.subarray(from, from + bytesWritten));
        from += bytesWritten;
      }
      progress.at(part.hashes.bytes);
      if (part.hashes.bytes > file.bytes) break;
    }
  } finally {
    await handle.close();
  }
}

function placed(file: SourceFile, { path, hashes }: Part, target: string): string {
  const found = { bytes: hashes.bytes, ...hashes.digest() };
  const difference = differenceOf(file, found);
  if (difference !== undefined) {
    rmSync(path, { force: true });
    throw new CliError(
      `${file.path} is not what the hub states: ${difference}. It was deleted, and models.json is as it was. Run the command again; if it happens again, the hub or something between is at fault: name a mirror with --hub.`,
    );
  }
  renameSync(path, target);
  return found.sha256;
}

const interrupted = ({ path, bytes }: SourceFile, done: number, reason: string) =>
  new CliError(
    `The download of ${path} was interrupted at ${megabytes(done)} of ${megabytes(bytes)}: ${reason}. models.json is as it was. Run the command again: it goes on from there.`,
  );

const diskFull = ({ path, bytes }: SourceFile, done: number) =>
  new CliError(
    `The disk is full: ${path} has ${megabytes(bytes)}, of which ${megabytes(done)} are here. models.json is as it was. Make room and run the command again: it goes on from there.`,
  );

const isFull = (error: unknown) =>
  error instanceof Error && "code" in error && (error.code === "ENOSPC" || error.code === "EDQUOT");

/** The deepest reason of a failed fetch: "terminated" says less than "other side closed". */
export function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? causeOf(error.cause) : error.message;
}
