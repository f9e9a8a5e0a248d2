// Command `weir trigger KIND`: sends an event as any sender would. The steps: find the connection, look up the object,
// make the sender's message, prove it; then alter, show or send the request.
import { readFileSync } from "node:fs";
import { CliError, good, note, print, printJson } from "../io/output.ts";
import { localHeaders } from "../settings/dev-env.ts";
import { deliveryId, doorOf, post, type StackAddress, send } from "./deliver.ts";
import { connectionFor, eventTypeOf, kindOf, type SenderConnection, type SenderKind } from "./kinds.ts";
import { lookUp } from "./look-up.ts";
import type { ObjectChange } from "./messages.ts";
import { prove, type SignedRequest } from "./prove.ts";
import { curlText, tamper } from "./request.ts";

export interface TriggerFlags {
  connection?: string;
  /** Object as `bucket/key`; default: `trigger.txt` in the first bucket of the connection. */
  object?: string;
  event: string;
  size?: number;
  etag?: string;
  /** File to send instead of the sender's own message; `-` reads stdin. */
  body?: string;
  tamper?: boolean;
  dryRun?: boolean;
  json?: boolean;
}

/** Path at which R2's notifications enter a local stack, instead of by their queue. */
const LOCAL_R2 = "/__local/r2-notification";

/** Sends or prints the request of a sender. @throws CliError where it is refused, or an altered one is not */
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
    return good(`Delivered to ${id} as ${name}, proven by ${scheme.scheme}.`);
  }
  const { status, answer } = await send(url, signed);
  printAnswer(status, answer);
  if (status === 401 || status === 403) {
    return good(`Refused with HTTP ${status}, as it must be, since one signed byte was altered.`);
  }
  throw new CliError(`The altered request was answered HTTP ${status}, but must be refused with 401.`);
}

/** Makes the request of a sender and its URL; with `tamper`, one signed byte is altered. @throws CliError */
export async function requestFor(stack: StackAddress, name: string, flags: TriggerFlags) {
  const kind = kindOf(name);
  const chosen = connectionFor(kind, name, flags.connection, stack.connections);
  const { id, scheme } = chosen;
  if (flags.tamper && scheme.scheme === "r2-queue") {
    throw new CliError(
      "R2's messages are proven by their queue, so there is no signed byte to alter.",
      [],
      2,
    );
  }
  const body = flags.body === undefined ? await messageOf(stack, kind, chosen, flags) : readBody(flags.body);
  const { url, signed } = await proveRequest(stack, name, kind, chosen, body);
  return { id, scheme, url, signed: flags.tamper ? tamper(scheme, signed) : signed };
}

async function messageOf(
  stack: StackAddress,
  kind: SenderKind,
  chosen: SenderConnection,
  flags: TriggerFlags,
): Promise<string> {
  const { connection, scheme } = chosen;
  const type = eventTypeOf(kind, flags.event);
  const object = objectOf(flags.object ?? `${connection.buckets[0]}/trigger.txt`);
  const said = flags.size !== undefined && flags.etag !== undefined;
  const found = said || type === "removed" ? undefined : await lookUp(stack, connection, object);
  if (!found && !said && type !== "removed") {
    note(
      `${object.bucket}/${object.key} was not found, so the event describes an empty object. Set --size and --etag for another.`,
    );
  }
  const change: ObjectChange = {
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

async function proveRequest(
  stack: StackAddress,
  name: string,
  { contentType }: SenderKind,
  { id, scheme }: SenderConnection,
  body: string,
): Promise<{ url: string; signed: SignedRequest }> {
  if (scheme.scheme === "r2-queue") {
    return { url: stack.url + LOCAL_R2, signed: { headers: localHeaders(stack.secrets), body } };
  }
  const url = doorOf(stack.url, id);
  const typed = contentType === undefined ? {} : { contentType };
  const proving = { secrets: stack.secrets, url, body, id: deliveryId(), now: Date.now(), ...typed };
  const signed = await prove(scheme, proving);
  if (signed) return { url, signed };
  const next = {
    sns: 'Only AWS can sign for it. To sign instead of AWS, pin a certificate: "certificate": "MY_SNS_CERTIFICATE".',
    "google-oidc":
      'Only Google can sign for it. To sign instead of Google, pin a key set: "jwks": "MY_JWKS".',
  }[scheme.scheme as string];
  throw new CliError(
    `An event of ${name} cannot be signed for "${id}". ${next ?? "Its secret is neither in .weir/dev.env nor in the environment."}`,
  );
}

function objectOf(text: string): { bucket: string; key: string } {
  const [, bucket, key] = /^([^/]+)\/(.+)$/s.exec(text) ?? [];
  if (bucket && key) return { bucket, key };
  throw new CliError(`"${text}" is not an object. Write bucket/key.`, [], 2);
}

function readBody(file: string): string {
  try {
    return readFileSync(file === "-" ? 0 : file, "utf8");
  } catch (error) {
    throw new CliError(
      `The file ${file} cannot be read: ${error instanceof Error ? error.message : String(error)}.`,
    );
  }
}
