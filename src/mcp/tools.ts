// The tools that Weir gives to models by MCP: ask a collection, look at what comes back and why it is there. They only
// read, and speak through the typed client, so that they are the same over stdio (`weir mcp`) and over HTTP (`/mcp`).
import { z } from "zod";
import type { SearchHit, WeirClient } from "../client/client.ts";

/** A tool: what a model reads of it, and what it does. */
interface Tool<Shape extends z.ZodRawShape> {
  title: string;
  description: string;
  input: Shape;
  run(weir: WeirClient, input: z.infer<z.ZodObject<Shape>>): Promise<unknown>;
}

/** Keeps a tool's input and its function together. */
const tool = <Shape extends z.ZodRawShape>(definition: Tool<Shape>) => definition;

const collection = z.string().describe("Name of the collection; get_status lists them");
const item = z.string().describe("Id of an item, itm_…");
/** Characters of an item's data that a hit brings: get_item has all of it. */
const MAX_DATA_CHARS = 600;
const STATUS_RUNS = 20;

const searchCollection = tool({
  title: "Search a collection",
  description:
    "Finds items of a collection (moments of films, pictures, texts), best first, by words or by likeness. Words are matched by text and, where a model takes text, by meaning. A hit names the object, the second of the film that matches, and links that anybody can open for an hour: thumbnail, clip, the object itself. `left_out` says what could not be compared, and why.",
  input: {
    collection,
    text: z.string().optional().describe("What to look for, in words"),
    like: item.optional().describe("Instead of words: more like this item"),
    filter: z
      .record(z.string(), z.unknown())
      .optional()
      .describe(
        'Conditions on the item: {"object":{"key":[{"prefix":"videos/"}]},"data":{"speaker":["anna"]}}. Names: object.key, object.size, object.content_type, object.metadata.*, data.*, span.start, pipeline, version, stored_at',
      ),
    by_object: z.boolean().default(false).describe("Only the best item of each object"),
    limit: z.int().min(1).max(50).default(10),
  },
  async run(weir, { collection: name, text, like, filter, by_object, limit }) {
    const answer = await weir.searchCollection(name, {
      ...{ text, filter, limit, group: by_object ? "object" : "item" },
      ...(like !== undefined && { like: { item: like } }),
    });
    return {
      hits: answer.hits.map(shortHit),
      left_out: answer.left_out,
      notes: answer.notes,
      more: answer.next !== undefined,
    };
  },
});

const getItem = tool({
  title: "Get an item",
  description: "One item with all its data, without the numbers of its vectors.",
  input: { collection, item },
  run: (weir, { collection: name, item: id }) => weir.getItem(name, id),
});

const getLineage = tool({
  title: "Where an item came from",
  description:
    "The object version, event, run, pipeline version, commit and models that an item came from. Its event's id serves explain_decision.",
  input: { collection, item },
  run: (weir, { collection: name, item: id }) => weir.getLineage(name, id),
});

const explainDecision = tool({
  title: "Why a pipeline ran or not",
  description:
    "Why a pipeline ran, or did not run, for an event: each condition of its filter as it stood then, with the value that was found; and the runs with their failures.",
  input: {
    event: z.string().describe("Id of an event, evt_…; without one, the newest event of `key`").optional(),
    key: z.string().describe("Key of an object, for its newest event").optional(),
    pipeline: z.string().describe("Alias of the pipeline"),
  },
  async run(weir, { event, key, pipeline }) {
    const id =
      event ?? (key === undefined ? undefined : (await weir.listEvents({ key, limit: 1 })).data[0]?.id);
    if (id === undefined)
      return { found: false, next: "give an event's id, or the key of an object that has had an event" };
    return weir.explainDecision(id, pipeline);
  },
});

const getStatus = tool({
  title: "Status of Weir",
  description:
    "The pipelines with their collections, what is paused, the newest runs by status, and what fails, counted by cause.",
  input: {},
  async run(weir) {
    const [pipelines, runs, causes] = await Promise.all([
      weir.listPipelines(),
      weir.listRuns({ limit: STATUS_RUNS }),
      weir.listDeadLetterCauses(),
    ]);
    return {
      pipelines: pipelines.data.map(({ alias, version, config, paused }) => ({
        ...{ alias, version, paused },
        collection: config.destination.collection,
        filters: config.source.filters,
      })),
      newest_runs: runs.data.map(({ id, alias, status, object, failure, created_at }) => ({
        ...{ id, alias, status, created_at },
        object: `${object.bucket}/${object.key}`,
        ...(failure && { failure: failure.detail }),
      })),
      dead_letters: causes.data,
    };
  },
});

/** Every tool by its name. */
export const TOOLS = {
  search_collection: searchCollection,
  get_item: getItem,
  get_lineage: getLineage,
  explain_decision: explainDecision,
  get_status: getStatus,
};

/** A hit as short as it can be judged by. */
function shortHit({ item: id, object, span, second, score, data, highlights, links }: SearchHit) {
  const text = JSON.stringify(data);
  return {
    item: id,
    object: `${object.bucket}/${object.key}`,
    ...{ second, span, score },
    data: text.length > MAX_DATA_CHARS ? `${text.slice(0, MAX_DATA_CHARS)}…` : data,
    ...(highlights.length > 0 && { words: highlights.map((piece) => piece.text) }),
    links,
  };
}
