// A speech model's endpoint on this machine: takes what OpenAI's API reference says that `/audio/transcriptions` takes
// (CreateTranscriptionRequest) and answers with a CreateTranscriptionResponseVerboseJson. Who recognises is given.
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { z } from "zod";

/** What was said in a WAV file, in its own time. */
export type Recognise = (wav: Buffer, count: number) => Promise<Spoken> | Spoken;
interface Timed {
  start: number;
  end: number;
}
export interface Spoken {
  words: (Timed & { word: string })[];
  language?: string;
}
/** A request as it came. */
export interface SpeechRequest {
  headers: IncomingHttpHeaders;
  fields: Record<string, string | string[]>;
  /** The file, or the body where it is no form. */
  wav: Buffer;
  file?: { name: string; type: string };
}

/** Fields of a request, as the reference has them; any other is refused, as the API does. */
const requestSchema = z.strictObject({
  model: z.string(),
  language: z.string().optional(),
  prompt: z.string().optional(),
  response_format: z.enum(["json", "text", "srt", "verbose_json", "vtt", "diarized_json"]).optional(),
  temperature: z.coerce.number().min(0).max(1).optional(),
  "timestamp_granularities[]": z.array(z.enum(["word", "segment"])).optional(),
});

/** The answer, as the reference has it: all but `words`, `segments` and `usage` must be there. */
export function verboseJson({ words, language = "english" }: Spoken, seconds: number) {
  const text = words.map(({ word }) => word).join(" ");
  const segment = {
    id: 0,
    seek: 0,
    start: words[0]?.start ?? 0,
    end: words.at(-1)?.end ?? 0,
    text: ` ${text}`,
    tokens: [50_364],
    temperature: 0,
    avg_logprob: -0.28,
    compression_ratio: 1.2,
    no_speech_prob: 0.01,
  };
  const usage = { type: "duration", seconds: Math.ceil(seconds) };
  return {
    task: "transcribe",
    language,
    duration: seconds,
    text,
    segments: words.length ? [segment] : [],
    words,
    usage,
  };
}

type Instead = (
  request: SpeechRequest,
  count: number,
) => { status: number; headers?: object; body: unknown } | undefined;

/** Seconds of a WAV of 16 kHz, one channel, 16 bits; throws for any other. */
export function secondsOf(wav: Buffer): number {
  const head = [
    wav.toString("latin1", 0, 4),
    wav.toString("latin1", 8, 16),
    wav.readUInt16LE(20),
    wav.readUInt16LE(22),
  ];
  if (head.join() !== "RIFF,WAVEfmt ,1,1" || wav.readUInt32LE(24) !== 16_000)
    throw new Error(`no such WAV: ${head}`);
  return (wav.length - 44) / 32_000;
}

/** Starts an endpoint. `instead` may answer in place of the recogniser. */
export async function startSpeechEndpoint(recognise: Recognise) {
  const requests: SpeechRequest[] = [];
  const state: { instead: Instead } = { instead: () => undefined };
  const server = createServer(async (incoming, response) => {
    const pieces: Buffer[] = [];
    for await (const piece of incoming) pieces.push(piece);
    const request = await requestOf(incoming.headers, Buffer.concat(pieces));
    requests.push(request);
    const send = (status: number, body: unknown, headers: object = {}) =>
      response
        .writeHead(status, { "content-type": "application/json", ...headers })
        .end(typeof body === "string" ? body : JSON.stringify(body));
    const other = state.instead(request, requests.length);
    if (other) return send(other.status, other.body, other.headers);
    const parsed = requestSchema.safeParse(request.fields);
    if (!parsed.success || !request.file)
      return send(400, {
        error: { message: z.prettifyError(parsed.error ?? new z.ZodError([])), type: "invalid" },
      });
    const seconds = secondsOf(request.wav);
    return send(200, verboseJson(await recognise(request.wav, requests.length), seconds));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/audio/transcriptions`,
    requests,
    /** Answers in place of the recogniser from now on. */
    answer: (instead: Instead) => {
      state.instead = instead;
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

async function requestOf(headers: IncomingHttpHeaders, body: Buffer): Promise<SpeechRequest> {
  const type = headers["content-type"] ?? "";
  if (!type.startsWith("multipart/form-data")) return { headers, fields: {}, wav: body };
  const form = await new Response(new Uint8Array(body), { headers: { "content-type": type } }).formData();
  const file = form.get("file");
  const fields: SpeechRequest["fields"] = {};
  for (const name of new Set(form.keys()))
    if (name !== "file")
      fields[name] = name.endsWith("[]") ? form.getAll(name).map(String) : String(form.get(name));
  if (!(file instanceof File)) return { headers, fields, wav: Buffer.alloc(0) };
  const wav = Buffer.from(await file.arrayBuffer());
  return { headers, fields, wav, file: { name: file.name, type: file.type } };
}
