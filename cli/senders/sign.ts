// Signatures and credentials of senders, for test deliveries. The counterpart of `src/receive/verify/`, written from
// the senders' documents and sharing no code with it.
import { createHmac, createPrivateKey, type KeyObject, sign } from "node:crypto";
import { AwsClient } from "aws4fetch";
import { importPKCS8, SignJWT } from "jose";

export interface StandardWebhook {
  /** `whsec_` and base64, or for `v1a` an Ed25519 private key. */
  secret: string | KeyObject;
  id: string;
  /** Seconds since the epoch. */
  timestamp: number;
  body: string;
}

/** Headers of a Standard Webhooks delivery. */
export function signStandardWebhook({
  secret,
  id,
  timestamp,
  body,
}: StandardWebhook): Record<string, string> {
  const content = `${id}.${timestamp}.${body}`;
  const signature =
    typeof secret === "string"
      ? `v1,${createHmac("sha256", Buffer.from(secret.replace(/^whsec_/, ""), "base64"))
          .update(content)
          .digest("base64")}`
      : `v1a,${sign(null, Buffer.from(content), secret).toString("base64")}`;
  return { "webhook-id": id, "webhook-timestamp": String(timestamp), "webhook-signature": signature };
}

/** Signature header of a Backblaze B2 event notification. */
export const signBackblaze = (secret: string, body: string): Record<string, string> => ({
  "x-bz-event-notification-signature": `v1=${createHmac("sha256", secret).update(body).digest("hex")}`,
});

/** HTTP Basic credentials. */
export const basicCredentials = (username: string, password: string): Record<string, string> => ({
  authorization: `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`,
});

export interface SigV4 {
  accessKeyId: string;
  secretAccessKey: string;
  region: string;
  service: string;
  url: string;
  body: string;
  /** Milliseconds since the epoch. */
  now: number;
  headers?: Record<string, string>;
}

/** Headers of a POST signed with AWS Signature Version 4, with everything signed that Weir requires. */
export async function signSigV4({
  url,
  body,
  now,
  headers,
  ...keys
}: SigV4): Promise<Record<string, string>> {
  const hash = Buffer.from(await crypto.subtle.digest("SHA-256", Buffer.from(body))).toString("hex");
  const datetime = new Date(now).toISOString().replace(/[-:]|\.\d{3}/g, "");
  const signed = await new AwsClient(keys).sign(url, {
    method: "POST",
    headers: { "content-type": "application/json", "x-amz-content-sha256": hash, ...headers },
    body,
    aws: { allHeaders: true, datetime },
  });
  return { ...Object.fromEntries(signed.headers), host: new URL(url).host };
}

export interface SnsNotification {
  topicArn: string;
  message: string;
  messageId: string;
  /** Milliseconds since the epoch. */
  now: number;
  /** PEM of the RSA key that belongs to the pinned certificate. */
  privateKey: string;
  subject?: string;
}

/** Body and headers of an SNS notification, signed with a local key, for a connection that pins its certificate. */
export function snsNotification(notification: SnsNotification): {
  headers: Record<string, string>;
  body: string;
} {
  const { topicArn, message, messageId, now, privateKey, subject } = notification;
  const signed = {
    Message: message,
    MessageId: messageId,
    ...(subject !== undefined && { Subject: subject }),
    Timestamp: new Date(now).toISOString(),
    TopicArn: topicArn,
    Type: "Notification",
  };
  const text = Object.entries(signed).flat().join("\n");
  const signature = sign("sha256", Buffer.from(`${text}\n`), createPrivateKey(privateKey)).toString("base64");
  return {
    headers: {
      "content-type": "text/plain; charset=UTF-8",
      "x-amz-sns-message-type": "Notification",
      "x-amz-sns-message-id": messageId,
      "x-amz-sns-topic-arn": topicArn,
    },
    body: JSON.stringify({
      ...signed,
      SignatureVersion: "2",
      Signature: signature,
      SigningCertURL: "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0.pem",
    }),
  };
}

export interface GoogleToken {
  audience: string;
  email: string;
  /** PKCS#8 PEM of the RSA key whose public half is in the pinned key set, as `local`. */
  key: string;
  /** Milliseconds since the epoch. */
  now: number;
}

/** Token of a Pub/Sub push, signed with a local key, for a connection that pins its key set. */
export async function signGoogleToken({ audience, email, key, now }: GoogleToken): Promise<string> {
  const seconds = Math.floor(now / 1000);
  return new SignJWT({ email, email_verified: true })
    .setProtectedHeader({ alg: "RS256", kid: "local", typ: "JWT" })
    .setIssuer("https://accounts.google.com")
    .setAudience(audience)
    .setIssuedAt(seconds)
    .setExpirationTime(seconds + 3600)
    .sign(await importPKCS8(key, "RS256"));
}
