// Command `weir compare ALIAS`: runs the pipeline of this tree on a sample of objects and compares its items with the
// stored ones. The pipeline runs on this machine and reads objects through a running Weir; nothing is stored there.
import { randomBytes } from "node:crypto";
import { drifted, generate } from "../generate/generate.ts";
import { versionOf } from "../generate/version.ts";
import { untilInterrupted } from "../io/interrupt.ts";
import { CliError, good, note, print, printJson } from "../io/output.ts";
import { type DeployedPipeline, openClient } from "../operate/client.ts";
import { countText } from "../operate/replay-text.ts";
import { loadProject, type Project } from "../project/project.ts";
import { requireValid } from "../project/validate.ts";
import { devSecrets, type SettingValues, stackSettings } from "../settings/dev-env.ts";
import { isLocal, settingsOf } from "../settings/settings.ts";
import { pairItems } from "./items.ts";
import { compareQueries, objectsOfQueries, type QueriesReport, type QueryComparison } from "./queries.ts";
import { type Limits, type ObjectComparison, queriesText, reportOf, reportText } from "./report.ts";
import { eventOf, objectsOf, type ProducedObject, sampleOf, storedOf } from "./sample.ts";
import { startShadow } from "./shadow.ts";

export interface CompareOptions extends Limits {
  root: string;
  env: NodeJS.ProcessEnv;
  alias: string;
  sample: number;
  seed: string;
  prefix?: string;
  concurrency: number;
  url?: string;
  json?: boolean;
}

/** Objects that are run beside the sample, since golden queries name them. */
const MAX_QUERY_OBJECTS = 50;

/** Compares and prints the report. @throws CliError (exit code 1) where a limit is exceeded or a run failed */
export async function compare(options: CompareOptions): Promise<void> {
  const { root, env, alias } = options;
  const project = loadProject(root);
  requireValid(project, "Nothing was compared");
  const stale = drifted(root, await generate(project)).filter((name) =>
    name.startsWith(`pipelines/${alias}/`),
  );
  if (stale.some((name) => name.endsWith(".ts"))) {
    throw new CliError(
      `Nothing was compared: ${stale.join(", ")} are out of date. Run \`weir generate\` first.`,
    );
  }
  const pipeline = project.pipelines.find(({ name }) => name === alias);
  if (!pipeline) throw new CliError(`There is no pipeline ${alias} in this tree.`, [], 4);
  const reach = options.url === undefined ? {} : { url: options.url };
  const client = openClient(root, reach);
  const url = settingsOf(root, env, reach).url.value;
  const version = await versionOf(project, pipeline);
  const { data } = await client.get<{ data: DeployedPipeline[] }>("/v1/pipelines");
  const deployed = data.find((pipeline) => pipeline.alias === alias);
  if (!deployed)
    throw new CliError(
      `The Weir at ${url} has no pipeline ${alias}, so there is nothing to compare with.`,
      [],
      4,
    );
  const { collection } = deployed.config.destination;
  const queries = project.queries.find((own) => own.collection === collection)?.queries ?? [];
  const all = await objectsOf(client, alias, options.prefix);
  const sample = [
    ...new Set([
      ...sampleOf(all, options.sample, options.seed),
      ...objectsOfQueries(queries, all, alias).slice(0, MAX_QUERY_OBJECTS),
    ]),
  ];
  note(
    `Comparing version ${version} with the stored items of ${countText(sample.length, "object")} of ${all.length}.`,
  );

  await untilInterrupted(async (interrupted) => {
    const settings = settingsFor(project, url, env);
    const starting = startShadow({ project, pipeline, version, client, url, settings });
    const shadow = await Promise.race([starting, interrupted]);
    if (!shadow) return void (await starting.then((late) => late.stop()));
    try {
      const side = { client, shadow, collection, alias };
      const compareProduced = (produced: ProducedObject) => compareOne(side, produced);
      const compared = await Promise.race([
        mapInLanes(sample, options.concurrency, compareProduced),
        interrupted,
      ]);
      if (!compared) return;
      const objects = sample
        .map(({ object }) => object)
        .filter((_, place) => compared[place]?.state === "compared");
      const comparing = queries.length > 0 ? compareQueries({ ...side, queries, objects }) : null;
      const answered = await Promise.race([comparing, interrupted]);
      if (answered === undefined) return;
      const context = { version, deployed: deployed.version, sample, all: all.length, queries: answered };
      printReport(options, compared, context);
    } finally {
      await shadow.stop();
    }
  });
}

