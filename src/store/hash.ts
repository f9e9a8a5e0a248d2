// SHA-256 in hex, by the platform.
import { Buffer } from "node:buffer";

export async function sha256Hex(text: string): Promise<string> {
  return Buffer.from(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))).toString("hex");
}
