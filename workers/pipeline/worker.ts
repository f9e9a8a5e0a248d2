// The generic pipeline Worker: one source for every pipeline; wrangler's [alias] puts in the handler and config of the
// pipeline's folder. Its doors are RPC (`run`, `invoke`, and what people ask of its collection) and the pipeline's own
// queue (doors.ts).

import { WorkerEntrypoint } from "cloudflare:workers";
import config from "#pipeline/config";
import * as handler from "#pipeline/handler";
import connections from "#weir/connections";
import models from "#weir/models";
import { openEnv } from "../../src/env.ts";
import { pipelineConfigSchema } from "../../src/shapes/config.ts";
import { connectionsSchema } from "../../src/shapes/connection.ts";
import type { ObjectName } from "../../src/shapes/erasure.ts";
import { objectHex } from "../../src/shapes/event-id.ts";
import type { Job } from "../../src/shapes/job.ts";
import { modelsSchema } from "../../src/shapes/model.ts";
import type { Moment, VectorQuestion } from "../../src/shapes/question.ts";
import { openDeps } from "./deps.ts";
import { consumeJobs, invokeJob, runJobs } from "./doors.ts";
import { takeMoment } from "./moments.ts";
import { embedQuestion } from "./questions.ts";
import type { Pipeline } from "./sdk.ts";

/** Version of the bundle itself: local work writes it beside the handler (cli/local/running-copies.ts). */
const { default: pipeline, WEIR_BUNDLED_VERSION: bundledVersion } = handler as {
  default: Pipeline;
  WEIR_BUNDLED_VERSION?: string;
};

const parsed = {
  config: pipelineConfigSchema.parse(config),
  connections: connectionsSchema.parse(connections),
  models: modelsSchema.parse(models),
};

export default class PipelineWorker extends WorkerEntrypoint {
  #deps() {
    const env = openEnv(this.env as object);
    return openDeps(
      pipeline,
      parsed.config,
      parsed.connections,
      parsed.models,
      env,
      Date.now,
      bundledVersion,
    );
  }

  run(jobs: Job[]) {
    return runJobs(jobs, this.#deps());
  }

  invoke(job: Job) {
    return invokeJob(job, this.#deps());
  }

  /** Vectors of a question that is put to this pipeline's collection. */
  embedQuestion(question: VectorQuestion) {
    return embedQuestion(question, this.#deps(), (work) => this.ctx.waitUntil(work));
  }

  /** A frame or a part of an object of this pipeline's source. */
  takeMoment(moment: Moment) {
    return takeMoment(moment, this.#deps());
  }

  /** Erases kept embeddings of objects, or counts them, in order. Any pipeline reaches them all. */
  eraseResults(objects: ObjectName[], dry: boolean) {
    const { results } = this.#deps();
    return Promise.all(
      objects.map((object) => results({ ...object, alias: "" }).erase(objectHex(object), dry)),
    );
  }

  override queue(batch: MessageBatch<unknown>): Promise<void> {
    return consumeJobs(batch.messages as readonly Message<Job>[], this.#deps());
  }

  override fetch(): Response {
    return Response.json(
      {
        detail: "A pipeline has no HTTP door of its own.",
        next: "POST to /v1/pipelines/{alias}/invoke on the router.",
      },
      { status: 404 },
    );
  }
}
