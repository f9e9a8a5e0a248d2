// How a project's parts fit together: what no single file's schema can see. Every problem is told, each at
// its file, line and column. Neighbours: project.ts read the parts, filters.ts tries the examples.
import {
  bucketBinding,
  databaseBinding,
  pipelineBinding,
  signingKeyName,
} from "../../src/shapes/bindings.ts";
import type { Problem } from "../io/json-file.ts";
import { suggestion } from "../io/suggest.ts";
import { ARCHIVE } from "./bindings.ts";
import type { Pipeline, Project } from "./project.ts";

/** Every problem between the parts of a project. Parts that did not parse are passed over. */
export function crossCheck(project: Project): Problem[] {
  return [
    ...project.pipelines.flatMap((pipeline) => checkPipeline(project, pipeline)),
    ...checkAliases(project),
    ...checkCollections(project),
    ...checkBindings(project),
    ...checkSecrets(project),
    ...checkSigningKeys(project),
    ...checkArchive(project),
  ];
}

function checkPipeline(project: Project, pipeline: Pipeline): Problem[] {
  const file = pipeline.files.config;
  const problems: Problem[] = [];
  if (!pipeline.handler) {
    const next = `create ${pipeline.folder}/handler.ts or handler.py`;
    problems.push(file.at([], "the pipeline has no handler", next));
  }
  const { config } = pipeline;
  if (!config) return problems;
  if (config.alias !== pipeline.name) {
    const next = `name the folder pipelines/${config.alias}, or the alias "${pipeline.name}"`;
    problems.push(
      file.at(["alias"], `alias "${config.alias}" differs from its folder "${pipeline.name}"`, next),
    );
  }
  const known = Object.keys(project.connections);
  for (const end of ["source", "destination"] as const) {
    const id = config[end].connection_id;
    const connection = project.connections[id];
    const place = [end, "connection_id"];
    if (!connection) {
      problems.push(
        file.at(place, `${end}: no connection "${id}" in connections.json`, suggestion(id, known)),
      );
    } else if (end === "source" && connection.kind === "d1") {
      problems.push(file.at(place, `source: "${id}" is a d1 database`, "a source is an r2 or s3 connection"));
    } else if (end === "source" && connection.kind !== "d1" && connection.events.length === 0) {
      const next = `list how its events are proven in connections.json, under "${id}"`;
      problems.push(file.at(place, `source: "${id}" has no events`, next));
    } else if (end === "destination" && connection.kind === "s3") {
      problems.push(file.at(place, `destination: "${id}" is s3`, "a destination is a d1 or r2 connection"));
    }
  }
  const models = Object.keys(project.definitions);
  for (const [index, name] of (config.models ?? []).entries()) {
    if (models.includes(name)) continue;
    problems.push(file.at(["models", index], `no model "${name}" in models.json`, suggestion(name, models)));
  }
  return problems;
}

function checkAliases(project: Project): Problem[] {
  // Two aliases also clash when they make one binding name: `a-b` and `a_b` cannot both be told apart there.
  return clashes(project.pipelines, (it) => it.config && pipelineBinding(it.config.alias)).map(
    ([first, second]) =>
      second.files.config.at(
        ["alias"],
        `alias "${second.config?.alias}" is taken by ${first.folder}`,
        "give each pipeline an alias of its own",
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
    const at = home?.config?.destination.connection_id;
    if (!at || at === connection_id) return [];
    const problem = `collection "${collection}" is at "${at}" for ${home.folder}, here at "${connection_id}"`;
    const next = "one collection has one destination: use the same connection, or another name";
    return [pipeline.files.config.at(["destination", "collection"], problem, next)];
  });
}

const isOwn = (secret: string) => secret.startsWith("WEIR_");
const OF_YOUR_OWN = "remove it, or name a secret of your own otherwise";

/** What no handler and no model's endpoint may be given: Weir's own keys, and those of other connections. */
function checkSecrets({ pipelines, definitions, files: { models } }: Project): Problem[] {
  const problemOf = (name: string) => `"${name}" is a secret of Weir's own, which no handler may see`;
  return [
    ...pipelines.flatMap(({ files: { config: file }, config }) =>
      (config?.secrets ?? []).flatMap((name, index) =>
        isOwn(name) ? [file.at(["secrets", index], problemOf(name), OF_YOUR_OWN)] : [],
      ),
    ),
    ...Object.entries(definitions).flatMap(([id, model]) =>
      model.kind === "http" && model.key !== undefined && isOwn(model.key)
        ? [models.at([id, "key"], problemOf(model.key), OF_YOUR_OWN)]
        : [],
    ),
  ];
}

function checkBindings(project: Project): Problem[] {
  const named = Object.entries(project.connections).flatMap(([id, it]) =>
    it.kind === "d1"
      ? [{ id, name: it.database, binding: databaseBinding(it.database) }]
      : it.buckets.map((bucket) => ({ id, name: bucket, binding: bucketBinding(bucket) })),
  );
  return clashes(named, (it) => it.binding)
    .filter(([first, second]) => first.name !== second.name)
    .map(([first, second]) =>
      project.files.connections.at(
        ["connections", second.id],
        `"${second.name}" and "${first.name}" would both be bound as ${first.binding}`,
        "rename one: names may not differ in punctuation only",
      ),
    );
}

/** A pipeline Worker has its source's signing key by a name that is made of the connection's. */
function checkSigningKeys({ connections, files }: Project): Problem[] {
  const signed = Object.entries(connections).flatMap(([id, { kind }]) => (kind === "r2" ? [id] : []));
  return clashes(signed, signingKeyName).map(([first, second]) =>
    files.connections.at(
      ["connections", second],
      `"${second}" and "${first}" would both have the signing key ${signingKeyName(first)}`,
      "rename one: names may not differ in case and punctuation only",
    ),
  );
}

/** The archive is the router's own: as a source it would tell of each segment, as a destination be mixed up with it. */
function checkArchive({ connections, files }: Project): Problem[] {
  return Object.entries(connections).flatMap(([id, it]) => {
    const at = it.kind === "d1" ? -1 : it.buckets.indexOf(ARCHIVE.bucket_name);
    const problem = `"${id}" names ${ARCHIVE.bucket_name}, where the router archives its events`;
    return at < 0
      ? []
      : [files.connections.at(["connections", id, "buckets", at], problem, "use another bucket")];
  });
}

/** Each later value with the first one of the same key. */
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

/** Where a connection believes a key of one's own in place of AWS's or Google's: right for tests, loud here. */
export function doubtPins(project: Project): Problem[] {
  return Object.entries(project.connections).flatMap(([id, connection]) =>
    (connection.kind === "d1" ? [] : connection.events).flatMap((scheme, index) => {
      const place = ["connections", id, "events", index];
      const at = (field: string, problem: string) =>
        project.files.connections.at([...place, field], problem, `remove "${field}" unless that is meant`);
      if (scheme.scheme === "sns" && scheme.certificate) {
        const problem = `"${id}" trusts the certificate in ${scheme.certificate} in place of AWS's own`;
        return [at("certificate", `${problem}: whoever has its key can speak as SNS`)];
      }
      if (scheme.scheme === "google-oidc" && scheme.jwks) {
        const problem = `"${id}" trusts the key set in ${scheme.jwks} in place of Google's own`;
        return [at("jwks", `${problem}: whoever has its keys can speak as Google`)];
      }
      return [];
    }),
  );
}
