// A record that is no event, as the text that is kept of it for a person. Ceph's `opaqueData` is a secret where a
// topic uses it for one, whichever way the delivery was proven: it is never kept.

/** The record's text; an object that is nested too deeply to be written out is named so. */
export function recordText(record: unknown): string {
  const value = typeof record === "string" ? parsed(record) : record;
  try {
    return typeof value === "string" ? cutOff(value) : JSON.stringify(value, withoutOpaqueData);
  } catch {
    return "(nested too deeply to be shown)";
  }
}

/** JSON is parsed, so that a name written in escapes becomes what it says; anything else is text as it stands. */
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

/** In text of no shape that is known, what follows the name is the secret, however it is written. */
function cutOff(text: string): string {
  const { index } = OPAQUE.exec(text) ?? {};
  return index === undefined ? text : `${text.slice(0, index)}opaqueData…`;
}

const OPAQUE = /opaque_?data/i;
