import { SignJWT } from "jose";
import { describe, expect, test } from "vitest";
import { signStandardWebhook } from "../../cli/senders/sign.ts";
import { statusOf } from "../../src/shapes/failure.ts";
import { AUDIENCE, door, google, type Message, NOW, PUSHER, SECRETS, whsec } from "./given.ts";
import { eventBridgeEvent } from "./records.ts";
import { BODY, googleToken, header, SCHEMES, secret } from "./schemes.ts";

/** The only addresses that a door may ever ask. */
const PINNED =
  /^https:\/\/(www\.googleapis\.com\/oauth2\/v3\/certs$|sns\.[a-z0-9-]+\.amazonaws\.com(\.cn)?\/)/;

/** What the sender would hear. */
async function heard(connection: string, message: Message, with_ = door()) {
  const result = await with_.deliver(connection, message);
  expect(with_.fetched.filter((url) => !PINNED.test(url))).toEqual([]);
  return result.ok ? 202 : statusOf(result.failure.kind);
}

/** Proofs that are a field of the body (SNS's signature, Ceph's opaque data); all others are headers. */
const field = (proof: string) =>
  ["Signature", "opaqueData"].includes(proof) ? new RegExp(`,?"${proof}":"([^"]*)"`) : undefined;

/** The delivery with its proof put through `change`. */
function reproved({ headers, body }: Message, proof: string, change: (value: string) => string): Message {
  const inBody = field(proof);
  if (!inBody) return { headers: { ...headers, [proof]: change(headers[proof] ?? "") }, body };
  const changed = body.replace(inBody, (_, value: string) => `,"${proof}":${JSON.stringify(change(value))}`);
  return { headers, body: changed };
}
function proofOf({ headers, body }: Message, proof: string): string {
  const inBody = field(proof);
  return (inBody ? inBody.exec(body)?.[1] : headers[proof]) ?? "";
}
function without({ headers, body }: Message, proof: string): Message {
  const inBody = field(proof);
  if (inBody) return { headers, body: body.replace(inBody, "") };
  return { headers: Object.fromEntries(Object.entries(headers).filter(([name]) => name !== proof)), body };
}
const flip = (text: string, at: number) =>
  text.slice(0, at) + (text[at] === "A" ? "B" : "A") + text.slice(at + 1);

describe.each(Object.entries(SCHEMES))("%s", (_, scheme) => {
  const { connection, proof, signed, otherKey, expiredKey, window } = scheme;

  test("a valid delivery is accepted", async () => {
    expect(await heard(connection, await signed({}))).toBe(202);
  });

  test("no proof, an empty one, a shorter or a longer one is refused", async () => {
    const message = await signed({});
    expect(await heard(connection, without(message, proof))).toBe(401);
    const given = proofOf(message, proof);
    for (const value of [
      "",
      given.slice(0, -1),
      given.slice(0, given.length / 2),
      `${given}A`,
      given.split(" ")[0] ?? "",
    ]) {
      if (value === given) continue; // one word already
      expect(
        await heard(
          connection,
          reproved(message, proof, () => value),
        ),
        value,
      ).toBe(401);
    }
  });

  test("the proof with any one character changed is refused", async () => {
    const message = await signed({});
    const { length } = proofOf(message, proof);
    const step = Math.max(1, Math.floor(length / 40));
    // From behind the scheme's name, whose case does not matter.
    for (let at = message.headers[proof]?.startsWith("B") ? 7 : 0; at < length; at += step) {
      expect(
        await heard(
          connection,
          reproved(message, proof, (value) => flip(value, at)),
        ),
        `at ${at}`,
      ).toBe(401);
    }
  });

  test("another connection's secret is refused", async () => {
    expect(await heard(connection, await signed({ key: otherKey }))).toBe(401);
  });

  if (expiredKey)
    test("an expired secret is refused", async () => {
      expect(await heard(connection, await signed({ key: expiredKey ?? "" }))).toBe(401);
    });

  if (window)
    test("outside its window a delivery is refused, inside it is accepted", async () => {
      const seconds = window ?? 0;
      const message = await signed({ at: NOW });
      expect(await heard(connection, message, door({ at: NOW + (seconds - 1) * 1000 }))).toBe(202);
      expect(await heard(connection, message, door({ at: NOW + (seconds + 1) * 1000 }))).toBe(401);
    });

  if (scheme.coversBody)
    test("a body that was changed or re-spaced after signing is refused", async () => {
      const message = await signed({});
      const changed = message.body.replace("clips", "clipz");
      expect(await heard(connection, { ...message, body: changed })).toBe(401);
      const spaced = message.body.replace("Records", "\\u0052ecords").replace("{", "{ ");
      const status = await heard(connection, { ...message, body: spaced });
      expect(status).toBe(proof === "Signature" ? 202 : 401); // SNS signs the values, not the document
    });

  test("repeated, it is one event or refused", async () => {
    const with_ = door();
    const message = await signed({});
    expect(await heard(connection, message, with_)).toBe(202);
    expect(await heard(connection, message, with_)).toBe(scheme.replayed);
    expect(new Set(with_.sent.map(({ id }) => id)).size).toBe(1);
  });

  test("is nothing to a connection of another scheme", async () => {
    const message = await signed({});
    for (const other of ["conn_hook", "conn_b2", "conn_sns", "conn_sigv4"].filter(
      (id) => id !== connection,
    )) {
      expect(await heard(other, message)).toBe(401);
    }
  });
});

