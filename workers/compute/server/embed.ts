// POST /v1/embed: many items in, one NDJSON line for each as it is done. Items of one object go to one child
// together and share its reading of the index; a decoder that dies costs the item it was at, not the rest.
import type { ServerResponse } from "node:http";
import type { EmbedJob, Output } from "./jobs.ts";
import { type Builtin, findModel, type MediaKind, type Models } from "./models.ts";
import type { Span } from "./plan.ts";
import type { Pool } from "./pool.ts";
import { refuse } from "./requests.ts";

export interface EmbedRequest {
  items: { url: string; span?: Span | undefined }[];
  model: string;
  kind: MediaKind;
}

/** Streams the answer. A request takes as many places in the line as it can run jobs at once. */
export async function embed(
  pool: Pool,
  models: Models,
  request: EmbedRequest,
  response: ServerResponse,
): Promise<void> {
  const model = findModel(models, request.model, request.kind);
  if (!model.ok) return refuse(response, model.failure);
  const jobs = jobsOf(request, model.value);
  const lanes = Math.min(jobs.length, pool.options.size);
  const place = pool.admit(lanes);
  if (!place.ok) return refuse(response, place.failure);
  response.writeHead(200, { "content-type": "application/x-ndjson" });
  const write = (output: Output) => {
    const line = "error" in output ? output : { ...output, model: model.value };
    response.write(`${JSON.stringify(line)}\n`);
  };
  try {
    await Promise.all(
      Array.from({ length: lanes }, async () => {
        for (let job = jobs.shift(); job && !response.destroyed; job = jobs.shift())
          await finish(pool, job, write);
      }),
    );
    response.end();
  } finally {
    place.release();
  }
}

/** One job for each object, its spans in the order of time. */
function jobsOf({ items, kind }: EmbedRequest, model: Builtin): EmbedJob[] {
  const jobs = new Map<string, EmbedJob>();
  for (const [index, { url, span }] of items.entries()) {
    const job = jobs.get(url) ?? { kind: "embed", url, media: kind, model, items: [] };
    jobs.set(url, job);
    job.items.push({ index, span });
  }
  for (const job of jobs.values()) job.items.sort((a, b) => (a.span?.start ?? 0) - (b.span?.start ?? 0));
  return [...jobs.values()];
}

/** Runs a job until each of its items has a line. */
async function finish(pool: Pool, job: EmbedJob, write: (output: Output) => void): Promise<void> {
  let left = job.items;
  while (left.length > 0) {
    let done = 0;
    const failure = await pool.run({ ...job, items: left }, (output) => {
      done += 1;
      write(output);
    });
    left = left.slice(done);
    if (failure === undefined) return;
    const [culprit, ...others] = left;
    if (culprit === undefined) return;
    write({ index: culprit.index, error: failure });
    // Nothing came of it at all: opening it is what fails, and would again.
    if (done === 0) for (const item of others.splice(0)) write({ index: item.index, error: failure });
    left = others;
  }
}
