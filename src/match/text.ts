// Text as filters compare it: case folding, reversal, numbers in text.

/** Lower case, with the Greek final sigma folded too, so that a folded prefix stays a prefix. */
export function fold(text: string): string {
  const lower = text.toLowerCase();
  return lower.includes("ς") ? lower.replaceAll("ς", "σ") : lower;
}

/** The UTF-16 units in the opposite order: suffixes become prefixes. */
export function reversed(text: string): string {
  let out = "";
  for (let i = text.length - 1; i >= 0; i--) out += text[i];
  return out;
}

const NUMBER = /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i;

/** The number that a text spells, or undefined. */
export const numberIn = (text: string) => (NUMBER.test(text) ? Number(text) : undefined);
