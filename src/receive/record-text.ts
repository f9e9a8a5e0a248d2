// The text that is kept of a quarantined record, for a person to read. Ceph's `opaqueData` may be a topic's secret, and
// is never kept, whichever way the delivery was proven.

/** The record's text; an object that is nested too deeply to be written out is named so. */
export function recordText(record: unknown): string {
  const value = typeof record === "string" ? parsed(record) : record;
  try {
    return typeof value === "string" ? cutOff(value) : JSON.stringify(value, withoutOpaqueData);
  } catch {
    return "(nested too deeply to be shown)";
  }
}

/** Parses JSON, so that a name written in escapes is recognised; any other text stays as it is. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function withoutOpaqueData(name: string, value: unknown): unknown {
  if (OPAQUE.test(name)) return "…";
  return typeof value === "string" ? cutOff(value) : value;
}

/** Cuts text of an unknown shape off at the name: the secret follows it, however it is written. */
function cutOff(text: string): string {
  const { index } = OPAQUE.exec(text) ?? {};
  return index === undefined ? text : `${text.slice(0, index)}opaqueData…`;
}

const OPAQUE = /opaque_?data/i;
