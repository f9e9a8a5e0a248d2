// Counts what a run uses while it runs, wherever in the code that is: bindings that go through `metered` add to the meter
// of the run that they are used for, found through AsyncLocalStorage. Outside of a run nothing is counted.
import { AsyncLocalStorage } from "node:async_hooks";
import type { D1Database, D1PreparedStatement, D1Result } from "@cloudflare/workers-types";
import type { Env } from "../../src/env.ts";
import { combine, type MeasureName, type RunMeasures } from "../../src/shapes/measures.ts";
import type { RunStep } from "../../src/shapes/run.ts";
import { Steps } from "./steps.ts";

const current = new AsyncLocalStorage<Meter>();

/** What one run has used so far. */
export class Meter {
  /** What was done, and when each line of the log was written, ms. */
  readonly steps = new Steps();
  readonly lines: number[] = [];
  readonly #counts = new Map<MeasureName, number>();
  #working = 0;
  #since = 0;

  add(name: MeasureName, count: number): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + count);
  }

  /** A call to the container began. Calls at the same time count once: they share one instance. */
  begin(now: number): void {
    if (this.#working++ === 0) this.#since = now;
  }

  end(now: number): void {
    if (--this.#working === 0) this.add("container_ms", Math.max(0, now - this.#since));
  }

  /** The counts, whole. `share`: how many runs they are divided among. */
  read(share = 1): RunMeasures {
    return combine((name) => Math.ceil((this.#counts.get(name) ?? 0) / share));
  }
}

/** Does work of which everything counts for this meter. */
export const withMeter = <T>(meter: Meter, work: () => T): T => current.run(meter, work);

/** Adds to what the run that is under way has used. */
export const count = (name: MeasureName, by = 1): void => current.getStore()?.add(name, by);

/** Notes a step of the run that is under way; `describe` says more of it, once it has ended well. */
export async function step<T>(
  name: string,
  work: () => Promise<T>,
  describe: (value: T) => Pick<RunStep, "bytes" | "cached" | "detail"> = () => ({}),
): Promise<T> {
  const at = Date.now();
  const note = (more: object) => current.getStore()?.steps.add({ name, at, ms: Date.now() - at, ...more });
  try {
    const value = await work();
    note(describe(value));
    return value;
  } catch (error) {
    note({ detail: "failed" });
    throw error;
  }
}

/** Notes that a line of the log is written; `dropped` earlier ones have gone. */
export function noteLine(dropped: number): void {
  const lines = current.getStore()?.lines;
  lines?.splice(0, dropped);
  lines?.push(Date.now());
}

/** Sends a request to the container: it works until its answer has been read, or dropped. */
export async function timed(name: string, send: () => Promise<Response>): Promise<Response> {
  const meter = current.getStore();
  if (!meter) return send();
  const at = Date.now();
  meter.begin(at);
  let bytes = 0;
  let isOver = false;
  const end = (more: Pick<RunStep, "detail"> = {}) => {
    if (isOver) return;
    isOver = true;
    meter.end(Date.now());
    meter.steps.add({ name, at, ms: Date.now() - at, bytes, ...more });
  };
  try {
    const response = await send();
    const more = response.ok ? {} : { detail: `answered ${response.status}` };
    if (!response.body) {
      end(more);
      return response;
    }
    const counting = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        bytes += chunk.byteLength;
        controller.enqueue(chunk);
      },
      flush: () => end(more),
    });
    void response.body.pipeTo(counting.writable).then(
      () => end(more),
      () => end({ detail: "cut off" }),
    );
    return new Response(counting.readable, response);
  } catch (error) {
    end({ detail: "no answer" });
    throw error;
  }
}

/** A message is written, read and deleted. */
const OPERATIONS_A_MESSAGE = 3;
const R2_COUNTS: Record<string, MeasureName> = {
  head: "r2_reads",
  get: "r2_reads",
  put: "r2_writes",
  list: "r2_writes",
};

/** Bindings whose use counts. */
export function metered(env: Env): Env {
  return {
    ...env,
    bucket: (name) => counting(env.bucket(name), (method) => R2_COUNTS[method] && count(R2_COUNTS[method])),
    database: (name) => meteredDatabase(env.database(name)),
    queue: <T>(binding: string) =>
      counting(env.queue<T>(binding), (method, [messages]) => {
        const number = method === "sendBatch" ? [...(messages as Iterable<unknown>)].length : 1;
        count("queue_operations", OPERATIONS_A_MESSAGE * number);
      }),
    durableObjects: (binding) => {
      const namespace = env.durableObjects<never>(binding);
      return {
        idFromName: (name: string) => namespace.idFromName(name),
        get: (id: never) => counting(namespace.get(id) as object, () => count("object_calls")),
      } as never;
    },
  };
}

/** The same, of which each call is heard. A method is called where it is: one of another Worker has no other place. */
function counting<T extends object>(target: T, hear: (method: string, args: unknown[]) => unknown): T {
  const methods = target as Record<string, (...args: unknown[]) => unknown>;
  return new Proxy(target, {
    get: (_, name) => {
      if (typeof name !== "string" || name === "then" || typeof methods[name] !== "function")
        return Reflect.get(target, name, target);
      return (...args: unknown[]) => {
        hear(name, args);
        return methods[name]?.(...args);
      };
    },
  });
}

/** A database that counts its rows: they are in the answers of all but `first`, which is asked as `all`. */
function meteredDatabase(db: D1Database): D1Database {
  const inner = new WeakMap<object, D1PreparedStatement>();
  const heard = <T>(result: D1Result<T>) => {
    count("rows_read", result.meta.rows_read ?? 0);
    count("rows_written", result.meta.rows_written ?? 0);
    return result;
  };
  const wrap = (statement: D1PreparedStatement): D1PreparedStatement => {
    const wrapped = {
      bind: (...values: unknown[]) => wrap(statement.bind(...values)),
      all: async <T>() => heard(await statement.all<T>()),
      run: async <T>() => heard(await statement.run<T>()),
      first: async <T>() => heard(await statement.all<T>()).results[0] ?? null,
    } as D1PreparedStatement;
    inner.set(wrapped, statement);
    return wrapped;
  };
  return {
    prepare: (sql: string) => wrap(db.prepare(sql)),
    batch: async <T>(statements: D1PreparedStatement[]) =>
      (await db.batch<T>(statements.map((one) => inner.get(one) ?? one))).map(heard),
  } as D1Database;
}
