// The log of a run: its last lines, so that what a handler said before it failed is there.
import { Buffer } from "node:buffer";
import { noteLine } from "./meter.ts";

const MAX_LINES = 100;
const MAX_LINE_CHARACTERS = 1000;
/** Of all lines: the log is kept with its run, and travels in its report. */
const MAX_BYTES = 8_000;

/** Adds a line; the oldest go where there are too many, or too much in them. */
export function addLine(log: string[], text: string): void {
  log.push(text.slice(0, MAX_LINE_CHARACTERS));
  let bytes = log.reduce((sum, line) => sum + Buffer.byteLength(line), 0);
  let dropped = 0;
  while (log.length > MAX_LINES || bytes > MAX_BYTES) {
    bytes -= Buffer.byteLength(log.shift() ?? "");
    dropped++;
  }
  noteLine(dropped);
}
