// Files that models.json names, read once and checked by their hash, and the warm sessions over them: what was hashed
// is what is loaded. tokens.ts reads its tokenizers here too. Inference process only.
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { InferenceSession } from "onnxruntime-node";
import { FailureError } from "../../../../src/shapes/failure.ts";
import { badModel } from "./bad-model.ts";
import { refusedModel } from "./onnx-file.ts";

/** Sessions that stay warm, by the hash of their file; the one not used for longest makes way. */
const MAX_SESSIONS = 6;

/** Warm sessions of models' files. */
export class Sessions {
  readonly #root: string;
  readonly #threads: number;
  readonly #sessions = new Map<string, Promise<InferenceSession>>();

  /** `root` is the folder that files are named from, `threads` how many one run may use. */
  constructor(root: string, threads: number) {
    this.#root = root;
    this.#threads = threads;
  }

  /** The session of a model's file. Throws {@link FailureError} `bad_model`. */
  async of({ file, sha256 }: { file: string; sha256: string }): Promise<InferenceSession> {
    const warm = this.#sessions.get(sha256) ?? this.#open(file, sha256);
    this.#sessions.delete(sha256);
    this.#sessions.set(sha256, warm);
    // One that could not be opened is tried anew by whoever asks next: the file may be there then.
    warm.catch(() => this.#sessions.delete(sha256));
    for (const [oldest, session] of [...this.#sessions].slice(
      0,
      Math.max(0, this.#sessions.size - MAX_SESSIONS),
    )) {
      this.#sessions.delete(oldest);
      await session.then(
        (opened) => opened.release(),
        () => {},
      );
    }
    return warm;
  }

  async #open(file: string, sha256: string): Promise<InferenceSession> {
    const bytes = await readChecked(this.#root, file, sha256);
    const refused = refusedModel(bytes);
    if (refused) throw badModel(`${file} ${refused}`, "Export it with its weights inside, as one file.");
    try {
      return await InferenceSession.create(bytes, {
        executionProviders: ["cpu"],
        intraOpNumThreads: this.#threads,
        interOpNumThreads: 1,
        executionMode: "sequential",
        logSeverityLevel: 3,
        // A thread that has nothing to do sleeps: the decoders need the cores.
        extra: { session: { intra_op: { allow_spinning: "0" } } },
      });
    } catch (error) {
      throw badModel(`${file} cannot be loaded: ${reasonOf(error)}`);
    }
  }
}

/** A file's bytes, if they are the ones that models.json means. */
export async function readChecked(root: string, file: string, sha256: string): Promise<Buffer> {
  const bytes = await readFile(join(root, file)).catch(() => undefined);
  if (!bytes) {
    throw badModel(
      `${file} is not where compute runs`,
      "Put it below models/ and build compute's image again.",
    );
  }
  const digest = createHash("sha256").update(bytes).digest("hex");
  if (digest !== sha256)
    throw badModel(`${file} is not the file that models.json means: its SHA-256 is ${digest}`);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The first line of an error's text. */
export const reasonOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split("\n", 1)[0]?.slice(0, 300) ?? "";
