// The handler of uploads: streams a request's body into its bucket.
import type { Connections } from "../../shapes/connection.ts";
import { type Failure, FailureError } from "../../shapes/failure.ts";
import { putObject } from "../../source/put.ts";
import type { OpenDeps, RouterApp } from "../router-app.ts";
import * as routes from "./routes.ts";

/** What Cloudflare lets through to a Worker on most plans, bytes. */
const MAX_BYTES = 100_000_000;
const META = "x-amz-meta-";

export function addUploadRoutes(app: RouterApp, open: OpenDeps): void {
  app.openapi(routes.upload, async (c) => {
    const target = c.req.valid("param");
    const { connections, env } = open(c);
    const size = Number(c.req.header("content-length") ?? Number.NaN);
    if (!Number.isInteger(size)) throw new FailureError(NO_LENGTH);
    if (size > MAX_BYTES) throw new FailureError(tooLarge(size, target, connections));
    const headers = Object.entries(c.req.header());
    const metadata = headers.flatMap(([name, value]) =>
      name.startsWith(META) ? [[name.slice(META.length), value] as const] : [],
    );
    const { etag } = await putObject(
      target,
      {
        body: c.req.raw.body ?? new Blob([]).stream(),
        size,
        content_type: c.req.header("content-type") ?? "application/octet-stream",
        metadata: Object.fromEntries(metadata),
      },
      { connections, env },
    );
    c.set("audit", { detail: { bytes: size } });
    return c.json({ ...target, size, etag, reported_by: schemesOf(target.bucket, connections) }, 201);
  });
}

/** Ways in which a change of the bucket comes to be known. */
function schemesOf(bucket: string, { connections }: Connections): string[] {
  const schemes = Object.values(connections).flatMap((connection) =>
    connection.kind !== "d1" && connection.buckets.includes(bucket) ? connection.events : [],
  );
  return [...new Set(schemes.map(({ scheme }) => scheme))];
}

const NO_LENGTH: Failure = {
  kind: "invalid",
  detail: "The request does not say how long its body is.",
  where: "Content-Length",
  expected: "the length of the file in bytes",
};

function tooLarge(
  size: number,
  { connection, bucket, key }: { connection: string; bucket: string; key: string },
  { connections }: Connections,
): Failure {
  const isS3 = Object.hasOwn(connections, connection) && connections[connection]?.kind === "s3";
  const command = isS3
    ? `aws s3 cp FILE s3://${bucket}/${key}`
    : `npx wrangler r2 object put ${bucket}/${key} --file FILE --remote`;
  return {
    kind: "too_large",
    detail: `The file has ${size} bytes, and ${MAX_BYTES} go through a Worker.`,
    where: "body",
    expected: `at most ${MAX_BYTES} bytes`,
    next: `put it into the bucket itself, in parts: \`${command}\`, or any S3 tool with multipart uploads; its event comes all the same`,
  };
}
