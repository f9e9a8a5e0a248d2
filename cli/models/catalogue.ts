// The models that have a short name: where each is, what it is for, and what its files do not say of themselves.
// docs/models.md has their published figures. Everything else is read from the model's own configuration.

export interface CatalogueEntry {
  /** Name on the hub. */
  id: string;
  /** SPDX-like name; what the hub says counts where it says something. */
  licence: string;
  /** Where that licence is stated, if not on the hub's page of `id`. */
  licenceSource: string;
  /** One line for people. */
  use: string;
  /** Whether it can be what handlers use by default. */
  seesPictures?: true;
  hints?: Hints;
}

/** What a model was trained with that no file beside it says. */
export interface Hints {
  pooling?: "mean" | "cls" | "last";
  query_prefix?: string;
  document_prefix?: string;
  lowercase?: true;
}

export const CATALOGUE: Record<string, CatalogueEntry> = {
  clip: {
    id: "Xenova/clip-vit-base-patch32",
    licence: "mit",
    licenceSource: "https://github.com/openai/CLIP/blob/main/LICENSE",
    use: "pictures and film by English words; 512 numbers, the quickest",
    seesPictures: true,
  },
  siglip2: {
    id: "onnx-community/siglip2-base-patch16-256-ONNX",
    licence: "apache-2.0",
    licenceSource: "https://huggingface.co/google/siglip2-base-patch16-256",
    use: "pictures and film by words of many languages; 768 numbers, slower and better than clip",
    seesPictures: true,
    hints: { lowercase: true },
  },
  "bge-small": {
    id: "Xenova/bge-small-en-v1.5",
    licence: "mit",
    licenceSource: "https://huggingface.co/BAAI/bge-small-en-v1.5",
    use: "English texts by meaning; 384 numbers",
    hints: {
      pooling: "cls",
      query_prefix: "Represent this sentence for searching relevant passages: ",
    },
  },
  "whisper-base": {
    id: "onnx-community/whisper-base",
    licence: "mit",
    licenceSource: "https://github.com/openai/whisper/blob/main/LICENSE",
    use: "speech to text with times, in many languages (weir.transcribe)",
  },
  "moonshine-tiny": {
    id: "onnx-community/moonshine-tiny-ONNX",
    licence: "mit",
    licenceSource: "https://huggingface.co/UsefulSensors/moonshine-tiny",
    use: "English speech to text, small; times to the phrase (weir.transcribe)",
  },
};
