// A small cache in the isolate's memory: bounded, with entries that expire.

/** A bounded map whose entries expire. The oldest entry makes room for a new one. */
export class TtlCache<T> {
  readonly #entries = new Map<string, { value: T; until: number }>();
  readonly #capacity: number;

  constructor(capacity = 32) {
    this.#capacity = capacity;
  }

  get(name: string, now: number): T | undefined {
    const entry = this.#entries.get(name);
    if (entry === undefined || entry.until > now) return entry?.value;
    this.#entries.delete(name);
    return undefined;
  }

  delete(name: string): void {
    this.#entries.delete(name);
  }

  set(name: string, value: T, until: number): void {
    this.#entries.delete(name);
    const oldest = this.#entries.size >= this.#capacity ? this.#entries.keys().next().value : undefined;
    if (oldest !== undefined) this.#entries.delete(oldest);
    this.#entries.set(name, { value, until });
  }
}
