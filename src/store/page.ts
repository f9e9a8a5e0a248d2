// Pages by key: a list asks its store for one row more than a page holds, and whether that row came says whether
// there is another page. Cursors that people are given are made in query/cursor.ts.

/** Cuts `limit + 1` rows down to a page. `last` is the page's last row where more rows follow it, else undefined. */
export function cutPage<Row>(results: readonly Row[], limit: number): { rows: Row[]; last: Row | undefined } {
  const rows = results.slice(0, limit);
  return { rows, last: results.length > limit ? rows.at(-1) : undefined };
}