test("a refusal tells neither the secret, nor which one was tried", async () => {
  const { rejected, deliver } = door();
  await deliver(
    "conn_hook",
    await header(signStandardWebhook({ secret: whsec(9), id: "m", timestamp: NOW / 1000, body: BODY })),
  );
  await deliver("conn_bearer", await header({ authorization: "Bearer nope" }));
  const told = JSON.stringify(rejected);
  for (const [name, value] of Object.entries(SECRETS)) {
    expect(told).not.toContain(name);
    expect(told).not.toContain(value);
  }
  expect(told).not.toContain("nope");
});

test("a secret that is not set is our fault, named on record and not to the caller", async () => {
  const { deliver, rejected } = door();
  const told = await deliver("conn_unset", await header({ authorization: "Bearer x" }));
  expect(told).toMatchObject({ failure: { kind: "unavailable", retry_after_seconds: expect.any(Number) } });
  expect(JSON.stringify(told)).not.toContain("NEVER_SET");
  expect(rejected).toMatchObject([{ scheme: "bearer", failure: { where: "NEVER_SET" } }]);
});

test("a refusal names the scheme that was claimed, or none", async () => {
  const { deliver, rejected } = door();
  await deliver("conn_several", await header({ authorization: "Bearer x" }));
  await deliver("conn_several", await header({ "webhook-id": "m" }));
  await deliver("conn_several", await header({}));
  await deliver("nobody", await header({}));
  const schemes = rejected.map(({ scheme }) => scheme);
  expect(schemes).toEqual(["bearer", "standard-webhooks", undefined, undefined]);
});

test("among several ways, any one that proves the request will do", async () => {
  const token = await googleToken({}, NOW);
  const hook = signStandardWebhook({ secret: secret("HOOK"), id: "m", timestamp: NOW / 1000, body: BODY });
  expect(await heard("conn_several", await header({ authorization: `Bearer ${secret("TOKEN")}` }))).toBe(202);
  expect(await heard("conn_several", await header(hook))).toBe(202);
  expect(await heard("conn_several", await header({ authorization: `Bearer ${token}` }))).toBe(202);
  expect(await heard("conn_several", await header({ authorization: "Bearer a.b.c" }))).toBe(401);
  expect(await heard("conn_several", await header({}))).toBe(401);
});

test("an event of an account that is not listed is forbidden", async () => {
  const body = JSON.stringify({ ...eventBridgeEvent(), account: "999999999999" });
  expect(await heard("conn_key", await header({ "x-weir-key": secret("TOKEN") }, body))).toBe(403);
  expect(await heard("conn_key", await header({ "x-weir-key": "wrong" }, body))).toBe(401);
});

describe("Google's tokens", () => {
  const bearer = async (token: Promise<string>) => header({ authorization: `Bearer ${await token}` });

  test("of another service account, or one whose address is not verified, are forbidden", async () => {
    expect(await heard("conn_gcs", await bearer(googleToken({ email: "evil@evil.test" }, NOW)))).toBe(403);
    expect(await heard("conn_gcs", await bearer(googleToken({ email_verified: false }, NOW)))).toBe(403);
    expect(await heard("conn_gcs", await bearer(googleToken({ email_verified: "true" }, NOW)))).toBe(403);
  });

  test("of another issuer or audience are refused", async () => {
    expect(await heard("conn_gcs", await bearer(googleToken({}, NOW, "https://evil.test")))).toBe(401);
    expect(await heard("conn_gcs", await bearer(googleToken({}, NOW, "accounts.google.com")))).toBe(202);
    const other = new SignJWT({
      email: PUSHER,
      email_verified: true,
      aud: "https://other.test",
      iss: "accounts.google.com",
    })
      .setProtectedHeader({ alg: "RS256", kid: "k1" })
      .setIssuedAt(NOW / 1000)
      .setExpirationTime(NOW / 1000 + 60);
    expect(await heard("conn_gcs", await bearer(other.sign(google.privateKey)))).toBe(401);
  });

  test("signed with the public key as an HMAC secret are refused", async () => {
    const forged = new SignJWT({ email: PUSHER, email_verified: true })
      .setProtectedHeader({ alg: "HS256", kid: "k1" })
      .setIssuer("accounts.google.com")
      .setAudience(AUDIENCE)
      .setIssuedAt(NOW / 1000)
      .setExpirationTime(NOW / 1000 + 60);
    const key = new TextEncoder().encode(google.publicKey.export({ type: "spki", format: "pem" }).toString());
    expect(await heard("conn_gcs", await bearer(forged.sign(key)))).toBe(401);
  });

  test("are checked against Google's keys, fetched once; without them the fault is ours", async () => {
    const keys = door({ answer: () => Response.json(JSON.parse(secret("GOOGLE_JWKS"))) });
    const message = await bearer(googleToken({}, NOW));
    expect(await heard("conn_google", message, keys)).toBe(202);
    expect(await heard("conn_google", message, keys)).toBe(202);
    expect(keys.fetched).toEqual(["https://www.googleapis.com/oauth2/v3/certs"]);
    expect(await heard("conn_google", message, door())).toBe(503);
    expect(
      await heard("conn_google", message, door({ answer: () => new Response("", { status: 500 }) })),
    ).toBe(503);
    expect(await heard("conn_google", message, door({ answer: () => new Response("x") }))).toBe(503);
  });
});
