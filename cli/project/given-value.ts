// The value that a file gives where another was expected, in words for its problem. A value that may be a secret is
// never shown: where a secret's name belongs, what stands there by mistake is the secret itself.

const MAX_TEXT = 60;
/** Fields that name a secret, a key or a certificate. */
const SECRET = /secret|key|token|password|certificate|jwks|auth/i;

/** `, not 0` or `, not "abc"` for a value at a path; empty where nothing is there or it must not be shown. */
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
