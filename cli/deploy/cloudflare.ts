// Client of the Cloudflare API, which only reads: wrangler.ts makes every change. It reads what wrangler does not print
// as data, at the pace that the API allows (pace.ts), and takes account and token from the same variables as wrangler.
import { spawnSync } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { USER_AGENT } from "../../src/shapes/user-agent.ts";
import { CliError } from "../io/output.ts";
import { WRANGLER } from "../project/project.ts";
import { type Pace, paceOf } from "./pace.ts";
import { ALL_RIGHTS, rightFor } from "./rights.ts";

export interface Cloudflare {
  account: string;
  token: string;
  pace: Pace;
  /** Reads a path below the account and checks the answer; undefined for a 404. */
  get<T>(path: string, result: z.ZodType<T>): Promise<T | undefined>;
  /** Reads every page of a list. */
  list<T>(path: string, entry: z.ZodType<T>): Promise<T[]>;
  /** Runs a SELECT on a D1 database; undefined where the table does not exist. */
  select<T>(database: string, sql: string, row: z.ZodType<T>): Promise<T[] | undefined>;
  /** Asks by POST for what changes nothing. */
  ask(path: string, body: object): Promise<void>;
}

const envelope = z.object({
  success: z.boolean(),
  errors: z.array(z.object({ code: z.number(), message: z.string() })).default([]),
  result: z.unknown(),
  result_info: z.object({ total_count: z.number().optional(), total_pages: z.number().optional() }).nullish(),
});
type Answer = z.infer<typeof envelope> & { status: number };

/** The token is none, or no longer one. */
const NOT_A_TOKEN = new Set([9109, 10001, 6003]);
const PAGE_ENTRIES = 100;
const MAX_TRIES = 5;
const MAX_REST_SECONDS = 300;

type Ask = (path: string, below?: string, init?: RequestInit) => Promise<Answer>;

/** How the API at `base` is asked: patiently, with what it refuses made into an error. */
function askerOf(base: string, token: string, pace: Pace): Ask {
  const request = (path: string, init: RequestInit) =>
    fetch(base + path, {
      ...init,
      headers: { ...init.headers, authorization: `Bearer ${token}`, "user-agent": USER_AGENT },
      signal: AbortSignal.timeout(30_000),
    }).catch((error: Error) => error);
  /** Asks until it is answered: after the pause that the API asks for, or a short one where it has failed. */
  const patiently = async (path: string, init: RequestInit): Promise<Response> => {
    for (let tries = 1; ; tries++) {
      const response = await pace.call(() => request(path, init));
      if (response instanceof Error || response.status >= 500) {
        if (tries < 3) await delay(500 * 2 ** tries);
        else if (response instanceof Error)
          throw new CliError(
            `The Cloudflare API cannot be reached at ${new URL(base).host}: ${response.message}.`,
          );
        else return response;
      } else {
        if (response.status !== 429 || tries >= MAX_TRIES) return response;
        const seconds = Number(response.headers.get("retry-after") ?? 5);
        pace.rest(1000 * Math.min(MAX_REST_SECONDS, Number.isFinite(seconds) ? seconds : MAX_REST_SECONDS));
      }
    }
  };
  return async (path, below = "", init = {}) => {
    const response = await patiently(below + path, init);
    const parsed = envelope.safeParse(await response.json().catch(() => undefined));
    if (!parsed.success) {
      throw new CliError(
        `The Cloudflare API answered HTTP ${response.status} to ${path}, in an unknown form.`,
      );
    }
    const { errors } = parsed.data;
    const isRefused = response.status === 401 || errors.some(({ code }) => NOT_A_TOKEN.has(code));
    if (isRefused || response.status === 403) throw notAuthenticated(path, isRefused || below === "");
    return { ...parsed.data, status: response.status };
  };
}

const failureOf = (path: string, { status, errors }: Answer) => {
  const causes = errors.map(({ code, message }) => `${message} (${code})`).join("; ");
  return new CliError(`The Cloudflare API answered HTTP ${status} to ${path}: ${causes}.`);
};

/** Opens the account that CLOUDFLARE_ACCOUNT_ID names, or the only account of the token. @throws CliError */
export async function openCloudflare(
  env: NodeJS.ProcessEnv,
  cwd: string,
  pace: Pace = paceOf(),
): Promise<Cloudflare> {
  const base = env.CLOUDFLARE_API_BASE_URL ?? "https://api.cloudflare.com/client/v4";
  const token = env.CLOUDFLARE_API_TOKEN ?? tokenOfWrangler(env, cwd);
  const ask = askerOf(base, token, pace);
  const account = env.CLOUDFLARE_ACCOUNT_ID ?? (await onlyAccount(ask));
  const below = `/accounts/${account}/`;
  const get: Cloudflare["get"] = async (path, result) => {
    const answer = await ask(path, below);
    if (answer.status === 404) return undefined;
    if (!answer.success) throw failureOf(path, answer);
    return result.parse(answer.result);
  };
  const post = async (path: string, body: object): Promise<Answer> =>
    ask(path, below, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  return {
    account,
    token,
    pace,
    get,
    async ask(path, body) {
      const answer = await post(path, body);
      if (!answer.success) throw failureOf(path, answer);
    },
    async list(path, entry) {
      const all = [];
      for (let page = 1; ; page++) {
        const answer = await ask(
          `${path}${path.includes("?") ? "&" : "?"}per_page=${PAGE_ENTRIES}&page=${page}`,
          below,
        );
        if (!answer.success) throw failureOf(path, answer);
        const entries = z.array(entry).parse(answer.result);
        all.push(...entries);
        // Some lists say how many there are, some how many pages; one that says neither is whole.
        const { total_count = 0, total_pages = 1 } = answer.result_info ?? {};
        if (entries.length === 0 || (all.length >= total_count && page >= total_pages)) return all;
      }
    },
    async select(database, sql, row) {
      const path = `d1/database/${database}/query`;
      const answer = await post(path, { sql });
      if (answer.errors.some(({ message }) => message.includes("no such table"))) return undefined;
      if (!answer.success) throw failureOf(path, answer);
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

/** `isWhole`: not a right is missing, but the token is refused. */
const notAuthenticated = (path: string, isWhole: boolean) =>
  new CliError(
    isWhole
      ? `The Cloudflare API does not accept the token. A deploy needs one with the rights ${ALL_RIGHTS}.`
      : `The token may not use ${path}: it lacks the right "${rightFor(path)}", or does not reach the account. ` +
          `A deploy needs the rights ${ALL_RIGHTS}.`,
    [],
    3,
  );
