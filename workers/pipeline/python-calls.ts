// Answers the calls of a Python handler with the same `weir` and FileTools that a TypeScript handler has (sdk.ts).
// Chunks and vectors stay here, in one table a run; the handler holds their numbers, and values to look at. python.ts
// carries calls and answers.
import { Buffer } from "node:buffer";
import { z } from "zod";
import { type Failure, FailureError } from "../../src/shapes/failure.ts";
import { type Chunk, FileTools, type FramesOptions, type SplitOptions, type Weir } from "./sdk.ts";

type Answer = { value: unknown } | { failure: Failure };

const model = z.string();
const options = <Name extends string>(...names: Name[]) =>
  Object.fromEntries(names.map((name) => [name, z.unknown().optional()])) as Record<
    Name,
    z.ZodOptional<z.ZodUnknown>
  >;
const callSchema = z.discriminatedUnion("name", [
  z.strictObject({ name: z.literal("file_url"), bucket: z.string(), key: z.string() }),
  // Only the names of options are checked here, or a mistyped one would go unnoticed; compute checks their values.
  z.strictObject({
    name: z.literal("split_video"),
    file_url: z.string(),
    ...options("frame_interval", "scenes", "keyframes", "max_duration", "overlap"),
  }),
  z.strictObject({
    name: z.literal("frames"),
    file_url: z.string(),
    ...options("at", "every", "size", "format"),
  }),
  z.strictObject({ name: z.enum(["image_info", "probe"]), file_url: z.string() }),
  z.strictObject({ name: z.enum(["clip", "audio"]), chunk: z.int() }),
  z.strictObject({ name: z.literal("embed_video"), chunks: z.array(z.int()), model }),
  z.strictObject({ name: z.literal("embed_image"), file_url: z.string(), model }),
  z.strictObject({ name: z.literal("embed_text"), text: z.string(), model }),
  z.strictObject({
    name: z.literal("transcribe"),
    chunk: z.int().optional(),
    file_url: z.string().optional(),
    model: model.optional(),
    language: z.string().optional(),
  }),
  // Not a call: items have come, and more will.
  z.strictObject({ name: z.literal("more") }),
]);
type Call = z.infer<typeof callSchema>;

const vectorSchema = z.object({
  path: z.array(z.union([z.string(), z.int()])).min(1),
  /** Number of an embedding that this table holds. */
  ref: z.int().optional(),
  /** Vector of the handler's own: float32 in base64. */
  values: z.base64().optional(),
});
/** An item as the Python process sends it: JSON, and the vectors that belong into it. */
export const itemSchema = z.object({ data: z.unknown(), vectors: z.array(vectorSchema) });

export class PythonCalls {
  readonly #weir: Weir;
  readonly #chunks: Chunk[] = [];
  readonly #vectors: Float32Array[] = [];

  constructor(weir: Weir) {
    this.#weir = weir;
  }

  /** Answers a call. A failure that the handler may catch is part of the answer; any other error is thrown. */
  async answer(request: unknown): Promise<Answer> {
    const call = callSchema.safeParse(request);
    if (!call.success) return { failure: invalidCall(request, call.error) };
    return outcomeOf(() => this.#do(call.data));
  }

  /** Returns an item with its vectors in their places. */
  revive({ data, vectors }: z.infer<typeof itemSchema>): unknown {
    for (const { path, ref, values } of vectors) {
      const last = path.at(-1) ?? "";
      const parent = path.slice(0, -1).reduce((node, step) => node[step] as Json, data as Json);
      parent[last] = ref === undefined ? floats(values ?? "") : this.#vectors[ref];
    }
    return data;
  }

  async #do(call: Call): Promise<unknown> {
    switch (call.name) {
      case "file_url":
        return this.#weir.fileUrl(call.bucket, call.key);
      case "split_video": {
        const { name: _, file_url, frame_interval, max_duration, ...others } = call;
        const options = { ...others, frameInterval: frame_interval, maxDuration: max_duration };
        const chunks = await FileTools.splitVideo(file_url, options as SplitOptions);
        return chunks.map((chunk) => ({ id: this.#chunks.push(chunk) - 1, ...snakeCase(chunk) }));
      }
      case "image_info":
        return FileTools.imageInfo(call.file_url);
      case "probe":
        return FileTools.probe(call.file_url);
      case "frames": {
        const { name: _, file_url, ...options } = call;
        const pictures = await FileTools.frames(file_url, options as unknown as FramesOptions);
        return pictures.map(({ bytes, ...picture }) => ({ ...picture, data: base64(bytes) }));
      }
      case "clip":
        return base64(await FileTools.clip(this.#chunk(call.chunk)));
      case "audio":
        return base64(await FileTools.audio(this.#chunk(call.chunk)));
      case "embed_video":
        // Each chunk has its own outcome, so that a failure is raised where the handler comes to that chunk.
        return Promise.all(call.chunks.map((id) => outcomeOf(() => this.#embed(id, call.model)).then(flat)));
      case "embed_image":
        return this.#vectorAnswer(await this.#weir.embed.image(call.file_url, call.model));
      case "embed_text":
        return this.#vectorAnswer(await this.#weir.embed.text(call.text, call.model));
      case "transcribe": {
        const { chunk, file_url = "", model, language } = call;
        const source = chunk === undefined ? file_url : this.#chunk(chunk);
        const options = {
          ...(model !== undefined && { model }),
          ...(language !== undefined && { language }),
        };
        return snakeCase(await this.#weir.transcribe(source, options));
      }
      case "more":
        return null;
    }
  }

  async #embed(id: number, model: string): Promise<unknown> {
    return this.#vectorAnswer(await this.#weir.embed.video(this.#chunk(id), model));
  }

  #chunk(id: number): Chunk {
    const chunk = this.#chunks[id];
    if (!chunk) throw new FailureError({ kind: "invalid", detail: "The chunk is not one of this run." });
    return chunk;
  }

  #vectorAnswer(vector: Float32Array): { ref: number; values: string } {
    return { ref: this.#vectors.push(vector) - 1, values: base64(vector) };
  }
}

type Json = Record<string | number, unknown>;

async function outcomeOf(work: () => Promise<unknown>): Promise<Answer> {
  try {
    return { value: await work() };
  } catch (error) {
    if (error instanceof FailureError) return { failure: error.failure };
    throw error;
  }
}

const flat = (answer: Answer) => ("value" in answer ? answer.value : answer);

const snakeCase = (value: object) =>
  Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      member,
    ]),
  );

const base64 = ({ buffer, byteOffset, byteLength }: ArrayBufferView) =>
  Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength).toString("base64");

const floats = (base64: string) => new Float32Array(new Uint8Array(Buffer.from(base64, "base64")).buffer);

/** Failure for a call with a wrong argument, in the words of the handler's language. */
function invalidCall(request: unknown, { issues }: z.ZodError): Failure {
  const name = z.object({ name: z.string() }).safeParse(request).data?.name ?? "the call";
  const [issue] = issues;
  const place = issue?.path.length ? `${issue.path.join(".")}: ` : "";
  return { kind: "invalid", detail: `${name}: ${place}${issue?.message ?? "not as expected"}`, where: name };
}
