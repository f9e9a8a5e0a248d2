// What a decoder child comes to while it neither asks for bytes nor answers: frames decoded, packets encoded, and
// steps of native code that take long. child.ts passes it on to the parent, which kills what goes round in circles.

/** Who hears of it. */
export interface Listener {
  /** A frame was decoded or a packet encoded. */
  alive(): void;
  /** A step begins that nothing is heard of until its end, and that may take so many milliseconds of processor. */
  begins(most: number): void;
}

/** Milliseconds from one sign of life to the next. */
const EVERY_MS = 100;
/** A shorter step needs no announcement. */
const LONG_MS = 500;

let listener: Listener = { alive() {}, begins() {} };
let last = 0;

/** One listener, as a child has one job at a time. */
export function listen(to: Listener): void {
  listener = to;
}

export function comesOn(): void {
  const now = performance.now();
  if (now - last < EVERY_MS) return;
  last = now;
  listener.alive();
}

/** Call it before a step over so many pixels, each of which may take so many nanoseconds. */
export function begins(pixels: number, nanoseconds: number): void {
  const most = (pixels * nanoseconds) / 1e6;
  if (most >= LONG_MS) listener.begins(most);
}
