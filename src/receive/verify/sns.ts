// AWS SNS over HTTPS: a signed JSON document around the message. The certificate's address is pinned to
// AWS's own hosts; what the signature proves is "some AWS topic", so topics are listed per connection.
// https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
import { z } from "zod";
import { fail, ok, type Result } from "../../shapes/failure.ts";
import { utf8 } from "../body.ts";
import { strictBase64 } from "../digest.ts";
import { type Handshake, type Proof, type Trust, unproven, type Verifier } from "./contract.ts";
import { certificateAt, isSnsHost, pinnedCertificate } from "./sns-certificate.ts";

const text = z.string();
const common = {
  MessageId: text.min(1),
  TopicArn: text,
  Message: text,
  Timestamp: text,
  SignatureVersion: z.enum(["1", "2"]),
  Signature: text,
  SigningCertURL: text,
};
const confirmation = { ...common, SubscribeURL: text, Token: text };
const messageSchema = z.discriminatedUnion("Type", [
  z.object({ Type: z.literal("Notification"), ...common, Subject: text.optional() }),
  z.object({ Type: z.literal("SubscriptionConfirmation"), ...confirmation }),
  z.object({ Type: z.literal("UnsubscribeConfirmation"), ...confirmation }),
]);
type SnsMessage = z.infer<typeof messageSchema>;

export const sns: Verifier<"sns"> = {
  claims: ({ headers }) => headers.has("x-amz-sns-message-type") || headers.has("x-amz-sns-rawdelivery"),

  async verify({ headers, body, receivedAt }, config, trust) {
    if (headers.get("x-amz-sns-rawdelivery")?.toLowerCase() === "true") {
      return unproven("Raw message delivery is unsigned: turn it off for this subscription.");
    }
    const message = parse(body);
    if (message === undefined) return unproven("The body is not a signed SNS message.");
    const keys =
      config.certificate === undefined
        ? await certificateAt(message.SigningCertURL, trust, receivedAt)
        : await pinnedCertificate(config.certificate, trust, receivedAt);
    if (!keys.ok) return keys;
    const signature = strictBase64(message.Signature);
    // PKCS#1 v1.5 with SHA-1 for version 1, SHA-256 for version 2; the length is the modulus's.
    const key = message.SignatureVersion === "1" ? keys.value.sha1 : keys.value.sha256;
    const signed = new TextEncoder().encode(stringToSign(message));
    if (
      signature === undefined ||
      !(await crypto.subtle.verify("RSASSA-PKCS1-v1_5", key, signature, signed))
    ) {
      return unproven("The signature does not match the message.", "Signature");
    }
    if (!config.topic_arns.includes(message.TopicArn)) {
      return fail("forbidden", "The message is genuine, but its topic is not listed for this connection.", {
        where: "TopicArn",
        next: `Add ${message.TopicArn} to the connection's topic_arns if it is yours.`,
      });
    }
    return proofOf(message, config.certificate !== undefined);
  },
};

/** The text that SNS signs: names and values on lines of their own, sorted by name, no Subject if there is none. */
export function stringToSign(message: SnsMessage): string {
  const { Message, MessageId, Timestamp, TopicArn, Type } = message;
  const fields =
    message.Type === "Notification"
      ? { Message, MessageId, Subject: message.Subject, Timestamp, TopicArn, Type }
      : {
          Message,
          MessageId,
          SubscribeURL: message.SubscribeURL,
          Timestamp,
          Token: message.Token,
          TopicArn,
          Type,
        };
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}\n${value}\n`)
    .join("");
}

/** Confirms a proven subscription. SNS repeats the request if this fails. */
export async function confirmSubscription(confirm: URL, { fetch }: Trust): Promise<Result<void>> {
  const response = await fetch(confirm.href, {
    redirect: "manual",
    signal: AbortSignal.timeout(10_000),
  }).catch(() => undefined);
  await response?.body?.cancel();
  if (response?.status === 200) return ok(undefined);
  return fail("unavailable", "SNS did not confirm the subscription.", { retry_after_seconds: 20 });
}

function parse(body: Uint8Array): SnsMessage | undefined {
  try {
    return messageSchema.safeParse(JSON.parse(utf8(body))).data;
  } catch {
    return undefined;
  }
}

function proofOf(message: SnsMessage, pinned: boolean): Result<Proof> {
  const proof = {
    scheme: "sns",
    replayId: message.MessageId,
    payload: message.Message,
    headers: new Headers(),
  } as const;
  if (message.Type === "Notification") return ok(proof);
  const handshake =
    message.Type === "UnsubscribeConfirmation" ? unsubscribed(message) : confirmed(message, pinned);
  return handshake.ok ? ok({ ...proof, handshake: handshake.value }) : handshake;
}

const unsubscribed = (message: SnsMessage): Result<Handshake> =>
  ok({ kind: "unsubscription", topic: message.TopicArn });

/** A subscription's handshake. Its address must be on SNS: on the certificate's host, unless that is pinned. */
function confirmed(message: SnsMessage & { SubscribeURL: string }, pinned: boolean): Result<Handshake> {
  const url = URL.parse(message.SubscribeURL);
  const host = pinned ? url?.host : URL.parse(message.SigningCertURL)?.host;
  if (
    url?.protocol !== "https:" ||
    url.host !== host ||
    !isSnsHost(url.host) ||
    url.username ||
    url.password
  ) {
    return fail("forbidden", "The subscription's confirmation address is not on SNS.", {
      where: "SubscribeURL",
    });
  }
  return ok({ kind: "subscription", topic: message.TopicArn, confirm: url });
}
