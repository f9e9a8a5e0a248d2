import { describe, expect, test } from "vitest";
import { signStandardWebhook } from "../../cli/senders/sign.ts";
import { keyCache } from "../../src/receive/verify/keys.ts";
import { standardWebhooks } from "../../src/receive/verify/standard-webhooks.ts";
import type { SecretRef } from "../../src/shapes/connection.ts";
import { door, NOW, SECRETS } from "./given.ts";
import { records, s3Record } from "./records.ts";

// The specification's own vectors.
const ID = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const AT = 1614265330;
const BODY = '{"test": 2432232314}';
const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const PUBLIC = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=";
const V1 = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
const V1A = "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==";

const verify = (
  signature: string,
  secrets: Record<string, string>,
  over: { at?: number; timestamp?: string; refs?: SecretRef[] } = {},
) =>
  standardWebhooks.verify(
    {
      method: "POST",
      url: new URL("https://weir.test/"),
      headers: new Headers({
        "webhook-id": ID,
        "webhook-timestamp": over.timestamp ?? String(AT),
        "webhook-signature": signature,
      }),
      body: new TextEncoder().encode(BODY),
      receivedAt: (over.at ?? AT) * 1000,
    },
    { scheme: "standard-webhooks", secrets: over.refs ?? Object.keys(secrets) },
    { secret: (name) => secrets[name], fetch, cache: keyCache() },
  );

describe("the specification's vectors", () => {
  test.each([
    ["v1", V1, { S: SECRET }],
    ["v1 with a secret that has no prefix", V1, { S: SECRET.slice("whsec_".length) }],
    ["v1a", V1A, { S: PUBLIC }],
    ["the right one of several signatures", `v1,${"A".repeat(43)}= v2,x ${V1}`, { S: SECRET }],
    ["the right one of several secrets", V1, { N: "whsec_AAAA", S: SECRET }],
    ["both kinds in one header", `${V1} ${V1A}`, { S: PUBLIC }],
  ])("%s is proven", async (_, signature, secrets) => {
    expect(await verify(signature, secrets)).toMatchObject({ ok: true, value: { replayId: ID } });
  });

  test.each([
    ["nothing", ""],
    ["a bare v1,", "v1,"],
    ["v1 without a comma", "v1"],
    ["no version", V1.slice(3)],
    ["another version", V1.replace("v1,", "v2,")],
    ["a v1 signature called v1a", V1.replace("v1,", "v1a,")],
    ["a truncated signature", V1.slice(0, -5)],
    ["no padding", V1.slice(0, -1)],
    ["loose bits after the last byte", V1.replace("1OE=", "1OF=")],
    ["the URL-safe alphabet", V1.replace("+", "-").replace("/", "_")],
    ["white space inside", V1.replace("SsE", "Ss E")],
    ["hex", `v1,${Buffer.from(V1.slice(3), "base64").toString("hex")}`],
    ["two values joined by a comma", `${V1},${V1}`],
  ])("%s fails", async (_, signature) => {
    expect(await verify(signature, { S: SECRET })).toMatchObject({ failure: { kind: "unproven" } });
    expect(await verify(signature, { S: PUBLIC })).toMatchObject({ failure: { kind: "unproven" } });
  });

  test.each([-299, -300, 0, 299, 300])("a clock off by %i s is accepted", async (off) => {
    expect(await verify(V1, { S: SECRET }, { at: AT + off })).toMatchObject({ ok: true });
  });
  test.each([-301, 301, 1e9])("a clock off by %i s is refused", async (off) => {
    expect(await verify(V1, { S: SECRET }, { at: AT + off })).toMatchObject({
      failure: { kind: "unproven" },
    });
  });
  test.each(["NaN", "-1", "17abc", "", "1e9", "0x1", "1614265330.0", "+1614265330", "9".repeat(40)])(
    "the timestamp %j is refused",
    async (timestamp) => {
      expect(await verify(V1, { S: SECRET }, { timestamp })).toMatchObject({ failure: { kind: "unproven" } });
    },
  );
});

test("an expired secret is refused from its moment on, and accepted before", async () => {
  const expires = new Date(AT * 1000).toISOString();
  const refs = [{ name: "S", expires }];
  expect(await verify(V1, { S: SECRET }, { refs, at: AT - 1 })).toMatchObject({ ok: true });
  expect(await verify(V1, { S: SECRET }, { refs, at: AT })).toMatchObject({ failure: { kind: "unproven" } });
});

test.each([
  ["not set", {}],
  ["empty", { S: "" }],
  ["not base64", { S: "whsec_not base64" }],
  ["a public key of the wrong length", { S: "whpk_AAAA" }],
])("a secret that is %s is our fault, named by its variable", async (_, secrets) => {
  const result = await verify(V1, secrets, { refs: ["S"] });
  expect(result).toMatchObject({ failure: { kind: "unavailable", where: "S" } });
  expect(JSON.stringify(result)).not.toContain('not base64"');
});

test("the same id sent again with a new timestamp tells the same event", async () => {
  const { deliver, sent } = door();
  const body = records(s3Record());
  for (const off of [0, 20]) {
    const headers = signStandardWebhook({
      secret: SECRETS.HOOK ?? "",
      id: "msg_1",
      timestamp: NOW / 1000 + off,
      body,
    });
    expect(await deliver("conn_hook", { headers, body })).toMatchObject({ ok: true });
  }
  expect(sent.map(({ id }) => id)).toEqual([sent[0]?.id, sent[0]?.id]);
});

test("headers that the signature does not cover say nothing of the event", async () => {
  const { deliver, sent } = door();
  const body = records(s3Record());
  const headers = {
    ...signStandardWebhook({ secret: SECRETS.HOOK ?? "", id: "m", timestamp: NOW / 1000, body }),
    "ce-specversion": "1.0",
    "ce-type": "com.amazonaws.s3.ObjectRemoved:Delete",
    "ce-source": "aws:s3.us-east-1.media",
    "ce-subject": "another.mp4",
    "ce-time": "2026-11-23T11:00:00Z",
  };
  await deliver("conn_hook", { headers, body });
  expect(sent).toMatchObject([{ type: "created", key: "clips/a.mp4", sender: "s3" }]);
});
