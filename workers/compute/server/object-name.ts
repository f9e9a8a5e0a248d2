// An object's name in what people read: the end of its URL's path, never its signature. Free of the network, since the
// decoder says it too.

/** What to call an object in a message: the end of its URL's path. Never the query, which holds signatures. */
export function objectName(url: string): string {
  const path = new URL(url).pathname.split("/").filter(Boolean).slice(-3).join("/");
  try {
    return decodeURIComponent(path) || "the object";
  } catch {
    return path;
  }
}
