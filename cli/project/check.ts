// Checks of how the parts of a project fit together, which the schema of a single file cannot see. Every problem has
// its file, line and column. project.ts reads the parts; check-filters.ts and check-models.ts check filters and models.
import {
  bucketBinding,
  databaseBinding,
  databaseNames,
  pipelineBinding,
  signingKeyName,
} from "../../src/shapes/bindings.ts";
import type { PipelineConfig } from "../../src/shapes/config.ts";
import { searchSettingsSchema } from "../../src/shapes/search.ts";
import type { Problem } from "../io/json-file.ts";
import { suggestion } from "../io/suggest.ts";
import { ARCHIVE } from "./bindings.ts";
import type { Pipeline, Project } from "./project.ts";

/** Finds every problem between the parts of a project. Parts that did not parse are skipped. */
export function crossCheck(project: Project): Problem[] {
  return [
    ...project.pipelines.flatMap((pipeline) => checkPipeline(project, pipeline)),
    ...checkAliases(project),
    ...checkCollections(project),
    ...checkSearch(project),
    ...checkBindings(project),
    ...checkShards(project),
    ...checkSecrets(project),
    ...checkSigningKeys(project),
    ...checkArchive(project),
  ];
}

function checkPipeline(project: Project, pipeline: Pipeline): Problem[] {
  const file = pipeline.files.config;
  const problems: Problem[] = [];
  if (!pipeline.handler) {
    const next = `Create ${pipeline.folder}/handler.ts or handler.py.`;
    problems.push(file.at([], "The pipeline has no handler.", next));
  }
  const { config } = pipeline;
  if (!config) return problems;
  if (config.alias !== pipeline.name) {
    const next = `Rename the folder to pipelines/${config.alias}, or the alias to "${pipeline.name}".`;
    problems.push(
      file.at(
        ["alias"],
        `The alias "${config.alias}" differs from the name of its folder, "${pipeline.name}".`,
        next,
      ),
    );
  }
  const connectionIds = Object.keys(project.connections);
  for (const end of ["source", "destination"] as const) {
    const id = config[end].connection_id;
    const connection = project.connections[id];
    const place = [end, "connection_id"];
    if (!connection) {
      problems.push(
        file.at(
          place,
          `The ${end} names the connection "${id}", which is not in connections.json.`,
          suggestion(id, connectionIds),
        ),
      );
    } else if (end === "source" && connection.kind === "d1") {
      problems.push(file.at(place, `The source "${id}" is a D1 database.`, "Name an r2 or s3 connection."));
    } else if (end === "source" && connection.kind !== "d1" && connection.events.length === 0) {
      const next = `List in connections.json, under "${id}", how its events are proven.`;
      problems.push(file.at(place, `The source "${id}" has no events.`, next));
    } else if (end === "destination" && connection.kind === "s3") {
      problems.push(file.at(place, `The destination "${id}" is an S3 store.`, "Name a d1 or r2 connection."));
    }
  }
  const models = Object.keys(project.definitions);
  for (const [index, name] of (config.models ?? []).entries()) {
    if (models.includes(name)) continue;
    problems.push(
      file.at(["models", index], `The model "${name}" is not in models.json.`, suggestion(name, models)),
    );
  }
  return problems;
}

function checkAliases(project: Project): Problem[] {
  // Two aliases also clash where they give the same binding name, as `a-b` and `a_b` do.
  return clashes(
    project.pipelines,
    (pipeline) => pipeline.config && pipelineBinding(pipeline.config.alias),
  ).map(([first, second]) =>
    second.files.config.at(
      ["alias"],
      `The alias "${second.config?.alias}" is taken by ${first.folder}.`,
      "Give each pipeline its own alias.",
    ),
  );
}

/** Finds pipelines that share a collection and differ in how it is searched: each would index it in its own way. */
function checkSearch({ pipelines }: Project): Problem[] {
  const writers = pipelines.flatMap(({ config, folder, files }) =>
    config ? [{ folder, file: files.config, destination: config.destination }] : [],
  );
  const settings = (destination: PipelineConfig["destination"]) =>
    JSON.stringify(searchSettingsSchema.parse(destination.search ?? {}));
  return clashes(writers, ({ destination }) => destination.collection)
    .filter(([first, second]) => settings(first.destination) !== settings(second.destination))
    .map(([first, second]) =>
      second.file.at(
        ["destination"],
        `The collection "${second.destination.collection}" is searched otherwise for ${first.folder}.`,
        'Give both the same "search" in their destinations.',
      ),
    );
}

function checkCollections(project: Project): Problem[] {
  const homes = new Map<string, Pipeline>();
  return project.pipelines.flatMap((pipeline) => {
    if (!pipeline.config) return [];
    const { collection, connection_id } = pipeline.config.destination;
    const home = homes.get(collection);
    if (!home) homes.set(collection, pipeline);
    const owner = home?.config?.destination.connection_id;
    if (!owner || owner === connection_id) return [];
    const problem = `The collection "${collection}" is at "${owner}" for ${home.folder}, and here at "${connection_id}".`;
    const next = "Use the same connection for both, or another name for the collection.";
    return [pipeline.files.config.at(["destination", "collection"], problem, next)];
  });
}

