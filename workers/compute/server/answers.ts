// Answers out of a job's outputs: one as JSON or a file, many as lines (NDJSON) while they come.
import type { DecoderJob, Output } from "./decoder/protocol.ts";
import type { Pool } from "./pool.ts";
import { refusal } from "./requests.ts";

/** Writes one line of an answer. */
export type WriteLine = (line: object) => void;

/** One job, one answer: what `present` makes of its last output. */
export async function answerOnce(
  pool: Pool,
  job: DecoderJob,
  signal: AbortSignal,
  present: (output: Output) => Response = (output) => Response.json(output),
): Promise<Response> {
  const place = pool.admit(1);
  if (!place.ok) return refusal(place.failure);
  try {
    let output: Output | undefined;
    const onOutput = (value: Output) => {
      output = value;
    };
    const caller = { onOutput, signal };
    const first = await pool.run(job, caller);
    // A child may die of something else than its job: a second one decides.
    const ended = first?.died ? await pool.run(job, caller) : first;
    return ended ? refusal(ended.failure) : present(output ?? ({} as Output));
  } finally {
    place.release();
  }
}

/** One job, a line for each of its outputs; the last line says how many they were, or what failed. */
export async function answerLines(pool: Pool, job: DecoderJob, signal: AbortSignal): Promise<Response> {
  const place = pool.admit(1);
  if (!place.ok) return refusal(place.failure);
  const answer = Promise.withResolvers<Response>();
  const lines = lineStream();
  let done = 0;
  const onOutput = (output: Output) => {
    done += 1;
    lines.write(output);
    answer.resolve(lines.response);
  };
  const work = async () => {
    const caller = { onOutput, signal };
    const first = await pool.run(job, caller);
    const ended = first?.died && done === 0 ? await pool.run(job, caller) : first;
    if (ended && done === 0) return answer.resolve(refusal(ended.failure));
    lines.write(ended ? { error: ended.failure } : { done });
    lines.end();
    answer.resolve(lines.response);
  };
  void work()
    .catch((error: unknown) => {
      lines.fail(error);
      answer.reject(error);
    })
    .finally(place.release);
  return answer.promise;
}

/** Lines that are written while `work` runs. A request takes as many places in the line as it can run jobs at once. */
export function streamLines(pool: Pool, places: number, work: (write: WriteLine) => Promise<void>): Response {
  const place = pool.admit(places);
  if (!place.ok) return refusal(place.failure);
  const lines = lineStream();
  void work(lines.write).then(lines.end, lines.fail).finally(place.release);
  return lines.response;
}

/** The answer with a file that a job put out in base64. */
export function presentFile(output: Output): Response {
  const { type, data } = output as { type?: unknown; data?: unknown };
  return new Response(Buffer.from(String(data), "base64"), { headers: { "content-type": String(type) } });
}

/** An answer whose lines are written one by one. What is written after the caller has gone is dropped. */
function lineStream() {
  const encoder = new TextEncoder();
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  const body = new ReadableStream<Uint8Array>({
    start(given) {
      controller = given;
    },
    cancel() {
      controller = undefined;
    },
  });
  return {
    response: new Response(body, { headers: { "content-type": "application/x-ndjson" } }),
    write: (line: object) => controller?.enqueue(encoder.encode(`${JSON.stringify(line)}\n`)),
    end: () => controller?.close(),
    /** Cuts the answer off; the caller asks again for the lines that are missing. */
    fail(error: unknown) {
      console.error(error);
      controller?.error(error);
    },
  };
}
