// How a picture becomes a model's input, out of its preprocessor_config.json and its file: `image` of an entry in
// models.json. What cannot be done as stated is refused, since vectors of another preparation are wrong in silence.
import { CliError } from "../io/output.ts";
import type { Configs, PixelSize, Preprocessor } from "./configs.ts";
import type { KeptFile } from "./kept-file.ts";
import type { GraphInfo } from "./onnx-graph.ts";
import { outputOf } from "./output-of.ts";

/** Pillow's numbers of what models.json can say. */
const RESAMPLES: Record<number, "bilinear" | "bicubic" | "area"> = { 2: "bilinear", 3: "bicubic", 4: "area" };
const RESAMPLE_NAMES = ["nearest", "lanczos", "bilinear", "bicubic", "box", "hamming"];
const OUTPUTS = ["image_embeds", "image_features", "pooler_output", "embedding", "last_hidden_state"];

/** @throws CliError */
export function imageRecipe(kept: KeptFile, graph: GraphInfo, configs: Configs): Record<string, unknown> {
  const preprocessor =
    configs["preprocessor_config.json"] ?? configs["processor_config.json"]?.image_processor;
  if (!preprocessor)
    throw new CliError(
      `There is no preprocessor_config.json, so nothing says how pictures are prepared. Write the entry by hand: docs/models.md shows one.`,
    );
  const named = graph.inputs.find(({ name }) => name === "pixel_values") ?? graph.inputs[0];
  if (!named) throw new CliError(`${kept.file} has no inputs.`);
  const bytes = named.type === "uint8";
  if (bytes && preprocessor.do_normalize)
    throw new CliError(
      `${kept.file} takes bytes, and preprocessor_config.json normalises them: they do not belong together.`,
    );
  const output = outputOf(graph, OUTPUTS, kept.file);
  return {
    ...kept,
    ...(graph.inputs.length > 1 && { input: named.name }),
    ...(graph.outputs.length > 1 && { output: output.name }),
    ...sizesOf(preprocessor),
    ...resampleOf(preprocessor),
    ...(preprocessor.do_flip_channel_order && { colour: "bgr" }),
    ...(named.type === "float16" && { dtype: "float16" }),
    ...(bytes && { dtype: "uint8" }),
    ...(!bytes && numbersOf(preprocessor)),
    ...(named.shape.at(-1) === 3 && named.shape[1] !== 3 && { layout: "nhwc" }),
    ...(output.shape.length === 3 && { pooling: "cls" }),
  };
}

function sizesOf(preprocessor: Preprocessor): Record<string, unknown> {
  const { size, crop_size, do_center_crop, do_resize, do_pad } = preprocessor;
  if (do_pad) throw refused("do_pad: pictures are filled up");
  if (!do_resize || !size) throw refused("no size to bring pictures to");
  const crop = do_center_crop ? (crop_size ?? size) : undefined;
  const shortest = "shortest" in size ? size.shortest : "edge" in size && crop ? size.edge : undefined;
  if (shortest !== undefined) {
    if (!crop) throw refused("a shortest edge and no crop: pictures keep their shapes");
    const square = sideOf(crop);
    const least = typeof square === "number" ? square : Math.min(square.width, square.height);
    if (shortest < least) throw refused("a crop that is larger than what it is cut of");
    if (typeof square !== "number") throw refused("a crop that is no square");
    return { size: square, ...(shortest !== square && { resize: shortest }) };
  }
  if (crop && JSON.stringify(sideOf(crop)) !== JSON.stringify(sideOf(size)))
    throw refused("a crop after stretching");
  return { size: sideOf(size), fit: "stretch" };
}

function sideOf(size: PixelSize): number | { width: number; height: number } {
  if ("edge" in size) return size.edge;
  if ("shortest" in size) return size.shortest;
  return size.height === size.width ? size.height : { width: size.width, height: size.height };
}

function resampleOf(preprocessor: Preprocessor): Record<string, unknown> {
  const type = preprocessor.image_processor_type ?? preprocessor.feature_extractor_type ?? "";
  const number = preprocessor.resample ?? (/^(CLIP|Siglip|Chinese)/i.test(type) ? 3 : 2);
  const resample = RESAMPLES[number];
  if (resample === undefined) throw refused(`resample ${number} (${RESAMPLE_NAMES[number] ?? "unknown"})`);
  return resample === "bicubic" ? {} : { resample };
}

function numbersOf(preprocessor: Preprocessor): Record<string, unknown> {
  const { do_rescale, rescale_factor, do_normalize, image_mean, image_std } = preprocessor;
  const scale = do_rescale ? (rescale_factor ?? 1 / 255) : 1;
  if (do_normalize && !(image_mean && image_std))
    throw refused("do_normalize without image_mean and image_std");
  return {
    // 0.00392156862745098 is 1/255 as it is printed.
    ...(Math.abs(scale * 255 - 1) > 1e-9 && { scale }),
    ...(do_normalize && { mean: image_mean, std: image_std }),
  };
}

const refused = (what: string) =>
  new CliError(
    `preprocessor_config.json asks for what models.json cannot say: ${what}. models.json is as it was. docs/models.md lists what it can.`,
  );
