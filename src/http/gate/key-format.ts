// The form of a created API key: `weirkey_`, 40 random hex digits, and 8 of checksum. A scanner of repositories finds
// it by its first word and its checksum, and a mistyped or invented key costs no look-up.
import { Buffer } from "node:buffer";
import { sha256Hex } from "../../shapes/hash.ts";
import { KEY_FORM } from "../../shapes/key.ts";

const CHECKSUM_DIGITS = 8;
/** Characters of a key that are kept in plain: `weirkey_` and 16 of its 160 bits. */
export const PREFIX_LENGTH = 12;

/** A new key, of 160 bits of the platform's randomness. */
export function mintKey(): string {
  const word = `weirkey_${Buffer.from(crypto.getRandomValues(new Uint8Array(20))).toString("hex")}`;
  return word + checksum(word);
}

/** Whether a text has the form and the checksum of a key by {@link mintKey}. */
export function isKey(text: string): boolean {
  if (!KEY_FORM.test(text)) return false;
  return text.slice(-CHECKSUM_DIGITS) === checksum(text.slice(0, -CHECKSUM_DIGITS));
}

const checksum = (word: string) => sha256Hex(word).slice(0, CHECKSUM_DIGITS);
