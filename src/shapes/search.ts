// The question that people and programs ask of a collection, and the answer, as they cross HTTP: zod, from which the
// OpenAPI document follows. store/index/contract.ts has what the index itself is asked and answers.
import { z } from "zod";

/** Hits of one page at most, and the depth to which each leg is ranked: no page leads beyond. */
export const MAX_PAGE_HITS = 100;
export const MAX_RANKED = 1_000;
/** Characters of a picture that a question brings, as base64: 8 MB of it. */
const MAX_PICTURE_CHARS = 11_200_000;
/** Characters of a question in words: more is refused. */
export const MAX_WORDS_CHARS = 100_000;
/** Shards of one collection at most: each is asked by every question. */
export const MAX_SHARDS = 64;

/** `destination.search` of a pipeline's config.json. */
export const searchSettingsSchema = z.strictObject({
  /** `false`: the collection is not indexed. */
  enabled: z.boolean().default(true),
  /** Dotted names of the data whose text is searched; every string when absent. */
  text: z.array(z.string().min(1).max(512)).min(1).max(32).optional(),
  /**
   * Objects that the index is spread over, by a hash of the set: about one for each 150,000 vectors. All pipelines of
   * a collection name the same number; another one takes effect with `weir reindex`.
   */
  shards: z.int().min(1).max(MAX_SHARDS).default(1),
});
/** Search settings of a destination, defaults filled in. */
export type SearchSettings = z.infer<typeof searchSettingsSchema>;

const span = z.strictObject({ start: z.number(), end: z.number() });
const objectName = z.strictObject({
  connection: z.string(),
  bucket: z.string(),
  key: z.string(),
});

/** A question: one of `text`, `image`, `like` and `vector`, or none to list what passes the filter. */
export const searchRequestSchema = z.strictObject({
  text: z.string().max(MAX_WORDS_CHARS).optional(),
  /** A picture, by its URL or itself. */
  image: z
    .union([
      z.strictObject({ url: z.url({ protocol: /^https?$/ }).max(2_000) }),
      z.strictObject({ data: z.base64().min(1).max(MAX_PICTURE_CHARS) }),
    ])
    .optional(),
  /** More like an item, or like a second of an object. */
  like: z
    .union([
      z.strictObject({ item: z.string().max(100), second: z.number().min(0).optional() }),
      z.strictObject({
        object: objectName.partial({ connection: true, bucket: true }),
        second: z.number().min(0).optional(),
      }),
    ])
    .optional(),
  vector: z.array(z.number()).min(1).max(65_536).optional(),
  /** Path of the vectors that are asked, where the collection has several: `embedding`, `faces.*.vector`. */
  path: z.string().max(512).optional(),
  /** Which definition of a model made `vector`, where the collection has vectors of several at its path. */
  definition: z.string().max(100).optional(),
  /** `hybrid`: by vector and by words, fused by rank. */
  mode: z.enum(["hybrid", "vector", "text"]).default("hybrid"),
  /** Weir's filter language over the item: `object`, `data`, `span`, `pipeline`, `version`, `stored_at` … */
  filter: z.record(z.string(), z.unknown()).optional(),
  /** `object`: the best item of each object alone. */
  group: z.enum(["item", "object"]).default("item"),
  limit: z.int().min(1).max(MAX_PAGE_HITS).default(20),
  /** `next` of the page before. */
  cursor: z.string().max(4_000).optional(),
  /** Least similarity of a vector's hit, −1 to 1. */
  min_score: z.number().min(-1).max(1).optional(),
  explain: z.boolean().default(false),
});
export type SearchRequest = z.infer<typeof searchRequestSchema>;

const leg = z.strictObject({
  /** Cosine similarity of a vector, BM25 of words (more is better). */
  score: z.number(),
  /** Place in this leg alone, from 1. */
  rank: z.int(),
});

/** What the index knows of a hit. */
export const searchHitSchema = z.strictObject({
  item: z.string(),
  object: objectName.extend({ etag: z.string().nullable(), content_type: z.string().nullable() }),
  pipeline: z.string(),
  version: z.string(),
  position: z.int(),
  data: z.record(z.string(), z.unknown()),
  /** Seconds of the film that the item is of. */
  span: span.nullable(),
  /** The second that matches best: of a sampled frame, else where the span begins. */
  second: z.number().nullable(),
  /** Sum of the legs by rank where there are several; else the one leg's score. */
  score: z.number(),
  vector: leg
    .extend({
      path: z.string(),
      model: z.string().nullable(),
      /** With `explain`: similarity of the whole span, and of its best frame. */
      mean: z.number().optional(),
      frame: z.number().optional(),
    })
    .optional(),
  text: leg.optional(),
  /** Pieces of the item's text around the words, with the places of the words: plain text, never markup. */
  highlights: z.array(
    z.strictObject({ path: z.string(), text: z.string(), marks: z.array(z.tuple([z.int(), z.int()])) }),
  ),
  stored_at: z.string(),
});
export type SearchHit = z.infer<typeof searchHitSchema>;

/** A kind of vector: those of one space can be compared with each other and with no others. */
export const spaceSchema = z.strictObject({
  /** Place in the item, with `*` for a place in a list: `embedding`, `faces.*.vector`. */
  path: z.string(),
  /** The model that ran; null where the handler brought the vector. */
  model: z.string().nullable(),
  /** Hash of the model's definition; null where the handler brought the vector. */
  definition: z.string().nullable(),
  dimensions: z.int(),
});
export type Space = z.infer<typeof spaceSchema>;

/** How far the index has come. */
export const indexStateSchema = z.strictObject({
  sets: z.int(),
  items: z.int(),
  vectors: z.int(),
  /** Time of the newest set in it; null while it is empty. */
  newest: z.string().nullable(),
  /** A rebuilding that is under way. */
  building: z
    .strictObject({
      started_at: z.string(),
      sets: z.int(),
      /** Sets that could not be brought: they were tried three times, and passed over. */
      failed: z.int(),
      after: z.string().nullable(),
    })
    .nullable(),
});
export type IndexState = z.infer<typeof indexStateSchema>;

export const searchAnswerSchema = z.strictObject({
  hits: z.array(searchHitSchema),
  next: z.string().optional(),
  /** Spaces that the question had no vector for, and how many items pass the filter and have vectors in no other. */
  left_out: z.strictObject({ items: z.int(), spaces: z.array(spaceSchema) }),
  /** State of the whole index, and whether some shard did not answer. */
  index: indexStateSchema.extend({ shards: z.int(), missing_shards: z.int() }),
});
export type SearchAnswer = z.infer<typeof searchAnswerSchema>;

/** One text for a space, the same for equal spaces. */
export const spaceId = ({ path, model, definition, dimensions }: Space): string =>
  JSON.stringify([path, model, definition, dimensions]);

/** The path that a space has for a vector's own: places in lists are one and the same. */
export const spacePath = (path: string): string => path.replace(/(^|\.)\d+(?=\.|$)/g, "$1*");
