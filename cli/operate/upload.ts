// Command `weir upload`: puts a file into a connected bucket through the API.
import { readFileSync } from "node:fs";
import { CliError, good, printJson } from "../io/output.ts";
import { loadProject } from "../project/project.ts";
import { openClient } from "./client.ts";
import type { OperatorFlags } from "./replay.ts";

export type UploadFlags = OperatorFlags & { connection?: string; contentType: string; metadata?: string[] };

/** Puts a file. @throws CliError */
export async function uploadFile(
  root: string,
  file: string,
  object: string,
  flags: UploadFlags,
): Promise<void> {
  const [, bucket = "", key = ""] = /^([^/]+)\/(.+)$/s.exec(object) ?? [];
  if (key === "") throw new CliError(`"${object}" is not an object. Write bucket/key.`, [], 2);
  const connection = flags.connection ?? connectionOf(root, bucket);
  const bytes = read(file);
  const metadata = (flags.metadata ?? []).map(metadataHeader);
  const headers = { "content-type": flags.contentType, ...Object.fromEntries(metadata) };
  const answer = await openClient(root, flags).call((weir) =>
    weir.uploadObject(connection, bucket, key, bytes, { headers, signal: AbortSignal.timeout(600_000) }),
  );
  if (flags.json) return printJson(answer);
  const { reported_by } = answer;
  const heard =
    reported_by.length > 0 ? `its event comes by ${reported_by.join(" or ")}` : "nothing hears of it";
  good(`Put ${bucket}/${key}, ${bytes.byteLength} bytes; ${heard}.`);
}

/** The first connection of connections.json that has the bucket. */
function connectionOf(root: string, bucket: string): string {
  const [found] = Object.entries(loadProject(root).connections).filter(
    ([, connection]) => connection.kind !== "d1" && connection.buckets.includes(bucket),
  );
  if (found) return found[0];
  throw new CliError(`No connection has the bucket "${bucket}". Name one with --connection.`, [], 2);
}

function metadataHeader(text: string): [name: string, value: string] {
  const at = text.indexOf("=");
  if (at < 1) throw new CliError(`The value "${text}" of --metadata has no name. Write name=value.`, [], 2);
  return [`x-amz-meta-${text.slice(0, at).toLowerCase()}`, text.slice(at + 1)];
}

function read(file: string): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(readFileSync(file));
  } catch (error) {
    throw new CliError(`The file ${file} cannot be read: ${error instanceof Error ? error.message : error}.`);
  }
}
