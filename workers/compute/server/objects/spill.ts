// Temporary copy of an object whose server takes no notice of ranges: read once, into a file of bounded size.
import { Buffer } from "node:buffer";
import { type FileHandle, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fail, ok, type Result } from "../../../../src/shapes/failure.ts";

const MAX_COPY_BYTES = 2 * 1024 ** 3;
/** The disk, what this user may have of it, what a file may have. */
const FULL_CODES = ["ENOSPC", "EDQUOT", "EFBIG"];

/** A temporary copy of an object. The file has no name once it is open, so a killed process leaves none. */
export class Spill {
  readonly size: number;
  #file: FileHandle;

  private constructor(file: FileHandle, size: number) {
    this.#file = file;
    this.size = size;
  }

  static async fill(
    body: AsyncIterable<Uint8Array>,
    name: string,
    count: (bytes: number) => void,
  ): Promise<Result<Spill>> {
    let folder: string | undefined;
    let file: FileHandle | undefined;
    try {
      folder = await mkdtemp(join(tmpdir(), "weir-"));
      file = await open(join(folder, "object"), "wx+", 0o600);
      await rm(folder, { recursive: true });
      let size = 0;
      for await (const piece of body) {
        size += piece.length;
        count(piece.length);
        if (size > MAX_COPY_BYTES) {
          const next = "Serve it from a store that answers Range requests.";
          const detail = `${name} is over 2 GB and its server sends no ranges`;
          await file.close();
          return fail("too_large", detail, { where: name, next });
        }
        await file.writeFile(piece);
      }
      return ok(new Spill(file, size));
    } catch (error) {
      await file?.close();
      if (folder) await rm(folder, { recursive: true, force: true });
      const full = error instanceof Error && "code" in error && FULL_CODES.includes(String(error.code));
      const detail = full ? `no room left to read ${name}` : `reading ${name} broke off`;
      return fail("unavailable", detail, { where: name });
    }
  }

  async read(position: number, length: number): Promise<Buffer> {
    const { buffer, bytesRead } = await this.#file.read(Buffer.alloc(length), 0, length, position);
    return buffer.subarray(0, bytesRead);
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
