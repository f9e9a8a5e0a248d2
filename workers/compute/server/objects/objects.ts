// Cache of the objects that the instance reads, for all of its jobs: one reading of an index, however many ask for it,
// and one copy of an object whose server knows no ranges. Runs in the parent; decoders ask by message and
// have no network of their own. session.ts reads for one job, source.ts makes the requests.
import type { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import { ok, type Result } from "../../../../src/shapes/failure.ts";
import { Extents } from "../extents.ts";
import { type Conditions, type Fetched, fetchRange } from "./source.ts";
import { Spill } from "./spill.ts";

/** Bytes kept for all objects together; the index of a ten-hour film is under 30 MB. */
const MAX_CACHE_BYTES = 64 * 1024 * 1024;
/** Requests to sources at one time. */
const MAX_REQUESTS = 16;
/** How long a copy on disk outlives its last reader, and how many bytes of such copies there may be. */
const IDLE_MS = 60_000;
const MAX_IDLE_BYTES = 2 * 1024 ** 3;

/** One version of an object: what of it is here, and what is on its way. */
export class CachedObject {
  readonly size: number;
  readonly etag: string | undefined;
  readonly extents = new Extents();
  flights = new Set<{ start: number; end: number; landed: Promise<unknown> }>();
  spill: Spill | undefined;
  readers = 0;
  idle: NodeJS.Timeout | undefined;

  constructor(size: number, etag: string | undefined) {
    this.size = size;
    this.etag = etag;
  }
}

/** Versions of objects and their bytes, bounded; requests to sources, a few at one time. */
export class ObjectCache {
  readonly #allowed: ReadonlySet<string>;
  readonly #maxBytes: number;
  /** By URL without its query, which is the signature's; the least lately used first. */
  #versions = new Map<string, CachedObject>();
  #copying = new Map<string, Promise<Result<CachedObject>>>();
  #bytes = 0;
  #free = MAX_REQUESTS;
  #waiting: (() => void)[] = [];

  constructor(allowed: readonly string[], maxBytes = MAX_CACHE_BYTES) {
    this.#allowed = new Set(allowed);
    this.#maxBytes = maxBytes;
  }

  /** The version of an object that was read last: its bytes need to come again only if it has changed. */
  latest(key: string): CachedObject | undefined {
    return this.#versions.get(key);
  }

  /** The version that a source's answer names: the cached one, or a new one in its place. */
  version(key: string, size: number, etag: string | undefined): CachedObject {
    const cached = this.#versions.get(key);
    const same = cached?.etag === etag && cached?.size === size;
    const version = cached && same ? cached : new CachedObject(size, etag);
    // Without a strong tag nothing says whether the next job's object is the same.
    if (etag === undefined || etag.startsWith("W/")) return version;
    if (cached && !same) this.#drop(cached);
    this.#versions.delete(key);
    this.#versions.set(key, version);
    return version;
  }

  keep(version: CachedObject, start: number, data: Buffer): void {
    if (![...this.#versions.values()].includes(version) || data.length > this.#maxBytes) return;
    version.extents.add(start, data);
    this.#bytes += data.length;
    for (const oldest of this.#versions.values()) {
      if (this.#bytes <= this.#maxBytes) break;
      if (oldest !== version) this.#drop(oldest);
    }
    this.#bytes -= version.extents.shrink(this.#maxBytes);
  }

  /** A ranged request, when it is its turn. */
  async fetch(
    url: string,
    start: number,
    end: number,
    conditions: Conditions,
    onRetry: () => void,
  ): Promise<Result<Fetched>> {
    if (this.#free === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#free -= 1;
    try {
      return await fetchRange(url, start, end, conditions, this.#allowed, onRetry);
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free += 1;
    }
  }

  /** The version whose whole body has begun to come: read to disk, unless that is done or being done already. */
  async copy(
    key: string,
    etag: string | undefined,
    body: IncomingMessage,
    name: string,
    count: (bytes: number) => void,
  ): Promise<Result<CachedObject>> {
    const cached = this.#versions.get(key);
    const tagged = etag !== undefined && !etag.startsWith("W/");
    const copying = tagged ? this.#copying.get(key + etag) : undefined;
    const ready = tagged && cached?.spill && cached.etag === etag ? ok(cached) : copying;
    if (ready) {
      body.destroy();
      return ready;
    }
    const filling = Spill.fill(body, name, count).then((filled): Result<CachedObject> => {
      if (!filled.ok) return filled;
      const version = this.version(key, filled.value.size, etag);
      version.spill = filled.value;
      return ok(version);
    });
    if (tagged) this.#copying.set(key + etag, filling);
    try {
      return await filling;
    } finally {
      this.#copying.delete(key + etag);
    }
  }

  /** Lets go of the copy of an object that nobody has read for a while. */
  release(version: CachedObject): void {
    version.readers -= 1;
    if (version.readers > 0 || !version.spill) return;
    const cached = [...this.#versions].find(([, other]) => other === version);
    const close = () => {
      if (cached && this.#versions.get(cached[0]) === version) this.#versions.delete(cached[0]);
      void version.spill?.close();
      version.spill = undefined;
    };
    const idle = [...this.#versions.values()].filter(({ readers }) => readers === 0);
    const held = idle.reduce((sum, { spill }) => sum + (spill?.size ?? 0), 0);
    if (cached && held <= MAX_IDLE_BYTES) version.idle = setTimeout(close, IDLE_MS).unref();
    else close();
  }

  async close(): Promise<void> {
    for (const { spill, idle } of this.#versions.values()) {
      clearTimeout(idle);
      await spill?.close();
    }
    this.#versions.clear();
  }

  #drop(version: CachedObject): void {
    this.#bytes -= version.extents.bytes;
    version.extents.clear();
  }
}
