// models.json: a model's name, and what computes it. `builtin` is part of Weir, `onnx` runs in compute, `http`
// is somebody's endpoint. Everything that decides a vector is declared here, so that a hash of it names the model.
import { z } from "zod";
import { canonical } from "./canonical.ts";
import { COMPUTE_CONTRACT, PIXELS_CONTRACT } from "./contract.ts";
import { endpointFields, speechSchema } from "./endpoint-model.ts";
import { fail, ok, type Result } from "./failure.ts";
import { keptFile, originSchema } from "./model-file.ts";
import { moonshineSchema } from "./moonshine-model.ts";
import { whisperSchema } from "./whisper-model.ts";

/** What a model may be asked to embed. */
export type Modality = "video" | "image" | "text";

/** What is built in. */
export const BUILTINS = {
  "weir/hog-512": { takes: ["video", "image"], dimensions: 512 },
  "weir/pdq-256": { takes: ["video", "image"], dimensions: 256 },
} as const satisfies Record<string, { takes: Modality[]; dimensions: number }>;
export type Builtin = keyof typeof BUILTINS;

/** The name that handlers written for Mixpeek use, and so do the shipped ones: a project maps it to a model of its own. */
export const DEFAULT_MODEL = "mixpeek/vuse-generic-v1";

/** What to do for meaning, where builtins are all there is. */
export const MEANING_NEXT =
  "For meaning, add a model: weir models add clip --default (docs/models.md), deploy, and replay what is stale.";

const side = z.int().min(1).max(2048);
const triple = z.tuple([z.number(), z.number(), z.number()]);

const onnxFile = {
  ...keptFile,
  /** Name of the output that is the embedding; the only one, when absent. */
  output: z.string().min(1).optional(),
};
const pixels = {
  /** Name of the input; the only one, when absent. */
  input: z.string().min(1).optional(),
  /** Pixels that the model takes: a square's side, or width and height. */
  size: z.union([side, z.strictObject({ width: side, height: side })]),
  /** `cover`: scaled until it covers, the middle of it. `contain`: until it fits, on black. `stretch`: neither. */
  fit: z.enum(["cover", "contain", "stretch"]).default("cover"),
  /** The shorter side is first scaled to this, then `size` is cut out of its middle. With `cover` only. */
  resize: side.optional(),
  resample: z.enum(["bicubic", "bilinear", "area"]).default("bicubic"),
  colour: z.enum(["rgb", "bgr"]).default("rgb"),
  /** `uint8` gets bytes as they are; the others (byte × scale − mean) / std. */
  dtype: z.enum(["float32", "float16", "uint8"]).default("float32"),
  scale: z
    .number()
    .positive()
    .default(1 / 255),
  mean: triple.default([0, 0, 0]),
  std: triple.default([1, 1, 1]),
};
/** How the parts of one input (a text's tokens, a picture's patches) become one vector; `none`: the model does it. */
const tokens = z.enum(["none", "mean", "cls"]).default("none");

/** What a model of text was trained to find before what is searched for, and before what is found. */
const prefixes = {
  /** Stands before the words of a question. */
  query_prefix: z.string().min(1).max(1000).optional(),
  /** Stands before every other text. */
  document_prefix: z.string().min(1).max(1000).optional(),
};

const imageSchema = z.strictObject({
  ...onnxFile,
  ...pixels,
  layout: z.enum(["nchw", "nhwc"]).default("nchw"),
  pooling: tokens,
});
const videoSchema = z.strictObject({
  ...onnxFile,
  ...pixels,
  /** Frames that it takes at once; a span with fewer has some of them more than once. */
  frames: z.int().min(1).max(32),
  layout: z.enum(["ntchw", "ncthw", "nthwc"]).default("ntchw"),
  pooling: tokens,
});
const textSchema = z.strictObject({
  ...onnxFile,
  /** A tokenizer.json. */
  tokenizer: z.strictObject(keptFile),
  /** Tokens, those that mark beginning and end among them; what is over is cut off. */
  max_length: z.int().min(4).max(8192),
  /** Fills every text up to `max_length`, for a model that takes nothing else. */
  pad: z.boolean().default(false),
  pad_id: z.int().nonnegative().default(0),
  /** Where the tokens that fill go; after the text, when absent. */
  pad_side: z.enum(["left", "right"]).optional(),
  /** Lower-cases a text first, for a model that was trained so and whose tokenizer leaves it to the caller. */
  lowercase: z.literal(true).optional(),
  /** Token that ends every text, for a tokenizer that adds none. */
  append_eos: z.int().nonnegative().optional(),
  ...prefixes,
  dtype: z.enum(["int64", "int32"]).default("int64"),
  pooling: z.enum(["none", "mean", "cls", "last"]).default("none"),
});

