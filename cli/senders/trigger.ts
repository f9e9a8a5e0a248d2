// `weir trigger KIND`: a genuine request of any sender, for any object. The steps: which connection, which
// object, what its sender would say, proven as it would prove it; then altered, shown or sent.
import { readFileSync } from "node:fs";
import { CliError, good, note, print, printJson } from "../io/output.ts";
import { localHeaders } from "../settings/dev-env.ts";
import { deliveryId, doorOf, post, type StackAddress, send } from "./deliver.ts";
import { type Chosen, connectionFor, type Kind, kindOf, nameOf } from "./kinds.ts";
import { lookUp } from "./look-up.ts";
import type { Change } from "./messages.ts";
import { prove, type Signed } from "./prove.ts";
import { curlText, tampered } from "./request.ts";

export interface TriggerFlags {
  connection?: string;
  /** `bucket/key`; the connection's first bucket and `trigger.txt` where it is not said. */
  object?: string;
  event: string;
  size?: number;
  etag?: string;
  /** A file to send as the body in place of the sender's own message; `-` reads stdin. */
  body?: string;
  tamper?: boolean;
  dryRun?: boolean;
  json?: boolean;
}

/** Where R2's notifications enter a local stack, in place of their queue. */
const LOCAL_R2 = "/__local/r2-notification";

export async function trigger(stack: StackAddress, name: string, flags: TriggerFlags): Promise<void> {
  const { id, scheme, url, signed } = await requestFor(stack, name, flags);
  const request = { connection: id, scheme: scheme.scheme, url };
  if (flags.dryRun) {
    const curl = curlText(url, scheme, signed);
    return flags.json ? printJson({ ...request, sent: false, curl }) : print(curl);
  }
  const printAnswer = (status: number, answer: unknown) =>
    printJson(flags.json ? { ...request, sent: true, status, answer } : answer);
  if (!flags.tamper) {
    printAnswer(202, await post(url, signed));
    return good(`delivered to ${id} as ${name}, proven by ${scheme.scheme}`);
  }
  const { status, answer } = await send(url, signed);
  printAnswer(status, answer);
  if (status === 401 || status === 403) {
    return good(`refused with HTTP ${status}, as it must be: one signed byte was altered`);
  }
  throw new CliError(`an altered request was answered HTTP ${status}, and should have been 401`);
}

/** The request that a sender would make, and to whom; with `tamper`, one signed byte of it altered. */
export async function requestFor(stack: StackAddress, name: string, flags: TriggerFlags) {
  const kind = kindOf(name);
  const chosen = connectionFor(kind, name, flags.connection, stack.connections);
  const { id, scheme } = chosen;
  if (flags.tamper && scheme.scheme === "r2-queue") {
    throw new CliError("R2's messages are proven by their queue: there is no signed byte to alter", [], 2);
  }
  const body = flags.body === undefined ? await messageOf(stack, kind, chosen, flags) : readBody(flags.body);
  const { url, signed } = await proven(stack, name, kind, chosen, body);
  return { id, scheme, url, signed: flags.tamper ? tampered(scheme, signed) : signed };
}

async function messageOf(
  stack: StackAddress,
  kind: Kind,
  chosen: Chosen,
  flags: TriggerFlags,
): Promise<string> {
  const { connection, scheme } = chosen;
  const type = nameOf(kind, flags.event);
  const object = objectOf(flags.object ?? `${connection.buckets[0]}/trigger.txt`);
  const said = flags.size !== undefined && flags.etag !== undefined;
  const found = said || type === "removed" ? undefined : await lookUp(stack, connection, object);
  if (!found && !said && type !== "removed") {
    note(`${object.bucket}/${object.key} was not found: told as empty; say otherwise with --size and --etag`);
  }
  const change: Change = {
    ...object,
    type,
    size: flags.size ?? found?.size ?? 0,
    etag: flags.etag ?? found?.etag ?? "d41d8cd98f00b204e9800998ecf8427e",
    time: new Date().toISOString(),
    region: connection.kind === "s3" ? connection.region : "auto",
  };
  const account = (scheme.scheme === "eventbridge" && scheme.accounts?.[0]) || "123456789012";
  return JSON.stringify(kind.body(change, account));
}

async function proven(
  stack: StackAddress,
  name: string,
  { contentType }: Kind,
  { id, scheme }: Chosen,
  body: string,
): Promise<{ url: string; signed: Signed }> {
  if (scheme.scheme === "r2-queue") {
    return { url: stack.url + LOCAL_R2, signed: { headers: localHeaders(stack.secrets), body } };
  }
  const url = doorOf(stack.url, id);
  const typed = contentType === undefined ? {} : { contentType };
  const proving = { secrets: stack.secrets, url, body, id: deliveryId(), now: Date.now(), ...typed };
  const signed = await prove(scheme, proving);
  if (signed) return { url, signed };
  const next = {
    sns: 'only AWS can sign for it; to stand in for AWS, pin a certificate: "certificate": "MY_SNS_CERTIFICATE"',
    "google-oidc": 'only Google can sign for it; to stand in for Google, pin a key set: "jwks": "MY_JWKS"',
  }[scheme.scheme as string];
  throw new CliError(
    `${name} cannot be signed for "${id}": ${next ?? "its secret is not in .weir/dev.env or the environment"}`,
  );
}

function objectOf(text: string): { bucket: string; key: string } {
  const [, bucket, key] = /^([^/]+)\/(.+)$/s.exec(text) ?? [];
  if (bucket && key) return { bucket, key };
  throw new CliError(`"${text}" names no object: write bucket/key`, [], 2);
}

function readBody(file: string): string {
  try {
    return readFileSync(file === "-" ? 0 : file, "utf8");
  } catch (error) {
    throw new CliError(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}
