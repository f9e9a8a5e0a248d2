// Checks of golden queries: that a pipeline writes their collection, that each has one subject and a name of its own, that
// its filter compiles and its picture is there.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { compileItemFilter, FilterError } from "../../src/match/index.ts";
import type { Problem } from "../io/json-file.ts";
import { suggestion } from "../io/suggest.ts";
import type { Project } from "./project.ts";
import { type CollectionQueries, type GoldenQuery, isPictureName, nameOfQuery } from "./queries.ts";

/** Finds golden queries that cannot be asked, or not be told apart. */
export function checkQueries(project: Project): Problem[] {
  return project.queries.flatMap((own) => [
    ...checkCollection(own, project),
    ...own.queries.flatMap((query, place) => checkQuery(query, place, own, project.root)),
  ]);
}

function checkCollection({ collection, file }: CollectionQueries, { pipelines, off }: Project): Problem[] {
  const names = [...pipelines, ...off].flatMap(({ config }) => config?.destination.collection ?? []);
  if (names.includes(collection)) return [];
  const next = suggestion(collection, [...new Set(names)]);
  return [file.at([], `No pipeline writes a collection "${collection}".`, next)];
}

function checkQuery(
  query: GoldenQuery,
  place: number,
  { file, queries }: CollectionQueries,
  root: string,
): Problem[] {
  const at = (names: readonly PropertyKey[], problem: string, next: string) =>
    file.at(["queries", place, ...names], problem, next);
  const { text, like, filter } = query;
  const name = nameOfQuery(query);
  const problems: Problem[] = [];
  if (text !== undefined && like !== undefined)
    problems.push(at(["like"], "A query has one subject.", "Make two queries of it."));
  if (queries.findIndex((other) => nameOfQuery(other) === name) !== place)
    problems.push(at([], `Another query is called "${name}".`, 'Give it a "name" of its own.'));
  if (like !== undefined && isPictureName(like) && !existsSync(join(root, like)))
    problems.push(at(["like"], `There is no picture ${like}.`, "Name it as seen from the project's folder."));
  try {
    if (filter) compileItemFilter(filter);
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    const next = "The names of an item are in docs/search.md.";
    problems.push(at(["filter", ...error.path.split(".").filter(Boolean)], `filter: ${error.message}`, next));
  }
  return problems;
}