const vectorFields = {
  /** How many numbers its vectors have: checked, never made so. */
  dimensions: z.int().min(1).max(65_536),
  /** Vectors are given the length one. */
  normalise: z.boolean().default(true),
  /** How the frames of a span become one vector, where the model takes pictures one by one. */
  frames: z.enum(["mean", "max"]).default("mean"),
};

const builtinSchema = z.strictObject({
  kind: z.literal("builtin"),
  builtin: z.enum(Object.keys(BUILTINS) as [Builtin, ...Builtin[]]),
});
const onnxSchema = z
  .strictObject({
    kind: z.literal("onnx"),
    /** Absent rather than filled in, as below. */
    task: z.literal("embed").optional(),
    ...vectorFields,
    image: imageSchema.optional(),
    /** For a model that takes a span's frames together; without it, `image` is asked for each. */
    video: videoSchema.optional(),
    text: textSchema.optional(),
    origin: originSchema.optional(),
  })
  .refine(({ image, video, text }) => image ?? video ?? text, "at least one of image, video and text");
const httpSchema = z.strictObject({
  kind: z.literal("http"),
  /** Absent rather than filled in, so that definitions from before there was another task stay. */
  task: z.literal("embed").optional(),
  ...vectorFields,
  ...endpointFields,
  takes: z
    .array(z.enum(["text", "image"]))
    .min(1)
    .default(["text"]),
  /** Inputs in one request. */
  batch: z.int().min(1).max(2048).default(32),
  /** How a picture stands in `input`: its data URL as a string, or `{"image": data URL}`. */
  image: z.enum(["string", "object"]).default("string"),
  /** The longer side of the JPEG that is sent, pixels. */
  size: side.default(512),
  ...prefixes,
});
export const modelSchema = z.discriminatedUnion("kind", [
  builtinSchema,
  z.discriminatedUnion("task", [
    onnxSchema,
    z.discriminatedUnion("architecture", [whisperSchema, moonshineSchema]),
  ]),
  z.discriminatedUnion("task", [httpSchema, speechSchema]),
]);
export type Model = z.infer<typeof modelSchema>;
export type OnnxModel = z.infer<typeof onnxSchema>;
export type HttpModel = z.infer<typeof httpSchema>;
export type HttpSpeechModel = z.infer<typeof speechSchema>;
export type WhisperModel = z.infer<typeof whisperSchema>;
export type MoonshineModel = z.infer<typeof moonshineSchema>;
/** A model of files that turns sound into text. */
export type OnnxSpeechModel = WhisperModel | MoonshineModel;
/** A model that turns sound into text. */
export type SpeechModel = HttpSpeechModel | OnnxSpeechModel;
/** A model that makes vectors. */
export type EmbeddingModel = Exclude<Model, SpeechModel>;
export type ImageInput = z.infer<typeof imageSchema>;
export type VideoInput = z.infer<typeof videoSchema>;
export type TextInput = z.infer<typeof textSchema>;

/** Every field that a definition may have, for who looks for a misspelt one. */
export const MODEL_FIELDS = [
  httpSchema,
  speechSchema,
  onnxSchema,
  whisperSchema,
  whisperSchema.shape.tokens,
  moonshineSchema,
  imageSchema,
  videoSchema,
  textSchema,
  originSchema,
].flatMap((schema) => Object.keys(schema.shape));

/** The file models.json. */
export const modelsSchema = z
  .object({ $schema: z.string().optional() })
  .catchall(modelSchema)
  .transform(({ $schema: _, ...models }) => models as Models);
export type Models = Record<string, Model>;

/** Whether a model turns sound into text. */
export const isSpeech = (model: Model): model is SpeechModel =>
  model.kind !== "builtin" && model.task === "transcribe";

