// Commands that set each sender up so that its events reach a connection; `weir connect` prints them, GET /v1/connections
// answers them and docs/sources.md shows them. Pure. Secrets appear as shell variables of their own names, never as values.
import type { Scheme, SecretRef } from "../../shapes/connection.ts";
import type { SenderName } from "./senders.ts";

export interface RecipeFacts {
  /** Webhook URL of the connection, as the sender reaches it. */
  door: string;
  bucket: string;
  region: string;
  /** Endpoint of the store, where it is not AWS. */
  endpoint: string;
  scheme: Scheme;
}

type Recipe = (facts: RecipeFacts) => string | undefined;
type SchemeNamed<S extends Scheme["scheme"]> = Extract<Scheme, { scheme: S }>;

/** Commands for a sender, ending with a first upload; undefined where the scheme is that of another sender. */
export const commandsFor = (sender: SenderName, facts: RecipeFacts): string | undefined =>
  RECIPES[sender](facts)?.trim();

const nameOf = (refs: readonly SecretRef[]): string => {
  const ref = refs.find((candidate) => typeof candidate === "string") ?? refs[0];
  return typeof ref === "string" ? ref : (ref?.name ?? "SECRET");
};
const secretOf = (scheme: Scheme): string =>
  "secrets" in scheme
    ? nameOf(scheme.secrets)
    : scheme.scheme === "eventbridge"
      ? nameOf(scheme.auth.secrets)
      : "";

/** A scheme as the one that the recipe of this sender needs, where it is that. */
const schemeAs = <S extends Scheme["scheme"]>(scheme: Scheme, name: S): SchemeNamed<S> | undefined =>
  scheme.scheme === name ? (scheme as SchemeNamed<S>) : undefined;

const RECORD = (bucket: string) =>
  `{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","eventTime":"2026-11-23T12:00:00Z",
  "eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"${bucket}"},"object":{"key":"clips/a.mp4","size":1024}}}]}`;
const CLOUD_EVENT = (bucket: string) =>
  `{"specversion":"1.0","id":"1","type":"com.amazonaws.s3.ObjectCreated:Put","time":"2026-11-23T12:00:00Z",
  "source":"aws:s3.auto.${bucket}","subject":"clips/a.mp4","data":{"object":{"size":1024}}}`;

const RECIPES: Record<SenderName, Recipe> = {
  sns: ({ door, bucket, scheme }) => {
    const [arn] = schemeAs(scheme, "sns")?.topic_arns ?? [];
    if (arn === undefined) return undefined;
    const [, , , region, account, name] = arn.split(":");
    return `
export AWS_REGION=${region}
aws sns create-topic --name ${name} --attributes '{"SignatureVersion":"2"}'
aws sns set-topic-attributes --topic-arn ${arn} --attribute-name Policy \\
  --attribute-value '{"Statement":[{"Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},
    "Action":"sns:Publish","Resource":"${arn}",
    "Condition":{"StringEquals":{"aws:SourceAccount":"${account}"}}}]}'
aws sns subscribe --topic-arn ${arn} --protocol https \\
  --notification-endpoint ${door}
aws s3api put-bucket-notification-configuration --bucket ${bucket} --notification-configuration \\
  '{"TopicConfigurations":[{"TopicArn":"${arn}",
    "Events":["s3:ObjectCreated:*","s3:ObjectRemoved:*","s3:LifecycleExpiration:*"]}]}'
aws s3 cp a.mp4 s3://${bucket}/clips/a.mp4`;
  },

  eventbridge: ({ door, bucket, scheme }) => {
    const auth = schemeAs(scheme, "eventbridge")?.auth;
    if (!auth) return undefined;
    return `
aws s3api put-bucket-notification-configuration --bucket ${bucket} \\
  --notification-configuration '{"EventBridgeConfiguration":{}}'
connection=$(aws events create-connection --name weir ${authorizationOf(auth)} \\
  --query ConnectionArn --output text)
destination=$(aws events create-api-destination --name weir --connection-arn "$connection" --http-method POST \\
  --invocation-endpoint ${door} \\
  --query ApiDestinationArn --output text)
aws events put-rule --name weir --event-pattern '{"source":["aws.s3"],"detail":{"bucket":{"name":["${bucket}"]}}}'
aws events put-targets --rule weir --targets "Id=weir,Arn=$destination,RoleArn=$ROLE_ARN"
aws s3 cp a.mp4 s3://${bucket}/clips/a.mp4`;
  },

  "standard-webhooks": ({ door, bucket, scheme }) => signedCurl(door, scheme, RECORD(bucket)),
  sigv4: ({ door, bucket, scheme }) => signedCurl(door, scheme, RECORD(bucket)),
  cloudevents: ({ door, bucket, scheme }) =>
    signedCurl(door, scheme, CLOUD_EVENT(bucket), "application/cloudevents+json"),

  minio: ({ door, bucket, scheme }) => `
mc admin config set minio notify_webhook:weir auth_token="${tokenOf(scheme)}" \\
  queue_dir="/var/lib/minio/weir" endpoint="${door}"
mc admin service restart minio
mc event add minio/${bucket} arn:minio:sqs::weir:webhook --event put,delete
mc cp a.mp4 minio/${bucket}/clips/a.mp4`,

  ceph: ({ door, bucket, endpoint, scheme }) => {
    const attributes = cephAttributes(door, scheme);
    if (attributes === undefined) return undefined;
    return `
aws configure set default.sns.signature_version s3     # for RGW's SNS calls, up to release 17
aws --endpoint-url ${endpoint} sns create-topic --name weir --attributes '{"persistent":"true",
  ${attributes}}'
aws --endpoint-url ${endpoint} s3api put-bucket-notification-configuration --bucket ${bucket} \\
  --notification-configuration '{"TopicConfigurations":[{"Id":"weir","TopicArn":"arn:aws:sns:default::weir",
    "Events":["s3:ObjectCreated:*","s3:ObjectRemoved:*"]}]}'
aws --endpoint-url ${endpoint} s3 cp a.mp4 s3://${bucket}/clips/a.mp4 --metadata foo=bar`;
  },

  b2: ({ door, bucket, scheme }) => `
b2 bucket notification-rule create b2://${bucket} weir-rule --sign-secret "$${secretOf(scheme)}" \\
  --event-type "b2:ObjectCreated:*" --event-type "b2:ObjectDeleted:*" --event-type "b2:HideMarkerCreated:*" \\
  --webhook-url ${door}
b2 file upload ${bucket} a.mp4 clips/a.mp4`,

  tigris: ({ door, bucket, endpoint, scheme }) => `
tigris buckets set-notifications ${bucket} ${tigrisProof(scheme)} \\
  --url ${door}
aws --endpoint-url ${endpoint} s3 cp a.mp4 s3://${bucket}/clips/a.mp4`,

  gcs: ({ door, bucket, scheme }) => {
    const pushed = schemeAs(scheme, "google-oidc");
    if (!pushed) return undefined;
    const { audience, email } = pushed;
    return `
gcloud pubsub topics create weir
gcloud storage buckets notifications create gs://${bucket} --topic=weir
gcloud iam service-accounts create ${email.split("@")[0]}
gcloud pubsub subscriptions create weir --topic=weir --push-auth-token-audience=${audience} \\
  --push-auth-service-account=${email} \\
  --push-endpoint=${door}
gcloud storage cp a.mp4 gs://${bucket}/clips/a.mp4`;
  },

  r2: ({ bucket }) => `
npx wrangler queues create weir-r2-events --message-retention-period-secs 1209600
npx wrangler r2 bucket notification create ${bucket} --event-type object-create object-delete --queue weir-r2-events
npx wrangler r2 object put ${bucket}/clips/a.mp4 --file a.mp4 --remote`,
};

