// A question to a person at a terminal. Nobody is asked where nobody can answer.
import { createInterface } from "node:readline/promises";

/** Whether somebody is there to be asked: both ends are a terminal. */
export const canAsk = (): boolean => process.stdin.isTTY === true && process.stderr.isTTY === true;

/** Yes or no; anything but a yes is a no. */
export async function ask(question: string): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^\s*y(es)?\s*$/i.test(await lines.question(`${question} [y/N] `));
  } finally {
    lines.close();
  }
}
