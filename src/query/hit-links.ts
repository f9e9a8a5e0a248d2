// The links of a hit, for whoever looks at it: a thumbnail and a short clip of the moment, the object itself from the
// moment on, and where it came from. Each is signed, expires, and needs no key.
import type { Env } from "../env.ts";
import type { Connections } from "../shapes/connection.ts";
import { logWarning } from "../shapes/log.ts";
import { MAX_CLIP_SECONDS, type Moment } from "../shapes/question.ts";
import type { SearchHit } from "../shapes/search.ts";
import { openSource } from "../source/open.ts";
import { signMomentUrl } from "../source/signed-moment.ts";

interface LinkDeps {
  env: Env;
  connections: Connections;
  now(): number;
}

export interface HitLinks {
  /** A frame of the matching second, or the picture, as JPEG; null where the object is neither film nor picture. */
  thumbnail: string | null;
  /** The film from the second on, as MP4; of sound alone, as WAV. */
  clip: string | null;
  /** The object, from the second on; null where its store cannot be asked. */
  url: string | null;
  /** Where the item came from. It needs a key. */
  lineage: string;
}
export type LinkedHit = SearchHit & { links: HitLinks };

/** URLs last for one to one and a sixth of an hour: those of one time are alike, so that a browser keeps what they show. */
const LIFETIME_SECONDS = 3_600;
const STEP_SECONDS = 600;
const THUMBNAIL_PIXELS = 320;
const CLIP_SECONDS = 10;

const FILM = /\.(mp4|m4v|mov|webm|mkv|ts|avi|mpe?g|wmv|ogv)$/i;
const SOUND = /\.(mp3|m4a|wav|ogg|oga|opus|flac)$/i;
const PICTURE = /\.(jpe?g|png|gif|webp|avif|heic|bmp|tiff?)$/i;

/** Gives each hit of a collection its links. A link that cannot be made is null: no answer fails for it. */
export async function linkHits(
  name: string,
  hits: readonly SearchHit[],
  deps: LinkDeps,
): Promise<LinkedHit[]> {
  const expires = Math.ceil((deps.now() / 1000 + LIFETIME_SECONDS) / STEP_SECONDS) * STEP_SECONDS;
  const urls = new Map<string, Promise<string | null>>();
  const urlOf = (object: SearchHit["object"]) => {
    const id = JSON.stringify([object.connection, object.bucket, object.key]);
    const url = urls.get(id) ?? objectUrl(object, expires, deps);
    urls.set(id, url);
    return url;
  };
  return Promise.all(
    hits.map(async (hit) => {
      const url = hit.object.key === "" ? null : await urlOf(hit.object);
      const path = `/v1/collections/${encodeURIComponent(name)}/items/${hit.item}/lineage`;
      const links = {
        ...(await momentLinks(hit, expires, deps)),
        url: url && url + momentOf(hit),
        lineage: new URL(path, deps.env.publicUrl()).href,
      };
      return { ...hit, links };
    }),
  );
}

/** The part of a URL by which a player begins at the moment (Media Fragments URI, 4.2.1). */
function momentOf({ second, span }: SearchHit): string {
  if (second === null) return "";
  return span && span.end > second ? `#t=${second},${span.end}` : `#t=${second}`;
}

async function objectUrl(
  { connection, bucket, key }: SearchHit["object"],
  expires: number,
  { connections, env }: LinkDeps,
): Promise<string | null> {
  try {
    return await openSource(connection, connections, env).url(bucket, key, expires * 1000);
  } catch (error) {
    logWarning("hit.unlinked", { connection, bucket, error: String(error) });
    return null;
  }
}

async function momentLinks(hit: SearchHit, expires: number, { env }: LinkDeps) {
  const { object, second, span } = hit;
  const { connection, bucket, key, etag } = object;
  const kind = kindOf(hit);
  if (kind === undefined || etag === null || key === "") return { thumbnail: null, clip: null };
  const root = env.required("WEIR_SIGNING_KEY");
  const at = second ?? 0;
  const moment = { connection, bucket, key, etag, at, size: THUMBNAIL_PIXELS, expires };
  const sign = (part: Pick<Moment, "kind" | "end">) =>
    signMomentUrl(env.publicUrl(), root, { ...moment, ...part });
  if (kind === "picture") return { thumbnail: await sign({ kind: "frame" }), clip: null };
  const end = Math.min(at + Math.min(CLIP_SECONDS, MAX_CLIP_SECONDS), Math.max(span?.end ?? at, at + 1));
  if (kind === "sound") return { thumbnail: null, clip: await sign({ kind: "sound", end }) };
  return { thumbnail: await sign({ kind: "frame" }), clip: await sign({ kind: "clip", end }) };
}

/** What an object is, by its content type, else by its name; one with seconds that is no sound is a film. */
function kindOf({ object, second }: SearchHit): "film" | "sound" | "picture" | undefined {
  const [kind] = (object.content_type ?? "").split("/");
  if (kind === "audio" || (kind !== "video" && SOUND.test(object.key))) return "sound";
  if (second !== null || kind === "video" || FILM.test(object.key)) return "film";
  return kind === "image" || PICTURE.test(object.key) ? "picture" : undefined;
}
