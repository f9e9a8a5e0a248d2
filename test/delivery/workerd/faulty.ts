// Surroundings that fail when they are told to: every call over a binding is counted and named, and one of
// them, by its name, goes wrong in one of the ways that calls over a network do.

import type { Fault } from "../shapes.ts";

/** What a failing call says, in its own words; of D1, each that is documented and passes. */
const D1_ERRORS = [
  "D1_ERROR: Network connection lost.",
  "D1_ERROR: D1 DB is overloaded. Requests queued for too long.",
  "D1_ERROR: D1 DB is overloaded. Too many requests queued.",
  "D1_ERROR: Internal error while starting up D1 DB storage caused object to be reset.",
  "D1_ERROR: Internal error in D1 DB storage caused object to be reset.",
  "D1_ERROR: Cannot resolve D1 DB due to transient issue on remote node.",
  "D1_ERROR: D1 DB storage operation exceeded timeout which caused object to be reset.",
  "D1_ERROR: D1 DB reset because its code was updated.",
  "D1_ERROR: Can't read from request stream because client disconnected.",
  "D1_ERROR: Memory limit would be exceeded before EOF.",
  "D1_ERROR: D1 DB exceeded its CPU time limit and was reset.",
];
const R2_ERROR = "put: We encountered an internal error. Please try again. (10001)";
const QUEUE_ERROR = "Queue sendBatch failed: Internal Server Error";
const NETWORK_ERROR = "Network connection lost.";

export class Faults {
  /** The calls of this run, by name, in order. */
  calls: string[] = [];
  /** Whether the fault has come to pass. */
  struck = false;
  #counts = new Map<string, number>();
  #fault: Fault | undefined;
  /** What goes on while a call takes its time. */
  readonly #meanwhile: () => Promise<void>;

  constructor(meanwhile: () => Promise<void>) {
    this.#meanwhile = meanwhile;
  }

  plan(fault: Fault | undefined): void {
    this.calls = [];
    this.struck = false;
    this.#counts.clear();
    this.#fault = fault;
  }

  async call<T>(name: string, error: string, work: () => Promise<T>): Promise<T> {
    const count = (this.#counts.get(name) ?? 0) + 1;
    this.#counts.set(name, count);
    const call = `${name} #${count}`;
    this.calls.push(call);
    if (this.#fault?.call !== call || this.struck) return work();
    this.struck = true;
    switch (this.#fault.kind) {
      case "before":
        throw new Error(error);
      case "after":
        await work();
        throw new Error(error);
      case "late":
        await this.#meanwhile();
        return work();
      case "slow": {
        const answer = await work();
        await this.#meanwhile();
        return answer;
      }
      case "twice": {
        const [first, second] = await Promise.allSettled([work(), work()]);
        if (first.status === "fulfilled") return first.value;
        if (second.status === "fulfilled") return second.value;
        throw first.reason;
      }
    }
  }

  /** A binding whose named methods are calls. */
  wrap<T extends object>(name: string, real: T, methods: string[], error: string): T {
    return new Proxy(real, {
      get: (target, property) => {
        const member: unknown = Reflect.get(target, property);
        if (typeof member !== "function") return member;
        const method = member.bind(target) as (...parameters: unknown[]) => Promise<unknown>;
        if (!methods.includes(String(property))) return method;
        return (...parameters: unknown[]) =>
          this.call(`${name}.${String(property)}`, error, () => method(...parameters));
      },
    });
  }

  /** D1: a call is a batch, or a statement that is run; `change` is made to each statement's text. */
  database<T extends object>(name: string, real: T, change = (sql: string) => sql): T {
    const statements = new WeakMap<object, object>();
    const error = () => D1_ERRORS[this.calls.length % D1_ERRORS.length] as string;
    type Statement = Record<string, (...parameters: unknown[]) => Promise<unknown>>;
    const statement = (inner: Statement): object => {
      const outer = {
        bind: (...values: unknown[]) =>
          statement((inner.bind as unknown as (...v: unknown[]) => Statement)(...values)),
        ...Object.fromEntries(
          ["run", "all", "first"].map((method) => [
            method,
            (...parameters: unknown[]) =>
              this.call(`${name}.${method}`, error(), () =>
                (inner[method] as Statement[string]).apply(inner, parameters),
              ),
          ]),
        ),
      };
      statements.set(outer, inner);
      return outer;
    };
    return new Proxy(real, {
      get: (target, property) => {
        const db = target as unknown as Record<string, (...parameters: unknown[]) => unknown>;
        if (property === "prepare")
          return (sql: string) => statement(db.prepare?.(change(sql)) as unknown as Statement);
        if (property === "batch")
          return (batch: object[]) =>
            this.call(
              `${name}.batch`,
              error(),
              () => db.batch?.(batch.map((one) => statements.get(one))) as Promise<unknown>,
            );
        return Reflect.get(target, property);
      },
    });
  }

  /** A shard of an index: what it is sent may go wrong. Its methods are calls of another Worker, and no functions. */
  shard = (real: Record<string, (...parameters: unknown[]) => Promise<unknown>>) =>
    new Proxy({} as typeof real, {
      get: (_, property) => {
        const name = String(property);
        const work = (...parameters: unknown[]) => Promise.resolve(real[name]?.(...parameters));
        if (!["replace", "layout", "setLayout", "keepCompared"].includes(name)) return work;
        return (...parameters: unknown[]) =>
          this.call(`SEARCH.${name}`, NETWORK_ERROR, () => work(...parameters));
      },
    });
  bucket = <T extends object>(name: string, real: T) =>
    this.wrap(name, real, ["head", "get", "put", "list"], R2_ERROR);
  queue = <T extends object>(name: string, real: T) =>
    this.wrap(name, real, ["send", "sendBatch"], QUEUE_ERROR);
  service = <T extends object>(name: string, real: T) =>
    this.wrap(name, real, ["run", "invoke", "fetch"], NETWORK_ERROR);
}
