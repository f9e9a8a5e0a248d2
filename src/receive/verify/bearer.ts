// A shared token in `Authorization: Bearer` (MinIO, Tigris, any forwarder). It proves the caller, so all
// headers count as its own.
import { ok } from "../../shapes/failure.ts";
import { equal } from "../digest.ts";
import { authorization, unproven, type Verifier } from "./contract.ts";
import { currentSecrets } from "./keys.ts";

export const bearer: Verifier<"bearer"> = {
  claims: ({ headers }) => authorization(headers)?.kind === "bearer",

  async verify({ headers, body, receivedAt }, { secrets }, trust) {
    const given = authorization(headers);
    if (given?.kind !== "bearer") return unproven("The request has no bearer token.", "Authorization");
    const current = currentSecrets(secrets, trust, receivedAt);
    if (!current.ok) return current;
    const matching = current.value.filter(({ value }) => equal(given.value, value));
    if (matching.length === 0) return unproven("The bearer token is not accepted.", "Authorization");
    return ok({ scheme: "bearer", payload: body, headers });
  },
};
