// Key pairs of senders for local work, where a connection pins a certificate or key set. The public half goes to the
// Worker under the pinned name; the private half stays with the command, which signs as the sender.
import { generateKeyPairSync } from "node:crypto";
import type { Connections } from "../../src/shapes/connection.ts";
import { selfSigned } from "./certificate.ts";

/** Name of the secret that holds the private half of a pinned certificate or key set. */
export const privateName = (pinned: string) => `${pinned}_PRIVATE_KEY`;

/** Makes a key pair for every certificate and key set that connections pin. */
export function makePins(connections: Connections["connections"]): Record<string, string> {
  const pins: Record<string, string> = {};
  for (const connection of Object.values(connections)) {
    for (const scheme of connection.kind === "d1" ? [] : connection.events) {
      if (scheme.scheme === "sns" && scheme.certificate) {
        const { certificate, privateKey } = selfSigned("Weir local SNS");
        pins[scheme.certificate] = certificate;
        pins[privateName(scheme.certificate)] = privateKey;
      }
      if (scheme.scheme === "google-oidc" && scheme.jwks) {
        const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
        const key = { ...publicKey.export({ format: "jwk" }), kid: "local", alg: "RS256", use: "sig" };
        pins[scheme.jwks] = JSON.stringify({ keys: [key] });
        pins[privateName(scheme.jwks)] = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
      }
    }
  }
  return pins;
}
