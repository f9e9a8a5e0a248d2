// Yes-or-no questions to a person at a terminal, and whether a person is there to answer.
import { createInterface } from "node:readline/promises";

/** Whether a person can answer: stdin and stderr are both a terminal. */
export const canAsk = (): boolean => process.stdin.isTTY === true && process.stderr.isTTY === true;

/** Asks a question; any answer but y or yes is a no. */
export async function ask(question: string): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^\s*y(es)?\s*$/i.test(await lines.question(`${question} [y/N] `));
  } finally {
    lines.close();
  }
}
