// Objects in R2, through the bucket's binding.
import type { R2Object } from "@cloudflare/workers-types";
import type { Env } from "../env.ts";
import { signingKeyName } from "../shapes/bindings.ts";
import type { Source } from "./contract.ts";
import { signingKeyOf, signObjectUrl } from "./signed-url.ts";

export function r2Source(connection: string, env: Env): Source {
  return {
    async observe(bucket, key) {
      const head = await env.bucket(bucket).head(key);
      return head && observedOf(head);
    },
    // R2 has no object tags.
    tags: async () => ({}),
    // Its storage classes are all read at once.
    archivedIn: async () => null,
    url: (bucket, key, expires) =>
      signObjectUrl(env.publicUrl(), signingKey(connection, env), {
        connection,
        bucket,
        key,
        expires: Math.floor(expires / 1000),
      }),
    async list(bucket, { prefix, cursor, limit }) {
      const page = await env.bucket(bucket).list({
        limit,
        include: ["httpMetadata", "customMetadata"],
        ...(prefix !== undefined && { prefix }),
        ...(cursor !== undefined && { cursor }),
      });
      const objects = page.objects.map((object) => {
        const { etag, size, content_type, metadata } = observedOf(object);
        return { key: object.key, etag, size, content_type, metadata };
      });
      return page.truncated ? { objects, next: page.cursor } : { objects };
    },
  };
}

/** A pipeline Worker holds its source's own key, the router the root of all. */
function signingKey(connection: string, env: Env): string {
  const root = env.setting("WEIR_SIGNING_KEY");
  return root === undefined ? env.required(signingKeyName(connection)) : signingKeyOf(root, connection);
}

const observedOf = (head: R2Object) => ({
  etag: head.etag,
  size: head.size,
  // An R2 "version" names an upload, not a version that can be asked for.
  version_id: null,
  content_type: head.httpMetadata?.contentType ?? null,
  metadata: Object.fromEntries(
    Object.entries(head.customMetadata ?? {}).map(([name, value]) => [name.toLowerCase(), value]),
  ),
});
