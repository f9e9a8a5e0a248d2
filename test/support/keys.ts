// Keys that are harmed by one decoding too many or too few, by a URL parser, or by a name's other meaning.

export const AWKWARD_KEYS: Record<string, string> = {
  "a plus, an escape and a tick": "red+flower%2B✓.jpg",
  "a space": "a b",
  "a step up": "../x",
  "a step up inside": "a/../b",
  "a step nowhere": "./c/./d",
  "an encoded step up": "%2e%2e/x",
  "two slashes": "a//b",
  "a slash at its end": "folder/",
  "a newline": "line\nbreak",
  "what ends a path": "q?a=1&b=2#c;d",
  "quotes and tags": `'a' "b" <c> &amp; \\ d`,
  "a name of JavaScript's": "__proto__",
  "letters of the astral planes": "𝒜/日本/é/e\u0301",
  "1,024 bytes": `${"x".repeat(1020)}.txt`,
};
