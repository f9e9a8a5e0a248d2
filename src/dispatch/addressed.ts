// Jobs whose payload travels by reference get its address when they leave: a URL that opens this one payload,
// so that a pipeline Worker needs no bucket for it.
import type { Env } from "../env.ts";
import type { Job } from "../shapes/job.ts";
import { PAYLOADS, signingKeyOf, signObjectUrl } from "../source/signed-url.ts";
import { payloadKey } from "../store/payloads.ts";

/** Lifetime of a payload's URL: longer than any queue keeps the job. The sweep gives a job a new one. */
const PAYLOAD_URL_SECONDS = 14 * 86_400;

/** The job with the URL of its payload, where that travels by reference; else the job as it is. */
export async function withPayloadUrl(job: Job, { env, now }: { env: Env; now(): number }): Promise<Job> {
  if (!job.event.payload_ref) return job;
  const expires = Math.floor(now() / 1000) + PAYLOAD_URL_SECONDS;
  const grant = { connection: PAYLOADS, bucket: PAYLOADS, key: payloadKey(job.event), expires };
  const key = signingKeyOf(env.required("WEIR_SIGNING_KEY"), PAYLOADS);
  return { ...job, payload_url: await signObjectUrl(env.publicUrl(), key, grant) };
}