type Sides = Pick<QueryComparison, "client" | "shadow" | "collection" | "alias">;

/** Runs the pipeline for an object, and lays its items beside the stored ones. */
async function compareOne(
  { client, shadow, collection, alias }: Sides,
  produced: ProducedObject,
): Promise<ObjectComparison> {
  const { connection, bucket, key, etag, size } = produced.object;
  const stored = await storedOf(client, collection, alias, produced);
  const event = await eventOf(client, collection, produced, stored.first);
  const job = { run_id: "run_compared", alias, event, cause: "replayed", attempts_before: 0 } as const;
  const outcome = await shadow.run(job);
  if (outcome.status === "failed") return { bucket, key, state: "failed", ...outcome.failure };
  if (outcome.etag !== undefined && etag !== null && outcome.etag !== etag)
    return { bucket, key, state: "changed since" };
  await shadow.storeBefore({
    ...{ set: { alias, connection, bucket, key }, version: produced.version ?? "", etag, size },
    stored_at: produced.stored_at ?? new Date(0).toISOString(),
    items: stored.items.map(({ data, vectors }) => ({
      data,
      span: vectors.find(({ span }) => span)?.span ?? null,
    })),
  });
  const { reason } = outcome;
  const laid = pairItems(stored.items, outcome.stored);
  return { bucket, key, state: "compared", laid, ...(reason !== undefined && { reason }) };
}

interface ReportContext {
  version: string;
  deployed: string;
  sample: ProducedObject[];
  all: number;
  queries: QueriesReport | null;
}

function printReport(
  options: CompareOptions,
  compared: ObjectComparison[],
  { version, deployed, sample, all, queries }: ReportContext,
): void {
  const report = reportOf(compared, options);
  const stored = Object.fromEntries(
    [...Map.groupBy(sample, (produced) => produced.version ?? "unknown")].map(([by, objects]) => [
      by,
      objects.length,
    ]),
  );
  const answer = {
    alias: options.alias,
    version,
    deployed,
    seed: options.seed,
    of: all,
    stored_by: stored,
    ...report,
    queries,
  };
  if (options.json) printJson(answer);
  else print([reportText(report), ...queriesText(queries)].join("\n\n"));
  if (report.ok) {
    good("Within all limits. Nothing was stored.");
    return;
  }
  const beyond = report.limits.filter(({ ok }) => !ok).map(({ limit }) => `--${limit}`);
  const why = [
    ...(beyond.length > 0 ? [`not within ${beyond.join(", ")}`] : []),
    ...(report.objects.failed > 0 ? [`${countText(report.objects.failed, "run")} failed`] : []),
  ];
  throw new CliError(`The comparison of ${options.alias} failed: ${why.join("; ")}. Nothing was stored.`);
}

/** Settings of the pipeline: the environment, with the local secrets where the Weir is on this machine. */
function settingsFor(project: Project, url: string, env: NodeJS.ProcessEnv): SettingValues {
  const given = Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value ? [[name, value]] : [])),
  );
  if (!isLocal(url)) return given;
  const secrets = devSecrets(project.root, project.connections, randomBytes);
  return { ...given, ...stackSettings(project.connections, url, secrets) };
}

/** Maps values in parallel lanes, keeping their order; prints the progress at a terminal. */
async function mapInLanes<T, R>(
  values: readonly T[],
  lanes: number,
  work: (value: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = new Array(values.length);
  let [begun, done] = [0, 0];
  const lane = async () => {
    for (let index = begun++; index < values.length; index = begun++) {
      results[index] = await work(values[index] as T);
      done++;
      if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${done} of ${values.length}`);
    }
  };
  await Promise.all(Array.from({ length: Math.min(lanes, values.length) }, lane));
  if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");
  return results;
}
