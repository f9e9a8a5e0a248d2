// The live stream: the router says what kind of thing has changed, and the questions about it are put again. Where the
// stream cannot be had, the page asks again by the clock, and says so.
import { signal } from "@preact/signals";
import { type LiveChange, WeirClient, WeirError } from "../../src/client/client.ts";
import { key } from "./session.ts";

/** Kinds of things that change; the stream does not name keys. */
export type Subject = LiveChange["what"][number] | "keys";

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
  addEventListener("offline", () => silence.abort(), { signal });
  const heard = () => {
    clearTimeout(watch);
    watch = setTimeout(() => silence.abort(), SILENCE_MS);
    lastHeard.value = new Date();
  };
  let watch: ReturnType<typeof setTimeout> | undefined;
  // Not the client of data/client.ts, whose calls end after some seconds.
  const client = new WeirClient({ url: location.origin, key: key.value ?? "" });
  try {
    for await (const { event, data } of client.watchChanges({}, { signal })) {
      liveness.value = "live";
      heard();
      if (event === "changed" && !document.hidden) onChange(data.what);
    }
    return "live";
  } catch (error) {
    if (error instanceof WeirError) return "polling";
    throw error;
  } finally {
    clearTimeout(watch);
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