const isOwn = (secret: string) => secret.startsWith("WEIR_");
const RENAME_SECRET_ADVICE = "Remove it, or rename your own secret.";

/** Finds secrets of Weir's own, which no handler and no model's endpoint may get. */
function checkSecrets({ pipelines, definitions, files: { models } }: Project): Problem[] {
  const problemOf = (name: string) => `"${name}" is a secret of Weir itself, which no handler may read.`;
  return [
    ...pipelines.flatMap(({ files: { config: file }, config }) =>
      (config?.secrets ?? []).flatMap((name, index) =>
        isOwn(name) ? [file.at(["secrets", index], problemOf(name), RENAME_SECRET_ADVICE)] : [],
      ),
    ),
    ...Object.entries(definitions).flatMap(([id, model]) =>
      model.kind === "http" && model.key !== undefined && isOwn(model.key)
        ? [models.at([id, "key"], problemOf(model.key), RENAME_SECRET_ADVICE)]
        : [],
    ),
  ];
}

function checkBindings(project: Project): Problem[] {
  const named = Object.entries(project.connections).flatMap(([id, connection]) =>
    connection.kind === "d1"
      ? databaseNames(connection).map((name) => ({ id, name, binding: databaseBinding(name) }))
      : connection.buckets.map((bucket) => ({ id, name: bucket, binding: bucketBinding(bucket) })),
  );
  return clashes(named, (binding) => binding.binding)
    .filter(([first, second]) => first.name !== second.name)
    .map(([first, second]) =>
      project.files.connections.at(
        ["connections", second.id],
        `"${second.name}" and "${first.name}" would both be bound as ${first.binding}.`,
        "Rename one of them: names must differ in more than punctuation.",
      ),
    );
}

/** Finds connections that share a database and spread their sets differently: each would miss some of the other's. */
function checkShards({ connections, files }: Project): Problem[] {
  const spreads = Object.entries(connections).flatMap(([id, connection]) =>
    connection.kind === "d1" ? databaseNames(connection).map((name) => ({ id, name, connection })) : [],
  );
  return clashes(spreads, ({ name }) => name)
    .filter(([{ connection: first }, { connection: second }]) => {
      return first.database !== second.database || (first.shards ?? 1) !== (second.shards ?? 1);
    })
    .map(([first, second]) =>
      files.connections.at(
        ["connections", second.id],
        `"${second.id}" and "${first.id}" both keep sets in ${second.name}, and spread them differently.`,
        'Give both the same "database" and "shards", or one of them another database.',
      ),
    );
}

/** Finds connections whose signing keys would have the same name in a pipeline Worker. */
function checkSigningKeys({ connections, files }: Project): Problem[] {
  const signed = Object.entries(connections).flatMap(([id, { kind }]) => (kind === "r2" ? [id] : []));
  return clashes(signed, signingKeyName).map(([first, second]) =>
    files.connections.at(
      ["connections", second],
      `"${second}" and "${first}" would both have the signing key ${signingKeyName(first)}.`,
      "Rename one of them: names must differ in more than case and punctuation.",
    ),
  );
}

/** Finds connections that use the router's archive: as a source it would send an event for each archived segment. */
function checkArchive({ connections, files }: Project): Problem[] {
  return Object.entries(connections).flatMap(([id, connection]) => {
    const index = connection.kind === "d1" ? -1 : connection.buckets.indexOf(ARCHIVE.bucket_name);
    const problem = `"${id}" names ${ARCHIVE.bucket_name}, in which the router archives its events.`;
    return index < 0
      ? []
      : [files.connections.at(["connections", id, "buckets", index], problem, "Use another bucket.")];
  });
}

/** Pairs each later value with the first value of the same key. */
function clashes<T>(values: T[], keyOf: (value: T) => string | undefined): [first: T, second: T][] {
  const firsts = new Map<string, T>();
  return values.flatMap((value): [T, T][] => {
    const key = keyOf(value);
    if (key === undefined) return [];
    const first = firsts.get(key);
    if (first === undefined) firsts.set(key, value);
    return first === undefined ? [] : [[first, value]];
  });
}

/** Warns of connections that trust a pinned key instead of AWS's or Google's: right for tests, dangerous elsewhere. */
export function doubtPins(project: Project): Problem[] {
  return Object.entries(project.connections).flatMap(([id, connection]) =>
    (connection.kind === "d1" ? [] : connection.events).flatMap((scheme, index) => {
      const place = ["connections", id, "events", index];
      const at = (field: string, problem: string) =>
        project.files.connections.at([...place, field], problem, `Remove "${field}" unless you mean it.`);
      if (scheme.scheme === "sns" && scheme.certificate) {
        const problem = `"${id}" trusts the certificate in ${scheme.certificate} instead of AWS's own`;
        return [at("certificate", `${problem}: whoever has its key can send as SNS.`)];
      }
      if (scheme.scheme === "google-oidc" && scheme.jwks) {
        const problem = `"${id}" trusts the key set in ${scheme.jwks} instead of Google's own`;
        return [at("jwks", `${problem}: whoever has its keys can send as Google.`)];
      }
      return [];
    }),
  );
}
