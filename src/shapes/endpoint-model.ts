// Models that are somebody's endpoint, as models.json declares them: what all of them say, and those that take sound.
// Those that embed are in model.ts.
import { z } from "zod";

/** Fields of somebody's endpoint, whatever it is asked for. */
export const endpointFields = {
  /** The whole URL, `…/embeddings` or `…/audio/transcriptions`. Over http only on this machine. */
  url: z
    .url({ protocol: /^https?$/, error: "an https URL" })
    .refine(
      (url) => isTrustedUrl(new URL(url)),
      "https, or http on this machine, without a user name or password",
    ),
  /** What the endpoint calls the model. */
  model: z.string().min(1).max(200),
  /** The NAME of the secret that holds the key; none for an endpoint that asks for none. */
  key: z
    .string()
    .regex(/^[A-Z][A-Z0-9_]*$/, "the NAME of a secret, like OPENAI_API_KEY (never the key itself)")
    .optional(),
  /** Added to each request's body: `{"dimensions": 256}`, say. */
  parameters: z.record(z.string(), z.unknown()).default({}),
  /** Until an answer is given up. */
  timeout_seconds: z.int().min(1).max(300).default(60),
};

/** An endpoint that takes sound and answers with text. */
export const speechSchema = z.strictObject({
  kind: z.literal("http"),
  task: z.literal("transcribe"),
  ...endpointFields,
  /**
   * How the sound, a WAV, is sent. `form`: as to OpenAI's `/audio/transcriptions`. `bytes`: as the body itself, and
   * `json`: in base64 as `{"audio": …}`, both as to Workers AI.
   */
  send: z.enum(["form", "bytes", "json"]).default("form"),
});

/** Whether what an URL gives comes from whom it names: https, or this machine; nobody's password is in it. */
export const isTrustedUrl = ({ protocol, hostname, username, password }: URL) =>
  username === "" &&
  password === "" &&
  (protocol === "https:" || ["localhost", "127.0.0.1", "[::1]"].includes(hostname));
