// RFC 2047 encoded words: how AWS and MinIO give metadata back that was not ASCII when it was put. Read wherever
// metadata comes in, from a store's headers and from events. https://www.rfc-editor.org/rfc/rfc2047#section-2

interface Word {
  charset: string;
  bytes: number[];
}

const WORD = /=\?([A-Za-z0-9_-]{1,40})(?:\*[A-Za-z0-9-]{0,40})?\?([BbQq])\?([^?\s]*)\?=/;
const WORDS = new RegExp(`${WORD.source}(?:[ \\t\\r\\n]+${WORD.source})*`, "g");

/**
 * A header's text with its encoded words decoded. Neighbouring words are one text, without the white space
 * between them; a word that is none, or of a charset that there is not, is left as it stands.
 */
export function decodeWords(text: string): string {
  if (!text.includes("=?")) return text;
  return text.replace(WORDS, (run) => decodeRun(run) ?? run);
}

function decodeRun(run: string): string | undefined {
  const words: Word[] = [];
  for (const [, charset = "", encoding = "", encoded = ""] of run.matchAll(new RegExp(WORD, "g"))) {
    const bytes = encoding.toUpperCase() === "B" ? fromBase64(encoded) : fromQ(encoded);
    if (bytes === undefined) return undefined;
    const last = words.at(-1);
    // A character may begin in one word and end in the next.
    if (last?.charset === charset.toLowerCase()) last.bytes.push(...bytes);
    else words.push({ charset: charset.toLowerCase(), bytes });
  }
  try {
    return words
      .map(({ charset, bytes }) =>
        new TextDecoder(charset, { fatal: true, ignoreBOM: false }).decode(new Uint8Array(bytes)),
      )
      .join("");
  } catch {
    return undefined;
  }
}

function fromBase64(encoded: string): number[] | undefined {
  try {
    return [...atob(encoded)].map((char) => char.charCodeAt(0));
  } catch {
    return undefined;
  }
}

/** `_` is a space, `=E2` a byte, anything else itself. */
function fromQ(encoded: string): number[] | undefined {
  if (/=(?![0-9A-Fa-f]{2})|[^!-~]/.test(encoded)) return undefined;
  const parts = encoded.match(/=[0-9A-Fa-f]{2}|[^=]/g) ?? [];
  return parts.map((part) =>
    part.length === 3 ? Number.parseInt(part.slice(1), 16) : part === "_" ? 0x20 : part.charCodeAt(0),
  );
}