function authorizationOf(auth: SchemeNamed<"eventbridge">["auth"]): string {
  const value = `'"$${nameOf(auth.secrets)}"'`;
  switch (auth.type) {
    case "api-key":
      return `--authorization-type API_KEY \\
  --auth-parameters '{"ApiKeyAuthParameters":{"ApiKeyName":"${auth.header}","ApiKeyValue":"${value}"}}'`;
    case "basic":
      return `--authorization-type BASIC \\
  --auth-parameters '{"BasicAuthParameters":{"Username":"${auth.username}","Password":"${value}"}}'`;
    case "bearer":
      return `--authorization-type API_KEY \\
  --auth-parameters '{"ApiKeyAuthParameters":{"ApiKeyName":"Authorization","ApiKeyValue":"Bearer ${value}"}}'`;
  }
}

/** Token for MinIO, which sends a single word as a bearer token and two words unchanged. */
const tokenOf = (scheme: Scheme) =>
  scheme.scheme === "basic"
    ? `Basic $(printf %s "${scheme.username}:$${secretOf(scheme)}" | base64 -w0)`
    : `$${secretOf(scheme)}`;

const tigrisProof = (scheme: Scheme) =>
  scheme.scheme === "basic"
    ? `--username ${scheme.username} --password "$${secretOf(scheme)}"`
    : `--token "$${secretOf(scheme)}"`;

function cephAttributes(door: string, scheme: Scheme): string | undefined {
  const secret = `'"$${secretOf(scheme)}"'`;
  if (scheme.scheme === "ceph-opaque") return `"push-endpoint":"${door}","OpaqueData":"${secret}"`;
  const basic = schemeAs(scheme, "basic");
  return basic && `"push-endpoint":"${door.replace("://", `://${basic.username}:${secret}@`)}"`;
}

/** Delivery by curl, proven as your own forwarder would prove it; undefined for a scheme that has its own sender. */
function signedCurl(
  door: string,
  scheme: Scheme,
  body: string,
  type = "application/json",
): string | undefined {
  const sent = `-H "content-type: ${type}"`;
  const secret = secretOf(scheme);
  switch (scheme.scheme) {
    case "standard-webhooks":
      return `
body='${body}'
id=msg_1; now=$(date +%s)
key=$(printf %s "\${${secret}#whsec_}" | base64 -d | od -An -tx1 | tr -d ' \\n')
signature=$(printf %s "$id.$now.$body" | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | base64)
curl ${door} ${sent} \\
  -H "webhook-id: $id" -H "webhook-timestamp: $now" -H "webhook-signature: v1,$signature" --data-binary "$body"`;
    case "sigv4":
      return `
body='${body}'
curl ${door} --aws-sigv4 "aws:amz:${scheme.region}:${scheme.service}" \\
  --user "${scheme.access_key_id}:$${secret}" ${sent} \\
  -H "x-amz-content-sha256: $(printf %s "$body" | sha256sum | cut -d' ' -f1)" --data-binary "$body"`;
    case "basic":
      return `
body='${body}'
curl ${door} --user "${scheme.username}:$${secret}" ${sent} --data-binary "$body"`;
    case "bearer":
      return `
body='${body}'
curl ${door} -H "authorization: Bearer $${secret}" \\
  ${sent} --data-binary "$body"`;
    default:
      return undefined;
  }
}
