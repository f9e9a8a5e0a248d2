// The live stream: the router says what kind of thing has changed, and the questions about it are put again. Where the
// stream cannot be had, the page asks again by the clock, and says so.
import { signal } from "@preact/signals";
import { EventSourceParserStream } from "eventsource-parser/stream";
import { key } from "./session.ts";

export type Subject =
  | "events"
  | "runs"
  | "items"
  | "dead_letters"
  | "rejections"
  | "replays"
  | "pipelines"
  | "keys";

/** `live`: changes come by themselves. `polling`: asked by the clock. `away`: Weir does not answer. */
export type Liveness = "connecting" | "live" | "polling" | "away";

export const liveness = signal<Liveness>("connecting");
/** When something last came, by this browser's clock. */
export const lastHeard = signal<Date | null>(null);

const POLL_MS = 3000;
const AGAIN_MS = 1000;
/** Longest silence of a stream that is not yet cut off: the router sends a beat each 15 s. */
const SILENCE_MS = 40_000;

/** Follows the stream for as long as the page has this key; `onChange` is given what has changed. */
export function followChanges(onChange: (topics?: readonly Subject[]) => void, until: AbortSignal): void {
  void (async () => {
    while (!until.aborted) {
      const ended = await listen(onChange, until).catch(() => "away" as const);
      if (until.aborted) return;
      liveness.value = ended;
      await pause(ended === "live" ? 0 : ended === "polling" ? POLL_MS : AGAIN_MS, until);
      // What came between two streams was not heard.
      if (!document.hidden) onChange();
    }
  })();
}

/** Listens until the stream ends. Answers how live the page is then. */
async function listen(
  onChange: (topics?: readonly Subject[]) => void,
  until: AbortSignal,
): Promise<Liveness> {
  const silence = new AbortController();
  const signal = AbortSignal.any([until, silence.signal]);
  const response = await fetch("/v1/live", { signal, headers: { authorization: `Bearer ${key.value}` } });
  if (!response.ok || !response.body) {
    await response.body?.cancel();
    return "polling";
  }
  liveness.value = "live";
  addEventListener("offline", () => silence.abort(), { signal });
  let watch = setTimeout(() => silence.abort(), SILENCE_MS);
  const messages = response.body
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(new EventSourceParserStream());
  for await (const { event, data } of read(messages)) {
    clearTimeout(watch);
    watch = setTimeout(() => silence.abort(), SILENCE_MS);
    lastHeard.value = new Date();
    if (event === "changed" && !document.hidden) onChange(topicsIn(data));
  }
  clearTimeout(watch);
  return "live";
}

/** What a stream holds; not every browser lets one iterate over it. */
async function* read<T>(stream: ReadableStream<T>): AsyncGenerator<T> {
  const reader = stream.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) yield part.value;
}

function topicsIn(data: string): readonly Subject[] | undefined {
  try {
    return (JSON.parse(data) as { what?: Subject[] }).what;
  } catch {
    return undefined;
  }
}

/** Waits, but no longer than until this browser is online again. */
const pause = (ms: number, until: AbortSignal): Promise<void> =>
  new Promise((done) => {
    const over = new AbortController();
    const end = () => {
      clearTimeout(timer);
      over.abort();
      done();
    };
    const timer = setTimeout(end, ms);
    addEventListener("online", end, { signal: over.signal });
    until.addEventListener("abort", end, { signal: over.signal });
  });
