// API keys: what a key may do, and what one looks like. Who holds which is in the ledger (store/access/keys.ts).
import { z } from "zod";

/** `read`: see everything. `search`: ask collections, and nothing else; `read` may, too. `invoke`: run pipelines. `operate`: replay, repair, redrive, pause. `deploy`: keys, what is deployed, and erasing. */
export const SCOPES = ["read", "search", "invoke", "operate", "deploy"] as const;
export const scopeSchema = z.enum(SCOPES);
export type Scope = z.infer<typeof scopeSchema>;

/** The API key that a request comes from. */
export interface Caller {
  /** `key_…`, or `root` for the key that is set as WEIR_API_KEY. */
  id: string;
  name: string;
  scopes: readonly Scope[];
  /** Milliseconds since the epoch; null: never. */
  expires_at: number | null;
}

/** A created key: a word to find it by, 160 random bits, 32 bits of checksum. docs/operations.md has it for scanners. */
export const KEY_FORM = /^weirkey_[0-9a-f]{48}$/;

/** Whether a key with these scopes may do what needs one of them. */
export const mayDo = (scopes: readonly Scope[], needs: Scope): boolean =>
  scopes.includes(needs) || (needs === "search" && scopes.includes("read"));
