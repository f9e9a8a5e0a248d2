// One look at an object, as a run would take it, for those who run a pipeline outside of Weir: its attributes now, and
// a signed, expiring URL to read it by. Nothing is recorded and nothing runs.
import { z } from "@hono/zod-openapi";
import type { Env } from "../env.ts";
import type { Connections } from "../shapes/connection.ts";
import { openSource } from "../source/open.ts";

export const lookSchema = z.strictObject({
  connection: z.string().min(1).max(300),
  bucket: z.string().min(1).max(300),
  key: z.string().min(1).max(1024),
  /** Whether to read the object's tags too, by one request more. */
  tags: z.boolean().default(false),
});

/** Lifetime of the URL, ms: long enough for one run. */
const URL_MS = 3_600_000;

export async function lookAtObject(
  { connection, bucket, key, tags }: z.infer<typeof lookSchema>,
  connections: Connections,
  env: Env,
  now: number,
) {
  const source = openSource(connection, connections, env);
  const seen = await source.observe(bucket, key);
  if (!seen) return { seen: null, tags: null, url: null, expires_at: null };
  const expires = now + URL_MS;
  return {
    seen,
    tags: tags ? await source.tags(bucket, key) : null,
    url: await source.url(bucket, key, expires),
    expires_at: new Date(expires).toISOString(),
  };
}
