// A D1 database that counts its round trips: a batch is one, and so is a statement by itself.
import type { D1Database, D1PreparedStatement } from "@cloudflare/workers-types";

const CALLS = ["run", "all", "first", "raw"];

export function countingRoundTrips(real: D1Database): { db: D1Database; count(): number } {
  let trips = 0;
  const statements = new WeakMap<object, D1PreparedStatement>();
  const counted = (statement: D1PreparedStatement): D1PreparedStatement => {
    const proxy = new Proxy(statement, {
      get(target, name) {
        const method: unknown = Reflect.get(target, name);
        if (typeof method !== "function") return method;
        return (...parameters: unknown[]) => {
          if (CALLS.includes(String(name))) trips++;
          const result: unknown = method.apply(target, parameters);
          return name === "bind" ? counted(result as D1PreparedStatement) : result;
        };
      },
    });
    statements.set(proxy, statement);
    return proxy;
  };
  const db = new Proxy(real, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== "function") return method;
      if (name === "prepare") return (sql: string) => counted(target.prepare(sql));
      return (...parameters: unknown[]) => {
        trips++;
        const [batch] = parameters;
        // A batch takes the statements themselves.
        const own = Array.isArray(batch)
          ? [batch.map((statement: object) => statements.get(statement) ?? statement)]
          : parameters;
        return method.apply(target, own) as unknown;
      };
    },
  });
  return { db, count: () => trips };
}
