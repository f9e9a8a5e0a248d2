// Finds, among many texts, all that a given text begins with: a sorted list in which every text knows the
// longest other that it begins with itself. One binary search, then a walk up that chain.

/** Whoever judges what an index finds. */
export interface Judge<E> {
  judgeAll(entries: readonly E[]): void;
}

export interface PrefixTable<E> {
  find(text: string, judge: Judge<E>): void;
}

/** Builds the table from texts and what is filed under each. */
export function prefixTable<E>(filed: ReadonlyMap<string, readonly E[]>): PrefixTable<E> {
  const texts = [...filed.keys()].sort();
  const entries = texts.map((text) => filed.get(text) ?? []);
  const parents: number[] = [];
  const chain: number[] = [];
  for (const [i, text] of texts.entries()) {
    while (chain.length > 0 && !text.startsWith(texts[chain.at(-1) ?? 0] ?? "")) chain.pop();
    parents.push(chain.at(-1) ?? -1);
    chain.push(i);
  }
  return {
    find(text, judge) {
      // Any prefix of `text` is at most `text`, and is a prefix of everything sorted between the two.
      let below = 0;
      for (let above = texts.length; below < above; ) {
        const middle = (below + above) >>> 1;
        if ((texts[middle] ?? "") <= text) below = middle + 1;
        else above = middle;
      }
      for (let i = below - 1; i >= 0; i = parents[i] ?? -1) {
        if (text.startsWith(texts[i] ?? "")) judge.judgeAll(entries[i] ?? []);
      }
    },
  };
}
