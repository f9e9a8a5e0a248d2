// Hashes of a model's file while it is written, and whether they are the ones that were stated.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import type { SourceFile } from "./source.ts";

/** SHA-256 and git's hash of the same bytes. */
export class Hashes {
  readonly #sha256 = createHash("sha256");
  readonly #git: ReturnType<typeof createHash>;
  bytes = 0;

  constructor(file: SourceFile) {
    this.#git = createHash("sha1").update(`blob ${file.bytes}\0`);
  }

  update(chunk: Uint8Array): void {
    this.#sha256.update(chunk);
    this.#git.update(chunk);
    this.bytes += chunk.length;
  }

  digest(): { sha256: string; gitSha1: string } {
    return { sha256: this.#sha256.digest("hex"), gitSha1: this.#git.digest("hex") };
  }
}

/** Hashes of what a file holds already. */
export async function hashesOf(path: string, file: SourceFile): Promise<Hashes> {
  const hashes = new Hashes(file);
  for await (const chunk of createReadStream(path)) hashes.update(chunk as Buffer);
  return hashes;
}

/** What differs between what was stated and what is there; undefined where nothing does. */
export function differenceOf(
  { bytes, sha256, gitSha1 }: SourceFile,
  found: { bytes: number; sha256: string; gitSha1: string },
): string | undefined {
  if (found.bytes !== bytes) return `${found.bytes} bytes are there, not ${bytes}`;
  if (sha256 !== undefined && found.sha256 !== sha256) return `its SHA-256 is ${found.sha256}, not ${sha256}`;
  if (sha256 === undefined && gitSha1 !== undefined && found.gitSha1 !== gitSha1)
    return `its git hash is ${found.gitSha1}, not ${gitSha1}`;
  return undefined;
}
