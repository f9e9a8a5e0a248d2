// What a created key looks like: `weirkey_`, 40 hex digits of chance, and 8 of checksum. A scanner of
// repositories finds it by its first word and its checksum, and what is mistyped or made up costs no look-up.
import { Buffer } from "node:buffer";
import { KEY_FORM } from "../../shapes/key.ts";
import { sha256Hex } from "../../store/hash.ts";

const CHECKSUM_DIGITS = 8;
/** What is kept of a key in plain: `weirkey_` and 16 of its 160 bits. */
export const PREFIX_LENGTH = 12;

/** A new key, of 160 bits of the platform's randomness. */
export async function mintKey(): Promise<string> {
  const word = `weirkey_${Buffer.from(crypto.getRandomValues(new Uint8Array(20))).toString("hex")}`;
  return word + (await checksum(word));
}

/** Whether a text can be a key that {@link mintKey} has made. */
export async function isKey(text: string): Promise<boolean> {
  if (!KEY_FORM.test(text)) return false;
  return text.slice(-CHECKSUM_DIGITS) === (await checksum(text.slice(0, -CHECKSUM_DIGITS)));
}

const checksum = async (word: string) => (await sha256Hex(word)).slice(0, CHECKSUM_DIGITS);
