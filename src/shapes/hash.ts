/// <reference types="node" />
// SHA-256 in hex, the one hash of Weir's ids, names and checksums. Synchronous, in Workers as in Node.
import { hash } from "node:crypto";

/** SHA-256 of text (as UTF-8) or bytes: 64 hex digits in lower case. */
export const sha256Hex = (data: string | Uint8Array): string => hash("sha256", data);
