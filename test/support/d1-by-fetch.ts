// Real D1, asked by a Worker beside it: a call is one request. Miniflare's own proxy makes one of every `prepare`
// and every `bind` too, each of which blocks the test's thread; a batch of ten statements is then twenty-one.
import type { D1Database, D1PreparedStatement } from "@cloudflare/workers-types";

interface Asked {
  sql: string;
  values: unknown[];
}

/** The Worker: takes statements, and answers with their results or D1's own error. */
export const D1_WORKER = `
  import { Buffer } from "node:buffer";
  export default {
    async fetch(request, env) {
      const { method, statements } = await request.json();
      const [, binding] = new URL(request.url).pathname.split("/");
      const valueOf = (value) => (value?.blob === undefined ? value : Buffer.from(value.blob, "base64"));
      try {
        const all = statements.map(({ sql, values }) => env[binding].prepare(sql).bind(...values.map(valueOf)));
        const done = method === "batch" ? await env[binding].batch(all) : await all[0][method]();
        return Response.json({ done });
      } catch (error) {
        return Response.json({ error: error.message });
      }
    },
  };`;

type Fetch = (url: string, init: { method: string; body: string }) => Promise<{ json(): Promise<unknown> }>;

/** A database behind {@link D1_WORKER}, as a Worker has it. A blob is bound as bytes, and read as D1 gives it: numbers. */
export function d1ByFetch(binding: string, fetch: Fetch): D1Database {
  const asked = new WeakMap<object, Asked>();
  const ask = async (method: string, statements: Asked[]): Promise<unknown> => {
    const body = JSON.stringify({ method, statements });
    const answer = await (await fetch(`http://d1/${binding}`, { method: "POST", body })).json();
    const { done, error } = answer as { done: unknown; error?: string };
    if (error !== undefined) throw new Error(error);
    return done;
  };
  const statement = (one: Asked): D1PreparedStatement => {
    const made = {
      bind: (...values: unknown[]) => statement({ ...one, values: values.map(sentAs) }),
      all: () => ask("all", [one]),
      run: () => ask("run", [one]),
      first: () => ask("first", [one]),
    };
    asked.set(made, one);
    return made as unknown as D1PreparedStatement;
  };
  return {
    prepare: (sql: string) => statement({ sql, values: [] }),
    batch: (all: D1PreparedStatement[]) =>
      ask(
        "batch",
        all.map((one) => asked.get(one) ?? { sql: "", values: [] }),
      ),
  } as unknown as D1Database;
}

const sentAs = (value: unknown) =>
  value instanceof Uint8Array ? { blob: Buffer.from(value).toString("base64") } : value;
