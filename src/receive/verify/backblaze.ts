// Backblaze B2: hex HMAC-SHA256 of the raw body. The signing secret is used as the text it is. There is
// no timestamp, so a delivery can be repeated; repetitions are one event by its identity.
import { ok } from "../../shapes/failure.ts";
import { equal, hmacSha256, toHex } from "../digest.ts";
import { unproven, type Verifier } from "./contract.ts";
import { currentSecrets } from "./keys.ts";

const HEADER = "x-bz-event-notification-signature";

export const backblaze: Verifier<"backblaze"> = {
  claims: ({ headers }) => headers.has(HEADER),

  async verify({ headers, body, receivedAt }, { secrets }, trust) {
    const given = /^v1=([0-9a-f]{64})$/.exec(headers.get(HEADER) ?? "")?.[1];
    if (given === undefined) return unproven("The signature is missing or not of version 1.", HEADER);
    const current = currentSecrets(secrets, trust, receivedAt);
    if (!current.ok) return current;
    const matching = current.value.filter(({ value }) => equal(given, toHex(hmacSha256(value, body))));
    if (matching.length === 0) return unproven("The signature does not match the body.", HEADER);
    return ok({ scheme: "backblaze", payload: body, headers: new Headers() });
  },
};
