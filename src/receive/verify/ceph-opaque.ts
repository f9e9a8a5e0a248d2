// Ceph RGW without credentials in its endpoint: the secret is the topic's OpaqueData, which comes back in every record.
// It proves the caller, not the bytes. It is removed from the records here, so that nothing that is kept can hold it.
import { z } from "zod";
import { ok } from "../../shapes/failure.ts";
import { utf8 } from "../body.ts";
import { equal } from "../digest.ts";
import { unproven, type Verifier } from "./contract.ts";
import { currentSecrets } from "./keys.ts";

const bodySchema = z.object({ Records: z.array(z.looseObject({ opaqueData: z.string() })).min(1) });

export const cephOpaque: Verifier<"ceph-opaque"> = {
  claims: ({ headers }) => !headers.has("authorization"),

  async verify({ body, receivedAt }, { secrets }, trust) {
    const records = parse(body);
    if (records === undefined) return unproven("The records carry no opaque data.", "opaqueData");
    const current = currentSecrets(secrets, trust, receivedAt);
    if (!current.ok) return current;
    const isKnown = (given: string) => current.value.filter(({ value }) => equal(given, value)).length > 0;
    if (!records.every(({ opaqueData }) => isKnown(opaqueData))) {
      return unproven("The opaque data is not accepted.", "opaqueData");
    }
    const withoutSecret = records.map(({ opaqueData: _, ...record }) => record);
    return ok({
      scheme: "ceph-opaque",
      payload: JSON.stringify({ Records: withoutSecret }),
      headers: new Headers(),
    });
  },
};

function parse(body: Uint8Array) {
  try {
    return bodySchema.safeParse(JSON.parse(utf8(body))).data?.Records;
  } catch {
    return undefined;
  }
}
