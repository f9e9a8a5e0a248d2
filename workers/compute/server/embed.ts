// POST /v1/embed: many items in, one NDJSON line for each as it is done. Items of one object go to one child
// together and share its reading of the index; a decoder that dies costs the item it was at, not the rest.
import type { ServerResponse } from "node:http";
import type { Failure } from "../../../src/shapes/failure.ts";
import type { EmbedJob, Output, Version } from "./jobs.ts";
import { type Builtin, findModel, type MediaKind, type Models } from "./models.ts";
import type { Span } from "./plan.ts";
import type { Pool } from "./pool.ts";
import { refuse } from "./requests.ts";
import { keyOf, type Results } from "./results.ts";

export interface EmbedRequest {
  items: { url: string; span?: Span | undefined }[];
  model: string;
  kind: MediaKind;
}

/** Streams the answer. A request takes as many places in the line as it can run jobs at once. */
export async function embed(
  pool: Pool,
  models: Models,
  results: Results,
  request: EmbedRequest,
  response: ServerResponse,
  signal: AbortSignal,
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
        for (let job = jobs.shift(); job && !signal.aborted; job = jobs.shift())
          await finish(pool, results, job, write, signal);
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

/** Runs a job until each of its items has a line: from what is known, or made now. */
async function finish(
  pool: Pool,
  results: Results,
  job: EmbedJob,
  write: (output: Output) => void,
  signal: AbortSignal,
): Promise<void> {
  let left = job.items;
  let opened: Version | undefined;
  let suspect: number | undefined;
  const onOpened = (version: Version) => {
    opened = version;
    const known: number[] = [];
    for (const item of left) {
      const result = results.get(keyOf(job, version, item) ?? "");
      if (!result) continue;
      write({ index: item.index, ...result, read: { bytes: 0, requests: 0 }, cached: true });
      known.push(item.index);
    }
    left = left.filter((item) => !known.includes(item.index));
    return known;
  };
  const refuseAll = (items: EmbedJob["items"], error: Failure) => {
    for (const { index } of items) write({ index, error });
  };
  while (left.length > 0 && !signal.aborted) {
    const before = left.length;
    const onOutput = (output: Output) => {
      const [item] = left;
      if (item && opened && "embedding" in output) {
        const key = keyOf(job, opened, item);
        if (key !== undefined) results.set(key, output as Parameters<Results["set"]>[1]);
      }
      left = left.slice(1);
      write(output);
    };
    const ended = await pool.run({ ...job, items: left }, { onOutput, onOpened, signal });
    const [culprit, ...others] = left;
    if (ended === undefined || culprit === undefined) return;
    // A child can die of something else than the item it was at: that gets a second one.
    if (ended.died && suspect !== culprit.index) {
      suspect = culprit.index;
      continue;
    }
    // Nothing came of it at all: opening it is what fails, and would again.
    if (left.length === before) return refuseAll(left, ended.failure);
    refuseAll([culprit], ended.failure);
    left = others;
  }
}
