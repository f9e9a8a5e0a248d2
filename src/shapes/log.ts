// The one form of a Worker's log lines: one JSON object a line, its kind first, so that logs can be searched by it.

/** Logs a line of a kind (`attempt`, `run.unsent` …) with its fields. A field that is undefined is left out. */
export function logLine(level: "log" | "warn" | "error", kind: string, fields: object): void {
  console[level](JSON.stringify({ log: kind, ...fields }));
}
