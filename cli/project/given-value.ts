// Describes the wrong value in a file, for the text of its problem. A value that may be a secret is never shown: in the
// place of a secret's name, the wrong value may be the secret itself.

const MAX_TEXT = 60;
/** Fields that name a secret, a key or a certificate. */
const SECRET = /secret|key|token|password|certificate|jwks|auth/i;

/** Text `, not 0` or `, not "abc"` for the value at a path; empty for no value, or one that must not be shown. */
export function givenValue(value: unknown, path: readonly PropertyKey[]): string {
  if (value === undefined) return "";
  if (path.some((step) => SECRET.test(String(step)))) return "";
  return `, not ${inWords(value)}`;
}

function inWords(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : `a list of ${value.length}`;
  if (typeof value === "object" && value !== null) return "an object";
  const text = JSON.stringify(value);
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
}
