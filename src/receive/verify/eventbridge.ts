// EventBridge API destinations: the connection's header API key, Basic or bearer, and optionally the
// accounts whose events are accepted. Bearer and Basic are proven by the files of those names.
import { fail, ok, type Result } from "../../shapes/failure.ts";
import { utf8 } from "../body.ts";
import { equal } from "../digest.ts";
import { basic } from "./basic.ts";
import { bearer } from "./bearer.ts";
import { type Delivery, type Proof, type Trust, unproven, type Verifier } from "./contract.ts";
import { currentSecrets } from "./keys.ts";

type Config = Parameters<Verifier<"eventbridge">["verify"]>[1];

export const eventbridge: Verifier<"eventbridge"> = {
  claims(delivery, { auth }) {
    if (auth.type === "api-key") return delivery.headers.has(auth.header);
    return auth.type === "basic"
      ? basic.claims(delivery, { ...auth, scheme: "basic" })
      : bearer.claims(delivery, { ...auth, scheme: "bearer" });
  },

  async verify(delivery, { auth, accounts }, trust) {
    const proven = await proveCaller(delivery, auth, trust);
    if (!proven.ok) return proven;
    if (accounts !== undefined && !accounts.includes(accountOf(delivery.body) ?? "")) {
      return fail("forbidden", "The sender is genuine, but the event's account is not listed.", {
        where: "account",
      });
    }
    return ok({ ...proven.value, scheme: "eventbridge" });
  },
};

async function proveCaller(delivery: Delivery, auth: Config["auth"], trust: Trust): Promise<Result<Proof>> {
  switch (auth.type) {
    case "basic":
      return basic.verify(delivery, { ...auth, scheme: "basic" }, trust);
    case "bearer":
      return bearer.verify(delivery, { ...auth, scheme: "bearer" }, trust);
    case "api-key": {
      const { headers, body, receivedAt } = delivery;
      const current = currentSecrets(auth.secrets, trust, receivedAt);
      if (!current.ok) return current;
      const given = headers.get(auth.header) ?? "";
      const matching = current.value.filter(({ value }) => equal(given, value));
      if (matching.length === 0) return unproven("The API key is missing or not accepted.", auth.header);
      return ok({ scheme: "eventbridge", payload: body, headers });
    }
  }
}

function accountOf(body: Uint8Array): string | undefined {
  try {
    const event: unknown = JSON.parse(utf8(body));
    const account =
      typeof event === "object" && event !== null && "account" in event ? event.account : undefined;
    return typeof account === "string" ? account : undefined;
  } catch {
    return undefined;
  }
}
