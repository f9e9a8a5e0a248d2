// Which of a repository's files make the model: one for pictures and one for texts, or one that takes one of them; of a
// speech model its encoder and decoder.
// Names are those that exporters give (Optimum's, Transformers.js').
import { CliError } from "../io/output.ts";
import type { ModelSource, SourceFile } from "./source.ts";

export interface ChosenFiles {
  image?: SourceFile;
  text?: SourceFile;
  /** The only one; what it takes, its inputs say. */
  single?: SourceFile;
  encoder?: SourceFile;
  decoder?: SourceFile;
}

const FOLDERS = ["onnx/", ""];
const IMAGE_STEMS = ["vision_model", "image_encoder", "vision_encoder", "visual", "image/model"];
const TEXT_STEMS = ["text_model", "text_encoder", "textual", "text/model"];
const ENCODER_STEMS = ["encoder_model"];
/** The first keeps what it computed from token to token. */
const DECODER_STEMS = ["decoder_model_merged", "decoder_model"];
/** A file of compute's has at most this, and so has a message of protobuf. */
export const MAX_FILE_BYTES = 2_000_000_000;

/** `variant` is what an exporter adds to names: `fp16`, `quantized`. @throws CliError */
export function chooseFiles(source: ModelSource, variant: string | undefined): ChosenFiles {
  const find = (stems: string[]) => {
    const paths = FOLDERS.flatMap((folder) =>
      stems.map((stem) => `${folder}${stem}${variant === undefined ? "" : `_${variant}`}.onnx`),
    );
    return paths.flatMap((path) => source.files.filter((file) => file.path === path))[0];
  };
  const [image, text] = [find(IMAGE_STEMS), find(TEXT_STEMS)];
  const single = image || text ? undefined : find(["model"]);
  const [encoder, decoder] = image || text || single ? [] : [find(ENCODER_STEMS), find(DECODER_STEMS)];
  const chosen = {
    ...(image && { image }),
    ...(text && { text }),
    ...(single && { single }),
    ...(encoder && decoder && { encoder, decoder }),
  };
  const files = Object.values(chosen);
  if (files.length === 0) throw nothingToLoad(source, variant);
  const large = files.find(({ bytes }) => bytes > MAX_FILE_BYTES);
  if (large)
    throw new CliError(
      `${large.path} has ${Math.ceil(large.bytes / 1e9)} GB; compute loads at most 2 GB. Try --variant fp16 or --variant quantized.`,
    );
  return chosen;
}

function nothingToLoad({ id, files }: ModelSource, variant: string | undefined): CliError {
  const ending = (...ends: string[]) => files.filter(({ path }) => ends.some((end) => path.endsWith(end)));
  const onnx = ending(".onnx").map(({ path }) => path);
  if (onnx.length > 0) {
    const wish = variant === undefined ? "" : ` with the variant ${variant}`;
    return new CliError(
      `${id} has no vision_model.onnx, text_model.onnx or model.onnx, and no encoder_model.onnx with a decoder_model.onnx${wish}. It has ${onnx.slice(0, 8).join(", ")}.${variantsOf(onnx)} Or put the files into a folder under these names: weir models add ./FOLDER`,
    );
  }
  const weights = ending(".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".pkl", ".h5", ".msgpack");
  const found =
    weights.length > 0
      ? `: ${weights
          .slice(0, 3)
          .map(({ path }) => path)
          .join(", ")}`
      : "";
  return new CliError(
    `${id} has no ONNX file${found}. Weir loads ONNX and nothing else: a pickle may run code when it is read. Look for an export (names like onnx-community/…-ONNX), or make one: optimum-cli export onnx --model ${id} FOLDER, then weir models add ./FOLDER`,
  );
}

function variantsOf(paths: readonly string[]): string {
  const variants = paths.flatMap(
    (path) => /_(fp16|quantized|int8|uint8|q4|q4f16|bnb4)\.onnx$/.exec(path)?.[1] ?? [],
  );
  return variants.length > 0 ? ` Its variants: ${[...new Set(variants)].join(", ")} (--variant).` : "";
}
