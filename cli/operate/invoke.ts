// Command `weir invoke`: runs a pipeline by its alias, on an object or on a payload, and prints what it returned.
import { readFileSync } from "node:fs";
import { type Invocation, WeirError } from "../../src/client/client.ts";
import { CliError, good, printJson } from "../io/output.ts";
import { type Client, type DeployedPipeline, type Item, itemsPath, openClient } from "./client.ts";
import { withoutNumbers } from "./item-data.ts";
import type { IdempotencyFlags, OperatorFlags } from "./replay.ts";

export interface InvokeFlags extends OperatorFlags, IdempotencyFlags {
  payload?: string;
  async?: boolean;
  full?: boolean;
}

/** Longest wait for a run, ms: the router waits no longer for a pipeline. */
const RUN_MS = 900_000;

/** Runs a pipeline once and prints its answer. @throws CliError where the run fails */
export async function invoke(
  root: string,
  alias: string,
  object: string | undefined,
  flags: InvokeFlags,
): Promise<void> {
  const body = {
    ...(object !== undefined && addressIn(object)),
    ...(flags.payload !== undefined && { payload: payloadIn(flags.payload) }),
  };
  if (Object.keys(body).length === 0)
    throw new CliError("There is nothing to run the pipeline on. Give bucket/key, or --payload.", [], 2);
  const client = openClient(root, flags);
  const answer = await client.call((weir) =>
    weir
      .invokePipeline(
        alias,
        body,
        { async: flags.async ? "true" : "false" },
        {
          signal: AbortSignal.timeout(RUN_MS),
          ...(flags.idempotencyKey !== undefined && { idempotencyKey: flags.idempotencyKey }),
        },
      )
      .catch(runFailure),
  );
  const models = flags.full || !("key" in body) ? new Map() : await modelsOf(client, alias, body.key);
  const data = flags.full ? answer.processed_data : withoutNumbers(answer.processed_data, models);
  printJson(flags.json ? { ...answer, processed_data: data } : data);
  if (flags.async) good(`The run is queued. Follow it with: weir runs show ${answer.run_id}`);
  else good(`${alias} returned ${answer.processed_data.length} in ${answer.run_id}.`);
}

/** Turns the answer of a failed run into words; anything else is thrown on. */
function runFailure(error: unknown): never {
  if (!(error instanceof WeirError)) throw error;
  const { run_id, error_details: failure } = (error.problem ?? {}) as Partial<Invocation>;
  if (run_id === undefined || !failure) throw error;
  const { kind, detail, where, expected, next } = failure;
  const more = [where && `at ${where}`, expected && `expected ${expected}`, next].filter(Boolean);
  const after = more.length === 0 ? "" : `\n  ${more.join("\n  ")}`;
  throw new CliError(`The run ${run_id} failed, ${kind}: ${detail}${after}`);
}

function addressIn(object: string): { bucket: string; key: string } {
  const [, bucket, key] = /^([^/]+)\/(.+)$/s.exec(object) ?? [];
  if (bucket && key) return { bucket, key };
  throw new CliError(`"${object}" is not an object. Write bucket/key.`, [], 2);
}

/** A payload that is given as JSON, as a file of it, or on stdin by `-`. */
function payloadIn(given: string): unknown {
  const isJson = /^\s*[[{"\d-]/.test(given) && given !== "-";
  try {
    return JSON.parse(isJson ? given : readFileSync(given === "-" ? 0 : given, "utf8"));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CliError(
      `The value "${given.slice(0, 100)}" of --payload cannot be read as JSON: ${why}.`,
      [],
      2,
    );
  }
}

/** Models of the vectors that a pipeline stored of an object, by their paths. */
async function modelsOf(client: Client, alias: string, key: string): Promise<Map<string, string | null>> {
  const { data } = await client.get<{ data: DeployedPipeline[] }>("/v1/pipelines");
  const collection = data.find((pipeline) => pipeline.alias === alias)?.config.destination.collection;
  if (collection === undefined) return new Map();
  const items = await client.list<Item>(`${itemsPath(collection)}?key=${encodeURIComponent(key)}`, 200);
  const own = items.filter(({ pipeline }) => pipeline === alias);
  return new Map(
    own.flatMap(({ position, vectors }) =>
      vectors.map(({ path, model }) => [`${position}.${path}`, model] as const),
    ),
  );
}
