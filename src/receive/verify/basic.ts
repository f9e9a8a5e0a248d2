// HTTP Basic (Ceph RGW's endpoint user, Tigris). It proves the caller, so all headers count as its own.
import { ok } from "../../shapes/failure.ts";
import { equal, strictBase64 } from "../digest.ts";
import { authorization, unproven, type Verifier } from "./contract.ts";
import { currentSecrets } from "./keys.ts";

export const basic: Verifier<"basic"> = {
  claims: ({ headers }) => authorization(headers)?.kind === "basic",

  async verify({ headers, body, receivedAt }, { username, secrets }, trust) {
    const authorized = authorization(headers);
    const given = authorized?.kind === "basic" ? strictBase64(authorized.value) : undefined;
    if (given === undefined) return unproven("The request has no Basic credentials.", "Authorization");
    const current = currentSecrets(secrets, trust, receivedAt);
    if (!current.ok) return current;
    const matching = current.value.filter(({ value }) => equal(given, `${username}:${value}`));
    if (matching.length === 0) return unproven("The credentials are not accepted.", "Authorization");
    return ok({ scheme: "basic", payload: body, headers });
  },
};
