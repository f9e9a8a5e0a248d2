// Refusals of an S3 store as failures of Weir: whose fault it is, whether trying again may help, and what to change.
// Used by s3.ts; each code and status has its failure here.
import type { Failure } from "../shapes/failure.ts";
import { readErrorCode } from "./s3-xml.ts";

/** A store's answer that is no success. */
export interface StoreRefusal {
  status: number;
  /** S3's word for it, where the body or a header has one. */
  code: string | undefined;
  place: string;
  headers: Headers;
}

const MAX_ERROR_BYTES = 65_536;

/** Reads a refusal; of its body no more than S3's own errors have. */
export async function refusalOf(response: Response, bucket: string, key: string): Promise<StoreRefusal> {
  const { status, headers } = response;
  const body = await readCapped(response.body, MAX_ERROR_BYTES);
  const code = headers.get("x-minio-error-code") ?? readErrorCode(body);
  return { status, code, place: `${bucket}/${key}`, headers };
}

async function readCapped(body: Response["body"], cap: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > cap) break;
  }
  return text;
}

/** Error codes of requests that went to the wrong region or endpoint, whatever their status. */
const ELSEWHERE = ["PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"];

/** The failure for a refusal of any status but 404, which s3.ts judges by what was asked for. */
export function refusal({ status, code, place, headers }: StoreRefusal, credential: string): Failure {
  const answer = `${status}${code === undefined ? "" : ` ${code}`}`;
  if (status === 301 || ELSEWHERE.includes(code ?? "")) {
    const region = headers.get("x-amz-bucket-region");
    return {
      kind: "source_refused",
      detail: `${place}: the bucket is in another region or at another endpoint (${answer})`,
      ...(region !== null && { expected: `region ${region}` }),
      next: "Correct region or endpoint of the connection in connections.json.",
    };
  }
  if (status === 401 || status === 403) {
    return {
      kind: "source_refused",
      detail: `${place}: the store refused our credentials (${answer})`,
      expected:
        "s3:GetObject on the object and s3:ListBucket on the bucket (without the latter a missing object is a 403)",
      next: `check ${credential} and its policy`,
    };
  }
  const detail = `${place}: the store answered ${answer}`;
  // S3's SlowDown is a 503.
  if (status !== 429 && status !== 503) return { kind: "unavailable", detail };
  const seconds = Number(headers.get("retry-after"));
  return { kind: "overloaded", detail, ...(seconds > 0 && { retry_after_seconds: Math.min(seconds, 3600) }) };
}

/** The failure of a bucket that does not exist: answers about its objects mean nothing. */
export const noBucket = (bucket: string, base: string): Failure => ({
  kind: "source_refused",
  detail: `${bucket}: there is no such bucket at ${new URL(base).host}. That is not an empty bucket: nothing is removed.`,
  expected: "a bucket that is there, so that an object that is not is known to be gone",
  next: "Check endpoint, region and buckets of the connection in connections.json.",
});

/** The failure of a listing that would never end. */
export const endless = (bucket: string): Failure => ({
  kind: "source_refused",
  detail: `${bucket}: the store's listing comes back to where it was.`,
  next: "Check that the endpoint is the store's S3 API and pages by continuation tokens.",
});
