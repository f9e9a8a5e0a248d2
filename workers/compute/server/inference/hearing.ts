// Sound through a speech model, by what it is. Inference process only.
import type { OnnxSpeechModel } from "../../../../src/shapes/model.ts";
import type { Sessions } from "./load.ts";
import { hearByMoonshine } from "./moonshine.ts";
import type { HeardSound, WrittenSound } from "./sound.ts";
import { hearByWhisper } from "./whisper.ts";

/** Writes sound down. Throws FailureError. */
export const write = (
  sessions: Sessions,
  root: string,
  model: OnnxSpeechModel,
  sound: HeardSound,
): Promise<WrittenSound> =>
  model.architecture === "moonshine"
    ? hearByMoonshine(sessions, root, model, sound)
    : hearByWhisper(sessions, root, model, sound);
