// The object beside its item: a film from the item's start, or a picture. It is loaded by a click and shown for as long
// as its signed URL holds; nothing is read of an object that nobody opens.
import { h } from "./dom.js";

/** @typedef {{ connection: string, bucket: string, key: string }} ObjectRef */
/** @typedef {{ start: number, end: number } | undefined} Span */
/** @typedef {{ url: string, tag: string, until: number } | { why: string }} Shown */

/** Objects that were opened, by {@link nameOf}. @type {Map<string, Shown>} */
const shown = new Map();

/** @param {ObjectRef} object */
const nameOf = ({ connection, bucket, key }) => JSON.stringify([connection, bucket, key]);

/** @type {[string, RegExp][]} */
const BY_NAME = [
  ["video", /\.(mp4|m4v|mov|webm|mkv|ts|avi)$/i],
  ["audio", /\.(mp3|m4a|wav|ogg|opus|flac|aac)$/i],
  ["img", /\.(jpe?g|png|gif|webp|avif|svg|bmp|tiff?)$/i],
];

/**
 * Tag of the element that shows an object: by its content type, else by the ending of its key.
 * @param {string | null} type
 * @param {string} key
 */
function tagOf(type, key) {
  const [kind] = (type ?? "").split("/");
  if (kind === "video" || kind === "audio") return kind;
  if (kind === "image") return "img";
  return BY_NAME.find(([, name]) => name.test(key))?.[0];
}

/**
 * Opens an object: fetches its URL, which the next {@link mediaView} of it draws.
 * @param {import("./api.js").Look} look
 * @param {string} name as in the button's `data-show`
 */
export async function show(look, name) {
  const [connection, bucket, key] = /** @type {[string, string, string]} */ (JSON.parse(name));
  shown.set(name, await openObject(look, { connection, bucket, key }));
}

/**
 * @param {import("./api.js").Look} look
 * @param {ObjectRef} object
 * @returns {Promise<Shown>}
 */
async function openObject(look, object) {
  const { seen, url, expires_at } = await look(object);
  if (!seen || !url) return { why: "The object is not there any more." };
  const tag = tagOf(seen.content_type, object.key) ?? "a";
  const address = new URL(url, location.href);
  // The router's own signed URLs work on whatever name the router is reached by.
  const own = address.pathname.startsWith("/v1/objects/");
  const until = Date.parse(expires_at ?? "");
  // The page's policy lets it show what its own router serves; a bucket elsewhere is a link.
  return own ? { url: address.pathname + address.search, tag, until } : { url, tag: "a", until };
}

/**
 * Draws a button that opens the object, or the opened object.
 * @param {ObjectRef} object
 * @param {Span} span
 * @param {Date} now
 */
export function mediaView(object, span, now) {
  if (object.key === "") return null;
  const name = nameOf(object);
  const opened = shown.get(name);
  if (opened && "why" in opened) return h("p", { class: "empty" }, opened.why);
  if (!opened || opened.until < now.getTime())
    return h(
      "p",
      {},
      h("button", { type: "button", "data-show": name }, span ? "Play from here" : "Show the object"),
    );
  const { url, tag } = opened;
  if (tag === "a")
    return h("p", {}, h("a", { href: url, target: "_blank", rel: "noreferrer" }, "Open the object"));
  // Another span is another element: a film that plays is not moved under somebody's eyes.
  const part = span && tag !== "img" ? `#t=${span.start},${span.end}` : "";
  const controls = tag === "img" ? { alt: object.key } : { controls: true, preload: "metadata" };
  return h(tag, { key: `media-${name}${part}`, class: "media", src: url + part, ...controls });
}
