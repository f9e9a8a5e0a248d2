// The handler of a pipeline that is written in Python: hands handler.py and the event to compute, answers the calls that
// come back (python-calls.ts), and yields the items. The Python process sees signed URLs and no credentials.

import { z } from "zod";
import config from "#pipeline/config";
import { pipelineConfigSchema } from "../../src/shapes/config.ts";
import { type Failure, FailureError, verdictOf } from "../../src/shapes/failure.ts";
import { currentRun } from "./context.ts";
import { itemSchema, PythonCalls } from "./python-calls.ts";
import { definePipeline } from "./sdk.ts";

const turnSchema = z.object({
  log: z.array(z.string()).default([]),
  items: z.array(itemSchema).default([]),
  call: z.unknown().optional(),
  failure: z
    .looseObject({ kind: z.string(), detail: z.string(), where: z.string().exactOptional() })
    .optional(),
  done: z.boolean().default(false),
  waiting: z.boolean().default(false),
});

const { alias, timeout_seconds, secrets = [] } = pipelineConfigSchema.parse(config);
/** Time of the handler in compute: a little less than the run has, so that compute's last answer still comes. */
const timeout_ms = timeout_seconds * 1000 - 500;

/** Makes a pipeline of the text of a handler.py. */
export const pythonPipeline = (source: string) =>
  definePipeline(async function* (event, { weir, log }) {
    const { compute } = currentRun();
    const calls = new PythonCalls(weir);
    const run = crypto.randomUUID();
    const ask = async (body: object) => turnSchema.parse(await compute.call("/v1/python", { run, ...body }));
    let over = false;
    try {
      let turn = 1;
      let body: object = { turn, start: { pipeline: alias, source, env: secretsOf(), event, timeout_ms } };
      while (!over) {
        const turnAnswer = await ask(body);
        for (const line of turnAnswer.log) log(unsigned(line));
        over = turnAnswer.done || turnAnswer.failure !== undefined;
        if (turnAnswer.failure) throw new FailureError(raisedFailure(turnAnswer.failure));
        for (const item of turnAnswer.items) yield calls.revive(item);
        // Asking for the same turn again waits for it a while longer.
        if (!over && !turnAnswer.waiting)
          body = { turn: ++turn, answer: await calls.answer(turnAnswer.call) };
      }
    } finally {
      // Items that cannot be stored end a run early. When its time is up, compute has ended it already.
      if (!over) await ask({ end: true }).catch(() => {});
    }
  });

/** Secrets that the config lets the handler see, as a TypeScript handler finds them in `process.env`. */
const secretsOf = () =>
  Object.fromEntries(secrets.map((name) => [name, process.env[name]]).filter(([, value]) => value));

/** A text without the queries of its URLs, which sign them: a handler may print its file's URL, and logs are kept. */
const unsigned = (text: string) => text.replace(/(https?:\/\/[^\s"'<>?]+)\?[^\s"'<>]*/g, "$1?…");

/** The failure that a handler raised; one of a kind that Weir does not have becomes `handler_failed`. */
function raisedFailure(raised: NonNullable<z.infer<typeof turnSchema>["failure"]>): Failure {
  const kind = raised.kind as Failure["kind"];
  const clean = { ...raised, detail: unsigned(raised.detail) };
  if (clean.where !== undefined) clean.where = unsigned(clean.where);
  try {
    verdictOf(kind);
    return { ...clean, kind };
  } catch {
    return { ...clean, kind: "handler_failed" };
  }
}
