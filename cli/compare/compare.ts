// `weir compare ALIAS`: the working tree's version of a pipeline beside what is stored, on a sample of the objects that
// it keeps items of. It runs here, on what a running Weir lets it read; nothing is stored and nothing is recorded.
import { randomBytes } from "node:crypto";
import { drifted, generate } from "../generate/generate.ts";
import { versionOf } from "../generate/version.ts";
import { untilInterrupted } from "../io/interrupt.ts";
import { CliError, good, note, print, printJson } from "../io/output.ts";
import { type Pipeline as Deployed, openClient } from "../operate/client.ts";
import { counted } from "../operate/replay-text.ts";
import { loadProject, type Project } from "../project/project.ts";
import { validate } from "../project/validate.ts";
import { devSecrets, type Env, stackSettings } from "../settings/dev-env.ts";
import { isLocal, settingsOf } from "../settings/settings.ts";
import { layBeside } from "./items.ts";
import { type Compared, type Limits, reportOf, reportText } from "./report.ts";
import { eventOf, objectsOf, type ProducedObject, sampleOf, storedOf } from "./sample.ts";
import { type Shadow, startShadow } from "./shadow.ts";

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

/** Prints the report. @throws CliError (exit code 1) where it is not within the limits, or a run failed */
export async function compare(options: CompareOptions): Promise<void> {
  const { root, env, alias } = options;
  const { problems } = validate(root);
  if (problems.length > 0) throw new CliError("nothing was compared: the project has problems", problems);
  const stale = drifted(root, await generate(root)).filter((name) => name.startsWith(`pipelines/${alias}/`));
  if (stale.some((name) => name.endsWith(".ts"))) {
    throw new CliError(
      `${stale.join(", ")} differ from what would be generated: run \`weir generate\` first`,
    );
  }
  const project = loadProject(root);
  const pipeline = project.pipelines.find(({ name }) => name === alias);
  if (!pipeline) throw new CliError(`there is no pipeline ${alias} in this tree`, [], 4);
  const reach = options.url === undefined ? {} : { url: options.url };
  const client = openClient(root, reach);
  const url = settingsOf(root, env, reach).url.value;
  const version = await versionOf(project, pipeline);
  const { data } = await client.get<{ data: Deployed[] }>("/v1/pipelines");
  const deployed = data.find((one) => one.alias === alias);
  if (!deployed)
    throw new CliError(`${url} has no pipeline ${alias}: there is nothing to compare with`, [], 4);
  const all = await objectsOf(client, alias, options.prefix);
  const sample = sampleOf(all, options.sample, options.seed);
  note(`version ${version} beside what is stored of ${counted(sample.length, "object")} of ${all.length}`);
  const { collection } = deployed.config.destination;

  await untilInterrupted(async (interrupted) => {
    const settings = settingsFor(project, url, env);
    const starting = startShadow({ project, pipeline, version, client, url, settings });
    const shadow = await Promise.race([starting, interrupted]);
    if (!shadow) return void (await starting.then((late) => late.stop()));
    try {
      const one = (produced: ProducedObject) => compareOne(shadow, produced);
      const compared = await Promise.race([inLanes(sample, options.concurrency, one), interrupted]);
      if (compared)
        printReport(options, compared, { version, deployed: deployed.version, sample, all: all.length });
    } finally {
      await shadow.stop();
    }
  });

  async function compareOne(shadow: Shadow, produced: ProducedObject): Promise<Compared> {
    const { bucket, key, etag } = produced.object;
    const stored = await storedOf(client, collection, alias, produced);
    const event = await eventOf(client, collection, produced, stored.first);
    const job = { run_id: "run_compared", alias, event, cause: "replayed", attempts_before: 0 } as const;
    const outcome = await shadow.run(job);
    if (outcome.status === "failed") return { bucket, key, state: "failed", ...outcome.failure };
    if (outcome.etag !== undefined && etag !== null && outcome.etag !== etag)
      return { bucket, key, state: "changed since" };
    const { reason } = outcome;
    const laid = layBeside(stored.items, outcome.stored);
    return { bucket, key, state: "compared", laid, ...(reason !== undefined && { reason }) };
  }
}

interface Beside {
  version: string;
  deployed: string;
  sample: ProducedObject[];
  all: number;
}

function printReport(
  options: CompareOptions,
  compared: Compared[],
  { version, deployed, sample, all }: Beside,
): void {
  const report = reportOf(compared, options);
  const stored = Object.fromEntries(
    [...Map.groupBy(sample, (one) => one.version ?? "unknown")].map(([by, objects]) => [by, objects.length]),
  );
  const answer = {
    alias: options.alias,
    version,
    deployed,
    seed: options.seed,
    of: all,
    stored_by: stored,
    ...report,
  };
  if (options.json) printJson(answer);
  else print(reportText(report));
  if (report.ok) {
    good("nothing was stored");
    return;
  }
  const beyond = report.limits.filter(({ ok }) => !ok).map(({ limit }) => `--${limit}`);
  const why = [
    ...(beyond.length > 0 ? [`not within ${beyond.join(", ")}`] : []),
    ...(report.objects.failed > 0 ? [`${counted(report.objects.failed, "run")} failed`] : []),
  ];
  throw new CliError(`${options.alias}: ${why.join("; ")}; nothing was stored`);
}

/** Of a Weir on this machine its own secrets; else what the environment holds. */
function settingsFor(project: Project, url: string, env: NodeJS.ProcessEnv): Env {
  const given = Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value ? [[name, value]] : [])),
  );
  if (!isLocal(url)) return given;
  const secrets = devSecrets(project.root, project.connections, randomBytes);
  return { ...given, ...stackSettings(project.connections, url, secrets) };
}

/** All of them, so many at a time, in their order; the progress is told where a terminal shows it. */
async function inLanes<T, R>(all: readonly T[], lanes: number, work: (one: T) => Promise<R>): Promise<R[]> {
  const results: R[] = new Array(all.length);
  let [begun, done] = [0, 0];
  const lane = async () => {
    for (let at = begun++; at < all.length; at = begun++) {
      results[at] = await work(all[at] as T);
      done++;
      if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${done} of ${all.length}`);
    }
  };
  await Promise.all(Array.from({ length: Math.min(lanes, all.length) }, lane));
  if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");
  return results;
}
