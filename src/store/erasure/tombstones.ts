// Tombstones: keyed hashes of what was erased, and when. An event of then, however late, does not bring it back; an upload
// of later does. They are asked for with what is paused, so that a batch still costs one question to D1.
import { createHmac } from "node:crypto";
import type { D1Database, D1PreparedStatement } from "@cloudflare/workers-types";
import type { Env } from "../../env.ts";
import type { ErasureScope, ObjectName } from "../../shapes/erasure.ts";
import type { Event } from "../../shapes/event.ts";
import { placeOf } from "../../shapes/event-id.ts";
import type { Pause } from "../ledger/pauses.ts";

/** Names objects and scopes: 32 hex digits, that nobody can compute without the key. */
export interface Hasher {
  object(name: ObjectName): string;
  scope(scope: ErasureScope): string;
}

/** Hashes by a key that follows from the root key. */
export function openHasher(env: Pick<Env, "required">): Hasher {
  const secret = createHmac("sha256", env.required("WEIR_SIGNING_KEY"))
    .update(JSON.stringify(["weir-erasure-key-v1"]))
    .digest();
  const hash = (...parts: string[]) =>
    createHmac("sha256", secret).update(JSON.stringify(parts)).digest("hex").slice(0, 32);
  const object = ({ connection, bucket, key }: ObjectName) => hash("key", connection, bucket, key);
  return {
    object,
    scope: ({ connection, bucket, key, prefix = "" }) =>
      key === undefined ? hash("prefix", connection, bucket, prefix) : object({ connection, bucket, key }),
  };
}

/** Puts a tombstone, or a later one in its place. */
export const putTombstone = (
  db: D1Database,
  hash: string,
  { prefix }: ErasureScope,
  erased_at: number,
): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO tombstones (hash, length, erased_at) VALUES (?1, ?2, ?3)
       ON CONFLICT (hash) DO UPDATE SET erased_at = max(erased_at, excluded.erased_at)`,
    )
    .bind(hash, prefix?.length ?? null, erased_at);

interface Tombstone {
  hash: string;
  length: number | null;
  erased_at: number;
}

/** What holds events back: paused pipelines, and what was erased. */
export interface Holds {
  paused: Pause[];
  /** Whether an event is of an object that was erased after it. */
  isErased(event: HeldEvent): boolean;
}

type HeldEvent = Pick<Event, "connection" | "bucket" | "key" | "time" | "received_at">;

/** Asks for both, in one question. Where there is no root key, nothing was ever erased. */
export async function readHolds(
  db: D1Database,
  events: HeldEvent[],
  env: Pick<Env, "setting" | "required">,
): Promise<Holds> {
  const hasher = env.setting("WEIR_SIGNING_KEY") === undefined ? undefined : openHasher(env);
  const hashes = new Map(hasher ? events.map((event) => [hasher.object(event), event]) : []);
  const [paused, found] = await db.batch<Pause & Tombstone>([
    db.prepare("SELECT alias, reason, at FROM paused"),
    db.prepare(SQL.find).bind(JSON.stringify([...hashes.keys()])),
  ]);
  const stones = found?.results ?? [];
  const exact = new Map(stones.map(({ hash, erased_at }) => [hash, erased_at]));
  const lengths = new Set(stones.flatMap(({ length }) => length ?? []));
  const erasedAt = (name: ObjectName): number => {
    if (stones.length === 0 || !hasher || name.key === "") return 0;
    const { connection, bucket, key } = name;
    const names = [...lengths]
      .filter((length) => length <= key.length)
      .map((length) => hasher.scope({ connection, bucket, prefix: key.slice(0, length) }));
    return Math.max(...[hasher.object(name), ...names].map((hash) => exact.get(hash) ?? 0));
  };
  return { paused: paused?.results ?? [], isErased: (event) => placeOf(event) <= erasedAt(event) };
}

const SQL = {
  // Those of prefixes are few, and all are read: which of them an event has, only a hash can say.
  find: `
    SELECT t.hash, t.length, t.erased_at FROM json_each(?1) AS j CROSS JOIN tombstones AS t ON t.hash = j.value
    WHERE t.length IS NULL
    UNION ALL SELECT hash, length, erased_at FROM tombstones INDEXED BY tombstones_of_prefixes WHERE length IS NOT NULL`,
};
