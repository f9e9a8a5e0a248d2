// Signed reads of moments: a frame or a short part of an object. What was made once is read from R2; else a pipeline of
// the object's connection has compute make it, and it is kept. The URL is the only credential, and is bound to a version
// of the object: of another one nothing is shown under it.
import type { PipelineRpc } from "../dispatch/dispatch.ts";
import type { RouterDeps } from "../routing/deps.ts";
import { FailureError } from "../shapes/failure.ts";
import { logWarning } from "../shapes/log.ts";
import type { MomentAnswer } from "../shapes/question.ts";
import { type MomentGrant, momentIn } from "../source/signed-moment.ts";
import { findMoment, keepMoment } from "../store/moments.ts";

/** Serves GET and HEAD of a moment. @throws FailureError */
export async function readMoment(request: Request, deps: RouterDeps): Promise<Response> {
  const { expires, ...moment } = await checkGrant(new URL(request.url), deps);
  const archive = deps.env.archive();
  const lasts = Math.max(0, Math.floor(expires - deps.now() / 1000));
  const kept = await findMoment(archive, moment, deps.now());
  if (kept) {
    const type = kept.httpMetadata?.contentType ?? "application/octet-stream";
    return answer(request, kept.body, type, kept.size, lasts);
  }
  const file = await make(moment, deps);
  deps.waitUntil(
    keepMoment(archive, moment, file, deps.now()).catch((error: unknown) =>
      logWarning("moment.unkept", { error: String(error) }),
    ),
  );
  return answer(request, file.bytes, file.type, file.bytes.byteLength, lasts);
}

async function checkGrant(url: URL, { env, connections, now }: RouterDeps): Promise<MomentGrant> {
  const grant = await momentIn(url, env.required("WEIR_SIGNING_KEY"));
  const next = "ask the collection again: its answers have new links";
  const refuse = (detail: string) => new FailureError({ kind: "forbidden", detail, next });
  if (!grant) throw refuse("the URL's signature is not valid");
  if (grant.expires * 1000 < now()) throw refuse("the URL has expired");
  const source = connections.connections[grant.connection];
  if (!source || source.kind === "d1" || !source.buckets.includes(grant.bucket))
    throw refuse(`bucket ${grant.bucket} is no longer one of connection ${grant.connection}`);
  return grant;
}

async function make(
  moment: Omit<MomentGrant, "expires">,
  { env, pipelines }: RouterDeps,
): Promise<Exclude<MomentAnswer, { failure: unknown }>> {
  const { connection } = moment;
  const reader = pipelines.all.find(({ config }) => config.source.connection_id === connection);
  if (!reader)
    throw new FailureError({ kind: "not_found", detail: `no pipeline reads connection ${connection} now` });
  const file = await env.pipeline<PipelineRpc>(reader.alias).takeMoment(moment);
  if ("failure" in file) throw new FailureError(file.failure);
  return { bytes: file.bytes, type: file.type };
}

function answer(
  { method }: Request,
  body: ReadableStream | Uint8Array,
  type: string,
  size: number,
  lasts: number,
): Response {
  const headers = {
    "content-type": type,
    "content-length": String(size),
    // One reader's credential, and the same bytes for as long as it lasts.
    "cache-control": `private, max-age=${lasts}, immutable`,
    "x-content-type-options": "nosniff",
    "content-security-policy": "sandbox; default-src 'none'",
  };
  return new Response(method === "HEAD" ? null : (body as BodyInit), { headers });
}
