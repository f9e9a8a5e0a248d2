// The URL of an object under an S3 endpoint. Pure; the command line puts and reads objects by it too.

/**
 * The object's path-style URL. Segments `.` and `..` would be resolved away by every URL parser, so a key
 * that has them keeps its slashes encoded; S3 decodes the path before it compares signatures. Ceph RGW reads
 * and writes such keys (test/peers); wrangler's local R2 endpoint does not, nor keys with a newline.
 */
export function objectUrl(base: string, bucket: string, key: string): string {
  const segments = key.split("/").map((segment) => encodeURIComponent(segment).replace(/[!'()*]/g, percent));
  const hasDots = segments.some((segment) => segment === "." || segment === "..");
  return `${base}/${bucket}/${segments.join(hasDots ? "%2F" : "/")}`;
}

const percent = (char: string) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`;
