// The read API of a running stack, as far as the command needs it.
import { refusal } from "./operate/client.ts";

export interface Run {
  id: string;
  event_id: string;
  alias: string;
  object: { connection: string; bucket: string; key: string };
  status: string;
  attempt: number;
  items: number | null;
  reason: string | null;
  failure: { kind: string; detail: string } | null;
}

export interface Item {
  id: string;
  object: { bucket: string; key: string };
  pipeline: string;
  position: number;
  data: Record<string, unknown>;
  vectors: { path: string; dims: number; model: string | null }[];
}

export interface Lineage {
  object: { connection: string; bucket: string; key: string; etag: string | null; size: number | null };
  event: { id: string; time: string };
  run: { id: string; stored_at: string };
  pipeline: { alias: string; version: string; commit: string };
}

export interface RecordedEvent {
  id: string;
  connection: string;
  sender: string;
  type: string;
  operation: string;
  bucket: string;
  key: string;
}

/** Refusals of one cause in one minute. */
export interface Rejection {
  connection: string;
  scheme: string;
  failure: { kind: string; detail: string; where?: string; next?: string };
  count: number;
  at: string;
}

export interface Api {
  /** Newest first. */
  events(connection: string): Promise<RecordedEvent[]>;
  rejections(connection: string): Promise<Rejection[]>;
  runs(): Promise<Run[]>;
  items(collection: string, key: string): Promise<Item[]>;
  lineage(collection: string, item: string): Promise<Lineage>;
}

/** A reader with the stack's own key. A refusal or a fault becomes an error that `weir` tells. */
export function apiOf(url: string, key: string): Api {
  const get = async <T>(path: string): Promise<T> => {
    const response = await fetch(url + path, { headers: { authorization: `Bearer ${key}` } });
    if (response.ok) return (await response.json()) as T;
    throw await refusal(`GET ${path.split("?")[0]}`, response);
  };
  const of = (collection: string) => `/v1/collections/${encodeURIComponent(collection)}/items`;
  const newest = async <T>(list: string, connection: string) =>
    (await get<{ data: T[] }>(`/v1/${list}?connection=${encodeURIComponent(connection)}&limit=50`)).data;
  return {
    events: (connection) => newest("events", connection),
    rejections: (connection) => newest("rejections", connection),
    runs: async () => (await get<{ data: Run[] }>("/v1/runs?limit=50")).data,
    items: async (collection, object) =>
      (await get<{ data: Item[] }>(`${of(collection)}?key=${encodeURIComponent(object)}&limit=50`)).data,
    lineage: (collection, item) => get(`${of(collection)}/${encodeURIComponent(item)}/lineage`),
  };
}
