// Command `weir search`: asks a collection and prints the hits, best first.
import type { SearchAnswer, SearchHit, SearchRequest } from "../../src/client/client.ts";
import { note, print, printJson, table } from "../io/output.ts";
import { openClient } from "../operate/client.ts";
import type { EndpointFlags } from "../settings/settings.ts";
import { filterOf, likeOf } from "./question.ts";

export interface SearchFlags extends EndpointFlags {
  like?: string;
  filter?: string;
  mode?: NonNullable<SearchRequest["mode"]>;
  group?: boolean;
  path?: string;
  minScore?: number;
  limit: number;
  explain?: boolean;
  json?: boolean;
}

/** Hits of one page of the API. */
const PAGE_HITS = 100;
const MAX_WORDS_CHARS = 100;

/** Asks, page after page up to the limit, and prints. @throws CliError */
export async function search(
  root: string,
  collection: string,
  words: readonly string[],
  flags: SearchFlags,
): Promise<void> {
  const { like, filter, mode, group, path, minScore, limit, explain } = flags;
  const question: SearchRequest = {
    ...(words.length > 0 && { text: words.join(" ") }),
    ...(like !== undefined && likeOf(like)),
    ...(filter !== undefined && { filter: filterOf(filter) }),
    ...(mode && { mode }),
    ...(group && { group: "object" as const }),
    ...(path !== undefined && { path }),
    ...(minScore !== undefined && { min_score: minScore }),
    ...(explain && { explain }),
  };
  const client = openClient(root, flags);
  const hits: SearchHit[] = [];
  let answer: SearchAnswer;
  let cursor: string | undefined;
  do {
    const page = { limit: Math.min(PAGE_HITS, limit - hits.length), ...(cursor !== undefined && { cursor }) };
    answer = await client.call((weir) => weir.searchCollection(collection, { ...question, ...page }));
    hits.push(...answer.hits);
    cursor = answer.next;
  } while (cursor !== undefined && hits.length < limit);
  if (flags.json) return printJson({ ...answer, hits });
  if (hits.length > 0) print(hitsTable(hits));
  else note("Nothing is found.");
  for (const line of remarksOn(answer)) note(line);
}

/** Lays hits out, a line each. Pure. */
export function hitsTable(hits: readonly SearchHit[]): string {
  const rows = hits.map(({ score, second, object, item, data, highlights }) => [
    // Words score next to nothing where there are few items.
    score > 0 && score < 0.001 ? "< 0.001" : String(Number(score.toPrecision(3))),
    second === null ? "" : `${Number(second.toFixed(2))} s`,
    `${object.bucket}/${object.key}`,
    // A null stands where the item has a vector.
    short(highlights[0]?.text ?? JSON.stringify(data, (_, value) => value ?? undefined)),
    item,
  ]);
  return table([["score", "second", "object", "words or data", "item"], ...rows]);
}

const short = (text: string) =>
  text.length > MAX_WORDS_CHARS ? `${text.slice(0, MAX_WORDS_CHARS - 1)}…` : text;

/** What an answer does not cover, and how it came about, in sentences. */
function remarksOn({ left_out, notes, index, explain }: SearchAnswer): string[] {
  const { items, spaces } = left_out;
  return [
    ...spaces.map(({ path, model, why }) => `Not compared: ${path} of ${model ?? "no model"}. ${why}`),
    ...notes,
    ...(items > 0 ? [`${items} item${items === 1 ? " has" : "s have"} no other vectors.`] : []),
    ...(index.building ? ["The index is being built anew: what it does not have yet is not found."] : []),
    ...(index.missing_shards > 0
      ? [`${index.missing_shards} of ${index.shards} shards did not answer.`]
      : []),
    ...(explain
      ? [
          `Vectors took ${explain.ms.vectors} ms, the index ${explain.ms.index} ms.`,
          ...explain.spaces.map(
            ({ path, model, dimensions, vectors, compared }) =>
              `${compared ? "Compared" : "Left out"}: ${vectors} vectors of ${dimensions} numbers at ${path} by ${model ?? "the handler"}.`,
          ),
        ]
      : []),
  ];
}
