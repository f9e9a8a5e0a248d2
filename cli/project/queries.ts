// Golden queries: collections/<name>.queries.json has questions and what should come of each. Kept in git beside the
// pipelines, so that a change of a model or a handler is measured before it is trusted. `weir validate` checks them,
// `weir eval` and `weir compare` ask them.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { searchRequestSchema } from "../../src/shapes/search.ts";
import { type JsonFile, readJsonFile } from "../io/json-file.ts";
import { CliError } from "../io/output.ts";

/** What should come: an item by its id, or a moment of an object by its key. */
const expectedSchema = z.union([
  z.strictObject({ item: z.string() }),
  z.strictObject({
    bucket: z.string().optional(),
    key: z.string(),
    /** The second that a hit names, or that its span has. */
    second: z.number().min(0).optional(),
  }),
]);
export type ExpectedHit = z.infer<typeof expectedSchema>;

const querySchema = z.strictObject({
  /** Names the query in results; its words when absent. */
  name: z.string().max(200).optional(),
  text: searchRequestSchema.shape.text,
  /** A picture's file (relative to the project) or URL, an item's id, or KEY@SECOND. */
  like: z.string().optional(),
  mode: z.enum(["hybrid", "vector", "text"]).optional(),
  filter: searchRequestSchema.shape.filter,
  expect: z.array(expectedSchema).min(1).max(1_000),
});
export type GoldenQuery = z.infer<typeof querySchema>;

export const queriesSchema = z.strictObject({
  $schema: z.string().optional(),
  queries: z.array(querySchema).min(1).max(10_000),
});

/** Golden queries of a collection, as a project has them. */
export interface CollectionQueries {
  collection: string;
  file: JsonFile;
  /** None where the file does not parse. */
  queries: GoldenQuery[];
}

const FOLDER = "collections";
const ENDING = ".queries.json";

/** Path of a collection's golden queries, relative to the project. */
export const queriesPath = (collection: string) => `${FOLDER}/${collection}${ENDING}`;

/** Names of the collections that a project has golden queries of. */
export function queriedCollections(root: string): string[] {
  const folder = join(root, FOLDER);
  const names = existsSync(folder) ? readdirSync(folder) : [];
  return names.flatMap((name) => (name.endsWith(ENDING) ? [name.slice(0, -ENDING.length)] : [])).sort();
}

/** Reads golden queries. @throws CliError with the place of every problem */
export function readQueries(root: string, name: string): GoldenQuery[] {
  const file = readJsonFile(join(root, name), name);
  const parsed = queriesSchema.safeParse(file.value);
  if (parsed.success) return parsed.data.queries;
  const problems =
    file.value === undefined
      ? file.problems
      : parsed.error.issues.map(({ path, message }) => file.at(path, `${path.join(".")}: ${message}`));
  throw new CliError("The golden queries cannot be read.", problems, 2);
}

/** Whether `like` names a picture's file of the project. */
export const isPictureName = (like: string): boolean =>
  !/^(https?:|itm_)/.test(like) && /\.(jpe?g|png|gif|webp|avif)$/i.test(like);

export const nameOfQuery = ({ name, text, like }: GoldenQuery): string =>
  name ?? text ?? like ?? "everything";
