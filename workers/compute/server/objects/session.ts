// One job's reading of one object, in the parent: what is here already, what is on its way, and only then the
// source. Whether a URL may read the object is for the source to say, each time. objects.ts keeps what comes.
import { Buffer } from "node:buffer";
import { type Failure, fail, ok, type Result } from "../../../../src/shapes/failure.ts";
import type { ByteSource, OpenedObject, Piece, ReadCount } from "../decoder/protocol.ts";
import { objectName } from "../object-name.ts";
import type { CachedObject, ObjectCache } from "./objects.ts";

/** Bytes of the first read; most files say with this much what they are. */
const FIRST_BYTES = 32 * 1024;

/** One job's reading of one object. Close it when the job has ended; `onProgress` hears that bytes still come. */
export class ReadSession implements ByteSource {
  readonly #objects: ObjectCache;
  readonly #url: string;
  readonly #key: string;
  readonly #name: string;
  readonly #onProgress: () => void;
  #version: CachedObject | undefined;

  constructor(objects: ObjectCache, url: string, onProgress: () => void = () => {}) {
    const { origin, pathname } = new URL(url);
    this.#objects = objects;
    this.#url = url;
    this.#key = origin + pathname;
    this.#name = objectName(url);
    this.#onProgress = onProgress;
  }

  /** Asks the source, always: whether this URL may read it is for the source to say, and which version it is. */
  async open(): Promise<Result<OpenedObject>> {
    const read: ReadCount = { bytes: 0, requests: 1 };
    const cached = this.#objects.latest(this.#key);
    const noneMatch = cached?.spill || cached?.extents.slice(0, 1) ? cached.etag : undefined;
    const ask = (conditions: { noneMatch?: string | undefined }) =>
      this.#objects.fetch(this.#url, 0, FIRST_BYTES, conditions, () => {
        read.requests += 1;
      });
    let got = await ask({ noneMatch });
    // Some stores answer 412 where 304 is meant.
    if (!got.ok && got.failure.kind === "conflict" && noneMatch) {
      read.requests += 1;
      got = await ask({});
    }
    if (!got.ok) return got;
    const { data, total, etag, whole, unchanged } = got.value;
    if (unchanged && !cached) return this.#refuse("source_refused", "did not come, unasked");
    read.bytes += data.length;
    if (whole) {
      const spilled = await this.#objects.copy(this.#key, etag, whole, this.#name, (bytes) => {
        read.bytes += bytes;
        this.#onProgress();
      });
      if (!spilled.ok) return spilled;
      const first = await this.#use(spilled.value).spill?.read(0, FIRST_BYTES);
      return ok({ size: spilled.value.size, etag, data: first ?? Buffer.alloc(0), read });
    }
    const version = this.#use(unchanged && cached ? cached : this.#objects.version(this.#key, total, etag));
    if (data.length > 0 && !version.extents.slice(0, 1)) this.#objects.keep(version, 0, data);
    const here =
      data.length > 0
        ? data
        : ((await version.spill?.read(0, FIRST_BYTES)) ?? version.extents.slice(0, FIRST_BYTES));
    return ok({ size: version.size, etag: version.etag, data: here ?? Buffer.alloc(0), read });
  }

  async read(start: number, end: number, keep: boolean): Promise<Result<Piece>> {
    const version = this.#version;
    if (!version) return this.#refuse("internal", "is read before it is open");
    if (version.spill) return ok({ data: await version.spill.read(start, end - start), read: NO_READ });
    for (;;) {
      const data = version.extents.slice(start, end);
      if (data) return ok({ data, read: NO_READ });
      const flight = [...version.flights].find((f) => f.start <= start && start < f.end);
      if (!flight) break;
      await flight.landed;
    }
    const until = version.extents.nextStart(start, end);
    const fetching = this.#fetch(version, start, until, keep);
    if (!keep) return fetching;
    const flight = { start, end: until, landed: fetching };
    version.flights.add(flight);
    try {
      return await fetching;
    } finally {
      version.flights.delete(flight);
    }
  }

  close(): void {
    if (this.#version) this.#objects.release(this.#version);
    this.#version = undefined;
  }

  async #fetch(version: CachedObject, start: number, end: number, keep: boolean): Promise<Result<Piece>> {
    const read: ReadCount = { bytes: 0, requests: 1 };
    const match = version.etag;
    const got = await this.#objects.fetch(this.#url, start, end, { match }, () => {
      read.requests += 1;
    });
    if (!got.ok) return got;
    const { data, total, etag, whole } = got.value;
    if (whole || total !== version.size || (version.etag && etag !== version.etag)) {
      whole?.destroy();
      const next = "Run it again: it will read the new one.";
      return this.#refuse("conflict", "was overwritten while it was read", next);
    }
    if (data.length === 0) return this.#refuse("unavailable", "came without the bytes that were asked for");
    read.bytes = data.length;
    if (keep) this.#objects.keep(version, start, data);
    return ok({ data, read });
  }

  #use(version: CachedObject): CachedObject {
    clearTimeout(version.idle);
    version.readers += 1;
    this.#version = version;
    return version;
  }

  #refuse(kind: Failure["kind"], what: string, next?: string): { ok: false; failure: Failure } {
    return fail(kind, `${this.#name} ${what}`, { where: this.#name, ...(next ? { next } : {}) });
  }
}

const NO_READ: ReadCount = { bytes: 0, requests: 0 };
