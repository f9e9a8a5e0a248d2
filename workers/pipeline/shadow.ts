// The Worker in which `weir compare` runs a pipeline: the same attempt as in worker.ts, on the same handler and config,
// with a source that looks through a running Weir and a collection that keeps nothing. Its answer is what would have
// been stored. Beside it, the index of both versions' items (shadow-search.ts). Local, never deployed; it has no binding to
// anything else.
import { Buffer } from "node:buffer";
import config from "#pipeline/config";
import pipeline from "#pipeline/handler";
import models from "#weir/models";
import { type Env, openEnv } from "../../src/env.ts";
import { pipelineConfigSchema } from "../../src/shapes/config.ts";
import { type Failure, FailureError } from "../../src/shapes/failure.ts";
import type { NewItem } from "../../src/shapes/item.ts";
import type { Job } from "../../src/shapes/job.ts";
import { modelsSchema } from "../../src/shapes/model.ts";
import type { Observed, Source } from "../../src/source/contract.ts";
import type { Collection } from "../../src/store/collections/contract.ts";
import { hidden, hiding } from "./hidden.ts";
import type { RunOutcome } from "./outcome.ts";
import { compiledFilter, type RunDeps, runJob, setOf } from "./run.ts";
import {
  askShadow,
  type ShadowQuestion,
  type StoredBefore,
  shadowIndex,
  storeBefore,
} from "./shadow-search.ts";

export { SearchShard } from "../search/worker.ts";

/** Answer of the command's look-up: that of the router's `POST /v1/objects`, passed on. */
type LookUpAnswer =
  | { seen: Observed | null; tags: Record<string, string> | null; url: string | null }
  | { failure: Failure };

const parsed = { config: pipelineConfigSchema.parse(config), models: modelsSchema.parse(models) };

export default {
  async fetch(request: Request, raw: object, ctx: ExecutionContext): Promise<Response> {
    if (request.method === "GET") return Response.json({ status: "ok" });
    const env = openEnv(raw);
    // Nobody but the command may have the handler run.
    if (request.headers.get("authorization") !== `Bearer ${env.required("COMPUTE_TOKEN")}`)
      return Response.json({ detail: "This door is `weir compare`'s own." }, { status: 401 });
    const deps = depsOf(env);
    const body: unknown = await request.json();
    const { text } = parsed.config.destination.search ?? {};
    const { pathname } = new URL(request.url);
    if (pathname === "/before") {
      await storeBefore(shadowIndex("before", env, text), body as StoredBefore);
      return Response.json({});
    }
    if (pathname === "/search") {
      const question = body as ShadowQuestion;
      const index = shadowIndex(question.side, env, text);
      return Response.json(await askShadow(index, question, deps, (work) => ctx.waitUntil(work)));
    }
    const job = body as Job;
    const outcome = await runJob(job, { set: setOf(job), token: null, order: 0 }, deps);
    return Response.json(answerOf(hidden(outcome, deps.hide)));
  },
};

function answerOf(outcome: RunOutcome) {
  if (outcome.status === "failed") return outcome;
  return { ...outcome, stored: (outcome.stored ?? []).map(itemAnswer) };
}

const itemAnswer = ({ data, vectors }: NewItem) => ({
  data: JSON.parse(data) as unknown,
  vectors: vectors.map(({ values, ...vector }) => ({
    ...vector,
    float32: Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString("base64"),
  })),
});

function depsOf(env: Env): RunDeps {
  return {
    pipeline,
    config: parsed.config,
    filter: compiledFilter(parsed.config),
    source: sourceOf(env.required("SHADOW_URL")),
    collection: nothing,
    index: shadowIndex("after", env, parsed.config.destination.search?.text),
    // Any object may be compared, and nothing is stored that could come back: hops do not count.
    hops: { written: () => ({}), proven: () => 0 },
    compute: (_, request) => {
      const { pathname, search } = new URL(request.url);
      const onward = new Request(new URL(pathname + search, env.required("COMPUTE_URL")), request);
      onward.headers.set("authorization", `Bearer ${env.required("COMPUTE_TOKEN")}`);
      return fetch(onward);
    },
    results: () => ({ find: async () => [], keep: async () => {} }),
    models: parsed.models,
    secret: (name) => env.setting(name),
    hide: hiding(env.secretValues()),
    version: env.setting("WEIR_VERSION") ?? "unversioned",
    commit: "",
    now: Date.now,
    random: Math.random,
  };
}

function sourceOf(url: string): Source {
  const look = async (bucket: string, key: string, tags = false) => {
    const response = await fetch(url, { method: "POST", body: JSON.stringify({ bucket, key, tags }) });
    const looked = (await response.json()) as LookUpAnswer;
    if ("failure" in looked) throw new FailureError(looked.failure);
    return looked;
  };
  return {
    observe: async (bucket, key) => (await look(bucket, key)).seen,
    tags: async (bucket, key) => (await look(bucket, key, true)).tags ?? {},
    archivedIn: async () => null,
    async url(bucket, key) {
      const { url } = await look(bucket, key);
      if (url !== null) return url;
      throw new FailureError({ kind: "object_gone", detail: `${bucket}/${key} is not there` });
    },
    list: async () => ({ objects: [] }),
  };
}

/** A collection that takes everything and keeps nothing. */
const nothing: Collection = {
  begin: async (sets) => sets.map((set) => ({ set, token: null, order: 0 })),
  replace: async () => "stored",
  cancel: async () => {},
  isCancelled: async () => false,
  list: async () => ({ items: [] }),
  get: async () => null,
  describe: async (sets) => sets.map(() => null),
  sets: async () => ({ held: [] }),
  numbers: async () => ({ rows: [] }),
};
