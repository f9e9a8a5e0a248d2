// What a decoder child comes to while it neither asks for bytes nor answers: frames decoded, packets encoded, and
// steps of native code that take long. child.ts passes it on to the parent, which kills what goes round in circles.

/** Who hears of it. */
export interface ProgressListener {
  /** A frame was decoded or a packet encoded. */
  alive(): void;
  /** A step begins that nothing is heard of until its end, and that may take so many milliseconds of processor. */
  begins(most: number): void;
}

/** Milliseconds from one sign of life to the next. */
const SIGN_MS = 100;
/** A shorter step needs no announcement. */
const LONG_MS = 500;

let listener: ProgressListener = { alive() {}, begins() {} };
let lastSign = 0;

/** One listener, as a child has one job at a time. */
export function setListener(to: ProgressListener): void {
  listener = to;
}

export function reportProgress(): void {
  const now = performance.now();
  if (now - lastSign < SIGN_MS) return;
  lastSign = now;
  listener.alive();
}

/** Call it before a step over so many pixels, each of which may take so many nanoseconds. */
export function announceStep(pixels: number, nanoseconds: number): void {
  const most = (pixels * nanoseconds) / 1e6;
  if (most >= LONG_MS) listener.begins(most);
}
