// The nearest name to a mistyped word, for every "did you mean …?": filters, configs and the command line.

/** The name that is a typing slip or two away from `word`, or undefined. Short words allow one slip. */
export function nearest(word: string, names: Iterable<string>): string | undefined {
  let best: string | undefined;
  let least = 3;
  for (const name of names) {
    const slips = distance(word.toLowerCase(), name.toLowerCase());
    const allowed = Math.min(word.length, name.length) <= 4 ? 1 : 2;
    if (slips <= allowed && slips < least) [best, least] = [name, slips];
  }
  return best;
}

/** Edit distance, a swap of neighbours counting as one; anything over 2 is reported as 3. */
function distance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2) return 3;
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(
        (previous[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (previous[j - 1] ?? 0) + (same ? 0 : 1),
      );
      if (a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, (before[j - 2] ?? 3) + 1);
      row.push(cost);
    }
    [before, previous] = [previous, row];
  }
  return Math.min(previous[b.length] ?? 3, 3);
}
