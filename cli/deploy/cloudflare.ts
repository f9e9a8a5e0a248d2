// Client of the Cloudflare API, which only reads: wrangler.ts makes every change. It reads what wrangler does not print
// as data, and takes account and token from the same variables as wrangler.
import { spawnSync } from "node:child_process";
import { z } from "zod";
import { CliError } from "../io/output.ts";
import { WRANGLER } from "../project/project.ts";

export interface Cloudflare {
  account: string;
  token: string;
  /** Reads a path below the account and checks the answer; undefined for a 404. */
  get<T>(path: string, result: z.ZodType<T>): Promise<T | undefined>;
  /** Reads every page of a list. */
  list<T>(path: string, entry: z.ZodType<T>): Promise<T[]>;
  /** Runs a SELECT on a D1 database; undefined where the table does not exist. */
  select<T>(database: string, sql: string, row: z.ZodType<T>): Promise<T[] | undefined>;
}

const envelope = z.object({
  success: z.boolean(),
  errors: z.array(z.object({ code: z.number(), message: z.string() })).default([]),
  result: z.unknown(),
  result_info: z.object({ page: z.number().optional(), total_pages: z.number().optional() }).nullish(),
});
type Answer = z.infer<typeof envelope> & { status: number };

const REFUSED = new Set([9109, 10000, 10001]);

/** Opens the account that CLOUDFLARE_ACCOUNT_ID names, or the only account of the token. @throws CliError */
export async function openCloudflare(env: NodeJS.ProcessEnv, cwd: string): Promise<Cloudflare> {
  const base = env.CLOUDFLARE_API_BASE_URL ?? "https://api.cloudflare.com/client/v4";
  const token = env.CLOUDFLARE_API_TOKEN ?? tokenOfWrangler(env, cwd);
  const ask = async (path: string, init: RequestInit = {}): Promise<Answer> => {
    const response = await fetch(base + path, {
      ...init,
      headers: { ...init.headers, authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(30_000),
    }).catch((error: Error) => {
      throw new CliError(`The Cloudflare API cannot be reached at ${new URL(base).host}: ${error.message}.`);
    });
    const parsed = envelope.safeParse(await response.json().catch(() => undefined));
    if (!parsed.success) {
      throw new CliError(
        `The Cloudflare API answered HTTP ${response.status} to ${path}, in an unknown form.`,
      );
    }
    const { errors } = parsed.data;
    if (response.status === 401 || errors.some(({ code }) => REFUSED.has(code))) throw notAuthenticated(path);
    return { ...parsed.data, status: response.status };
  };
  const failureOf = (path: string, { status, errors }: Answer) => {
    const causes = errors.map(({ code, message }) => `${message} (${code})`).join("; ");
    return new CliError(`The Cloudflare API answered HTTP ${status} to ${path}: ${causes}.`);
  };

  const account = env.CLOUDFLARE_ACCOUNT_ID ?? (await onlyAccount(ask));
  const below = `/accounts/${account}/`;
  const get: Cloudflare["get"] = async (path, result) => {
    const answer = await ask(below + path);
    if (answer.status === 404) return undefined;
    if (!answer.success) throw failureOf(path, answer);
    return result.parse(answer.result);
  };
  return {
    account,
    token,
    get,
    async list(path, entry) {
      const all = [];
      for (let page = 1; ; page++) {
        const answer = await ask(`${below}${path}${path.includes("?") ? "&" : "?"}per_page=100&page=${page}`);
        if (!answer.success) throw failureOf(path, answer);
        all.push(...z.array(entry).parse(answer.result));
        if (page >= (answer.result_info?.total_pages ?? 1)) return all;
      }
    },
    async select(database, sql, row) {
      const answer = await ask(`${below}d1/database/${database}/query`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ sql }),
      });
      if (answer.errors.some(({ message }) => message.includes("no such table"))) return undefined;
      if (!answer.success) throw failureOf(`d1/database/${database}/query`, answer);
      return z.array(z.object({ results: z.array(row) })).parse(answer.result)[0]?.results ?? [];
    },
  };
}

async function onlyAccount(ask: (path: string) => Promise<Answer>): Promise<string> {
  const { result } = await ask("/accounts?per_page=50");
  const accounts = z
    .array(z.object({ id: z.string(), name: z.string() }))
    .catch([])
    .parse(result);
  const [only] = accounts;
  if (only && accounts.length === 1) return only.id;
  const names = accounts.map(({ id, name }) => `${id} (${name})`).join(", ");
  throw new CliError(
    accounts.length === 0
      ? "The token reaches no account. Set CLOUDFLARE_ACCOUNT_ID."
      : `The token reaches several accounts. Set CLOUDFLARE_ACCOUNT_ID to one of ${names}.`,
    [],
    accounts.length === 0 ? 3 : 2,
  );
}

/** Reads the token that `wrangler login` stored. @throws CliError (exit code 3) */
function tokenOfWrangler(env: NodeJS.ProcessEnv, cwd: string): string {
  const { status, stdout } = spawnSync(process.execPath, [WRANGLER, "auth", "token", "--json"], {
    cwd,
    env: { ...env, WRANGLER_HIDE_BANNER: "true", CI: "true" },
    encoding: "utf8",
  });
  const parsed = status === 0 ? tokenSchema.safeParse(JSON.parse(stdout)) : undefined;
  if (parsed?.success) return parsed.data.token;
  throw new CliError(
    "There is no Cloudflare login. Set CLOUDFLARE_API_TOKEN, or run `npx wrangler login`.",
    [],
    3,
  );
}
const tokenSchema = z.object({ token: z.string().min(1) });

const notAuthenticated = (path: string) =>
  new CliError(
    `The Cloudflare API does not accept the token for ${path}. It needs the permissions Workers Scripts, Queues, D1 and ` +
      "R2 (edit), and Account Settings (read).",
    [],
    3,
  );
