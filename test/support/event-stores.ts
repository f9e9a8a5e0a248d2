// The ledger and its archive with something between them and whoever uses them: every call to D1 or R2 goes
// through one function, which may count it, fail it before or after its work, or hold it back.
import type { D1Database, D1PreparedStatement, R2Bucket } from "@cloudflare/workers-types";
import type { EventStores } from "../../src/env.ts";

/** What is done with a call: `work` does it. */
export type Between = (name: string, work: () => Promise<unknown>) => Promise<unknown>;

export const between = ({ ledger, archive }: EventStores, on: Between): EventStores => ({
  ledger: database(ledger, on),
  archive: calling(archive, on) as R2Bucket,
});

const STATEMENTS = new WeakMap<object, D1PreparedStatement>();

function database(real: D1Database, on: Between): D1Database {
  return new Proxy(real, {
    get(target, name) {
      if (name === "prepare") return (sql: string) => statement(target.prepare(sql), on);
      if (name !== "batch") return Reflect.get(target, name);
      return (all: D1PreparedStatement[]) =>
        on("batch", () => target.batch(all.map((one) => STATEMENTS.get(one) ?? one)));
    },
  });
}

function statement(real: D1PreparedStatement, on: Between): D1PreparedStatement {
  const wrapped = new Proxy(real, {
    get(target, name) {
      if (name === "bind") return (...values: unknown[]) => statement(target.bind(...values), on);
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== "function") return method;
      return (...parameters: unknown[]) => on(String(name), () => method.apply(target, parameters));
    },
  });
  STATEMENTS.set(wrapped, real);
  return wrapped;
}

const calling = (real: object, on: Between): object =>
  new Proxy(real, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== "function") return method;
      return (...parameters: unknown[]) => on(String(name), () => method.apply(target, parameters));
    },
  });
