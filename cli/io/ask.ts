// Questions to a person at a terminal, and whether a person is there to answer.
import { createInterface } from "node:readline/promises";
import { CliError } from "./output.ts";

/** Whether a person can answer: stdin and stderr are both a terminal. */
export const canAsk = (): boolean => process.stdin.isTTY === true && process.stderr.isTTY === true;

/** Asks a question; any answer but y or yes is a no. @throws CliError where none is given */
export const ask = (question: string): Promise<boolean> =>
  askFor(`${question} [y/N]`, (answer) => /^y(es)?$/i.test(answer));

/** Asks until `read` makes something of the answer. @throws CliError where none is given */
export async function askFor<T>(question: string, read: (answer: string) => T | undefined): Promise<T> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    for (;;) {
      const value = read((await lines.question(`${question} `)).trim());
      if (value !== undefined) return value;
    }
  } catch (error) {
    // Ctrl-C and Ctrl-D.
    if (error instanceof Error && error.name === "AbortError")
      throw new CliError("No answer was given, so nothing was done.");
    throw error;
  } finally {
    lines.close();
  }
}