/** Whether a model is one of files that makes vectors, or that turns sound into text. */
export const isOnnx = (model: Model | undefined): model is OnnxModel =>
  model?.kind === "onnx" && model.task !== "transcribe";
export const isOnnxSpeech = (model: Model | undefined): model is OnnxSpeechModel =>
  model?.kind === "onnx" && model.task === "transcribe";

/** Whether pictures and film are compared by how they look alone: no model of theirs but builtins. */
export const seesLooksAlone = (models: Models): boolean =>
  Object.values(models).every((model) => model.kind === "builtin" || !takenBy(model).includes("video"));

/** What a model can be asked to embed. A span of film is its frames, so what takes pictures takes film. */
export function takenBy(model: Model): readonly Modality[] {
  if (isSpeech(model)) return [];
  if (model.kind === "builtin") return BUILTINS[model.builtin].takes;
  const image = model.kind === "onnx" ? model.image !== undefined : model.takes.includes("image");
  const video = image || (model.kind === "onnx" && model.video !== undefined);
  const text = model.kind === "onnx" ? model.text !== undefined : model.takes.includes("text");
  return [
    ...(video ? (["video"] as const) : []),
    ...(image ? (["image"] as const) : []),
    ...(text ? (["text"] as const) : []),
  ];
}

/** The model behind a name, or what names there are for this. */
export function findModel(models: Models, name: string, modality: Modality): Result<EmbeddingModel> {
  const model = Object.hasOwn(models, name) ? models[name] : undefined;
  if (model && !isSpeech(model) && takenBy(model).includes(modality)) return ok(model);
  const able = Object.keys(models).filter(
    (other) => models[other] && takenBy(models[other]).includes(modality),
  );
  return fail(
    "unknown_model",
    model
      ? `${name} takes ${takenBy(model).join(" and ") || "speech"}, not ${modality}`
      : `there is no model ${name}`,
    {
      where: "model",
      expected: able.sort().join(", ") || `a model that takes ${modality}: there is none`,
      next: `Name one of these, or add one that takes ${modality} to models.json.`,
    },
  );
}

/** Whether a text is what somebody searches for, or what is found. */
export type TextRole = "query" | "document";

/** A text with what its model was trained to find before one of its role. */
export function prefixed(model: EmbeddingModel, text: string, role: TextRole): string {
  const fields = model.kind === "onnx" ? model.text : model.kind === "http" ? model : undefined;
  return `${fields?.[`${role}_prefix`] ?? ""}${text}`;
}

/** What stays with a vector: by which definition it was made, and how its parts became one. */
export interface Recipe {
  /** {@link definitionOf} the model. */
  definition: string;
  /** How frames, or a text's tokens, became one vector; `none` where the model itself sees to it. */
  pooling: string;
  /** Whether its length was made one. */
  normalised: boolean;
}

/** The model that really runs behind a name. */
export function ranAs(name: string, model: Model): string {
  if (model.kind === "builtin") return model.builtin;
  return model.kind === "http" ? model.model : name;
}

export async function recipeOf(model: EmbeddingModel, modality: Modality): Promise<Recipe> {
  return {
    definition: await definitionOf(model),
    pooling: poolingOf(model, modality),
    normalised: model.kind === "builtin" || model.normalise,
  };
}

/** The first 16 hex digits of a hash of what decides a model's vectors and of compute's contract. */
export async function definitionOf(model: Model): Promise<string> {
  const text = canonical([COMPUTE_CONTRACT, decidingFields(model)]);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  return [...hash.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** What of an entry decides its vectors, with its defaults or as it is written: not where it came from, but how pixels reach it. */
export function decidingFields(model: object): object {
  const { origin: _, ...fields } = { origin: undefined, ...model };
  const seesPixels = "kind" in model && model.kind === "onnx" && ("image" in model || "video" in model);
  return seesPixels ? { ...fields, pixels: PIXELS_CONTRACT } : fields;
}

function poolingOf(model: EmbeddingModel, modality: Modality): string {
  if (model.kind === "builtin") return modality === "video" ? "mean" : "none";
  if (model.kind === "http") return modality === "video" ? model.frames : "none";
  if (modality === "video" && !model.video) return model.frames;
  return model[modality]?.pooling ?? "none";
}
