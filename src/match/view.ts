// An event as Weir's filters see it: its attributes, filled in by a look-up at the object. An attribute that neither
// the event nor a look-up has given is "unknown"; one that is known to be missing is absent.
import type { Event } from "../shapes/event.ts";
import { extensionOf, nameOf, topOf } from "./attributes.ts";
import { leavesIn } from "./json-view.ts";
import type { Leaf, Leaves, Path, ValueSource, View } from "./types.ts";

/** Attributes that a look-up found. Left out: not looked up. `null`, or a name missing from a table: there is none. */
export interface ObjectAttributes {
  size?: number;
  etag?: string;
  content_type?: string | null;
  metadata?: Record<string, string> | null;
  tags?: Record<string, string>;
  version_id?: string | null;
}

/** Attributes of the event itself, rather than of its object. */
const OF_THE_EVENT = ["type", "operation", "sender", "time", "version_id", "region", "payload"];
/** Attributes of the object's state, which a look-up can settle. */
const OF_THE_OBJECT = ["size", "etag", "content_type", "metadata", "tags"] as const;
const NONE: Leaves = [];

/**
 * The view of an event; what a look-up found fills in and overrides the event's own account. An invocation
 * without an object has no key, and then nothing about the object is unknown: it is absent.
 */
export const viewOf = (event: Event, object: ObjectAttributes = {}): View => view(event, object, []);

/**
 * The view of an event after which the object is there. A removal has then brought the object up: a delete marker or
 * a newer version went. It is seen as the object's creation, of which the sender's word is unknown, and what the
 * event says of size, etag and version is of what went.
 */
export const viewOfPresent = (event: Event, object: ObjectAttributes): View =>
  event.type === "removed"
    ? view(broughtUp(event, object), object, UNSAID.slice(object.version_id === undefined ? 0 : 1))
    : view(event, object, []);

/** Attributes that are unknown of an object that a removal brought up; its version only until it is looked at. */
const UNSAID = ["version_id", "operation"];

function broughtUp(
  { size: _, etag, version_id, content_type, metadata, tags, ...event }: Event,
  object: ObjectAttributes,
): Event {
  return { ...event, type: "created", ...(object.version_id && { version_id: object.version_id }) };
}

function view(event: Event, object: ObjectAttributes, unsaid: readonly string[]): View {
  const leaves = new Map<string, Leaves>();
  const put = (name: string, value: string | number | null | undefined) =>
    leaves.set(
      name,
      value === undefined || value === null || value === "" ? NONE : [{ value, place: undefined }],
    );
  const name = nameOf(event.key);
  put("connection", event.connection);
  put("type", event.type);
  put("operation", event.operation);
  put("sender", event.sender);
  put("bucket", event.bucket);
  put("key", event.key);
  put("name", name);
  put("extension", extensionOf(name));
  put("version_id", event.version_id);
  put("time", event.time);
  put("region", event.region);
  for (const name of unsaid) leaves.delete(name);
  const unknown = new Set<string>(unsaid);
  const looked = new Set<string>();
  for (const attribute of OF_THE_OBJECT) {
    if (object[attribute] !== undefined) looked.add(attribute);
    const value = object[attribute] === undefined ? event[attribute] : object[attribute];
    if (value === undefined && event.key !== "") unknown.add(attribute);
    else if (value === undefined) continue;
    else if (value === null || typeof value !== "object") put(attribute, value);
    else
      for (const [entry, text] of Object.entries(value)) {
        leaves.set(`${attribute}.${spelt(attribute, entry)}`, [{ value: text, place: undefined }]);
      }
  }
  return attributeView({ leaves, unknown, looked, payload: event.payload });
}

/**
 * The same view with everything that belongs to the event unknown: what is left is the object itself, so
 * `evaluate` answers false only if no event about this object as it is could pass.
 */
export function stateView(view: View): View {
  const hidden = (path: Path) => OF_THE_EVENT.includes(topOf(path.text));
  return {
    leaves: (path) => (hidden(path) ? "unknown" : view.leaves(path)),
    source: (path) => (hidden(path) ? "unknown" : view.source(path)),
  };
}

interface Attributes {
  leaves: ReadonlyMap<string, Leaves>;
  unknown: ReadonlySet<string>;
  looked: ReadonlySet<string>;
  payload: unknown;
}

function attributeView({ leaves, unknown, looked, payload }: Attributes): View {
  const find = (path: Path): Leaves => {
    const carried = leaves.get(path.text);
    if (carried !== undefined) return carried;
    const top = topOf(path.text);
    if (unknown.has(top)) return "unknown";
    return top === "payload" && payload !== undefined ? payloadLeaves(payload, path) : NONE;
  };
  return {
    leaves: find,
    source(path): ValueSource {
      const leavesFound = find(path);
      if (leavesFound === "unknown") return "unknown";
      if (leavesFound.length === 0) return "absent";
      return looked.has(topOf(path.text)) ? "object" : "event";
    },
    *candidates(byTop) {
      yield* leaves.keys();
      for (const top of unknown) if (byTop.has(top)) yield top;
      if (payload !== undefined) yield "payload";
    },
  };
}

function payloadLeaves(payload: unknown, path: Path): readonly Leaf[] {
  return leavesIn({ payload }, path);
}

/** Metadata names are compared in lower case; tags keep theirs. */
const spelt = (attribute: string, name: string) => (attribute === "metadata" ? name.toLowerCase() : name);
