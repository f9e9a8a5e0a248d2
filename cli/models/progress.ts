// One line at a terminal that says how far a download is; nothing elsewhere.
import { visible } from "../io/output.ts";

const MEGABYTE = 1_000_000;
/** Between two writes of the line, milliseconds. */
const PACE_MS = 200;

export const megabytes = (bytes: number): string =>
  bytes < MEGABYTE / 10 ? `${Math.ceil(bytes / 1000)} kB` : `${(bytes / MEGABYTE).toFixed(1)} MB`;

export class Progress {
  readonly #name: string;
  readonly #total: number;
  #began = Date.now();
  #from = 0;
  #shown = 0;

  /** `from` bytes were there from before. */
  constructor(name: string, total: number, from: number) {
    this.#name = name;
    this.#total = total;
    this.#from = from;
  }

  at(bytes: number): void {
    const now = Date.now();
    if (!process.stderr.isTTY || now - this.#shown < PACE_MS) return;
    this.#shown = now;
    const rate = ((bytes - this.#from) / Math.max(1, now - this.#began)) * 1000;
    const share = Math.floor((bytes / Math.max(1, this.#total)) * 100);
    const text = `${this.#name}  ${share}% of ${megabytes(this.#total)}, ${megabytes(rate)}/s`;
    process.stderr.write(`\r\u001b[K${visible(text).slice(0, (process.stderr.columns ?? 80) - 1)}`);
  }

  end(): void {
    if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");
  }
}
