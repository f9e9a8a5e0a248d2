// Heartbeats of a decoder child between its requests and outputs: frames decoded, packets encoded, and steps of native
// code that take long. child.ts passes them on to the parent, which kills what goes round in circles (job-run.ts).

/** Receiver of the heartbeats. */
export interface ProgressListener {
  /** Heartbeat: a frame was decoded or a packet encoded. */
  alive(): void;
  /** Start of a step without a heartbeat until its end; `most`: milliseconds of processor time that it may take. */
  begins(most: number): void;
}

/** Milliseconds from one heartbeat to the next. */
const SIGN_MS = 100;
/** A shorter step needs no announcement. */
const LONG_MS = 500;

let listener: ProgressListener = { alive() {}, begins() {} };
let lastSign = 0;

/** Sets the receiver of heartbeats: one, as a child has one job at a time. */
export function setListener(to: ProgressListener): void {
  listener = to;
}

/** Heartbeat: still working. Call it for each frame and packet; few of the calls are passed on. */
export function reportProgress(): void {
  const now = performance.now();
  if (now - lastSign < SIGN_MS) return;
  lastSign = now;
  listener.alive();
}

/** Announces a step over so many pixels, each of which may take so many nanoseconds. Call it before the step. */
export function announceStep(pixels: number, nanoseconds: number): void {
  const most = (pixels * nanoseconds) / 1e6;
  if (most >= LONG_MS) listener.begins(most);
}
