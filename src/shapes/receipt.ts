/// <reference types="node" />
// Signs receipts of erasures, and checks them anywhere without asking anybody. Ed25519 (RFC 8032): the key follows from
// the root key and stays the same for as long as that does; the public one (RFC 8037) is in every receipt.
import { Buffer } from "node:buffer";
import { createHmac } from "node:crypto";
import { canonical } from "./canonical.ts";
import type { Receipt, ReceiptBody, ReceiptKey } from "./erasure.ts";
import { sha256Hex } from "./hash.ts";

/** What stands before the 32 bytes of a private key in PKCS #8 (RFC 8410, section 7). */
const PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");

/** The public key that receipts are signed with. */
export const receiptKeyOf = async (root: string): Promise<ReceiptKey> => (await openKeys(root)).key;

export async function signReceipt(root: string, body: ReceiptBody): Promise<Receipt> {
  const { secret, key } = await openKeys(root);
  const value = Buffer.from(await crypto.subtle.sign("Ed25519", secret, covered(body)));
  return { ...body, signature: { key, value: value.toString("base64url") } };
}

/** Whether a receipt is as it was signed by the key that it names. Whose key that is, its `kid` says. */
export async function isSignedReceipt({ signature, ...body }: Receipt): Promise<boolean> {
  const { kty, crv, x, kid } = signature.key;
  const bytes = Buffer.from(x, "base64url");
  if (kid !== sha256Hex(bytes)) return false;
  const key = await crypto.subtle
    .importKey("jwk", { kty, crv, x }, "Ed25519", false, ["verify"])
    .catch(() => null);
  return (
    key !== null &&
    crypto.subtle.verify("Ed25519", key, Buffer.from(signature.value, "base64url"), covered(body))
  );
}

async function openKeys(root: string) {
  const seed = createHmac("sha256", root)
    .update(JSON.stringify(["weir-receipt-key-v1"]))
    .digest();
  const secret = await crypto.subtle.importKey("pkcs8", Buffer.concat([PKCS8, seed]), "Ed25519", true, [
    "sign",
  ]);
  const { x = "" } = (await crypto.subtle.exportKey("jwk", secret)) as { x?: string };
  const key: ReceiptKey = { kty: "OKP", crv: "Ed25519", x, kid: sha256Hex(Buffer.from(x, "base64url")) };
  return { secret, key };
}

const covered = (body: ReceiptBody) => new TextEncoder().encode(canonical(["weir-receipt-v1", body]));
