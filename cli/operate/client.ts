// Client of Weir's HTTP API for the commands: JSON in and out, at the URL and with the key that
// cli/settings/settings.ts finds. A refused request becomes a CliError with an exit code.

import type { z } from "@hono/zod-openapi";
import type * as operate from "../../src/http/operate/answers.ts";
import type * as answers from "../../src/http/read/answers.ts";
import type * as versionAnswers from "../../src/http/read/version-answers.ts";
import { fetchNamed } from "../../src/shapes/user-agent.ts";
import { CliError, type ExitCode } from "../io/output.ts";
import { type EndpointFlags, isLocal, settingsOf, unreachable } from "../settings/settings.ts";

export type Replay = z.infer<typeof operate.replayAnswerSchema>;
export type DeadLetter = z.infer<typeof answers.deadLetterSchema>;
export type DeadLetterInFull = z.infer<typeof answers.deadLetterInFullSchema>;
export type Cause = z.infer<typeof answers.causeSchema>;
export type Run = z.infer<typeof answers.runSchema>;
export type RunInFull = z.infer<typeof answers.runWithHistorySchema>;
export type Paused = z.infer<typeof operate.pausedSchema>;
export type Version = z.infer<typeof versionAnswers.versionSchema>;
export type Item = z.infer<typeof answers.itemSchema>;
export type Lineage = z.infer<typeof answers.lineageSchema>;
export type EventAnswer = z.infer<typeof answers.eventAnswerSchema>;
export type Rejection = z.infer<typeof answers.rejectionSchema>;
export type DeployedPipeline = z.infer<typeof answers.pipelineSchema>;

export interface Client {
  get<T>(path: string): Promise<T>;
  post<T>(path: string, body?: object, idempotencyKey?: string): Promise<T>;
  /** Reads a list, page by page, up to `limit` rows. */
  list<T>(path: string, limit: number): Promise<T[]>;
}

/** Opens the Weir that flags and settings name. @throws CliError (exit code 3) where no key is found */
export function openClient(root: string, reach: EndpointFlags): Client {
  const { url, key: found } = settingsOf(root, process.env, reach);
  const key = reach.key ?? found?.value;
  if (key !== undefined) return clientOf(url.value, key);
  const next = isLocal(url.value) ? "Start `weir dev` once, or set WEIR_API_KEY." : "Set WEIR_API_KEY.";
  throw new CliError(`There is no API key for ${url.value} (${url.from}). ${next}`, [], 3);
}

/** Opens the Weir at `url` with `key`. */
export function clientOf(url: string, key: string): Client {
  const request = async <T>(method: string, path: string, init: RequestInit = {}): Promise<T> => {
    const headers = { authorization: `Bearer ${key}`, ...(init.headers as Record<string, string>) };
    const response = await fetchNamed(url + path, { ...init, method, headers }).catch(() =>
      isLocal(url) ? unreachable(url) : failUnreachable(url),
    );
    if (!response.ok) throw await refusal(`${method} ${path.split("?")[0]}`, response);
    return (await response.json()) as T;
  };
  const client: Client = {
    get: (path) => request("GET", path),
    post: (path, body = {}, idempotencyKey) => {
      const headers = {
        "content-type": "application/json",
        ...(idempotencyKey !== undefined && { "idempotency-key": idempotencyKey }),
      };
      return request("POST", path, { headers, body: JSON.stringify(body) });
    },
    async list<T>(path: string, limit: number) {
      const rows: T[] = [];
      for (let cursor: string | undefined; ; ) {
        const query = new URLSearchParams({ limit: String(Math.min(200, limit - rows.length)) });
        if (cursor !== undefined) query.set("cursor", cursor);
        const separator = path.includes("?") ? "&" : "?";
        const page = await client.get<{ data: T[]; next?: string }>(`${path}${separator}${query}`);
        rows.push(...page.data);
        cursor = page.next;
        if (cursor === undefined || rows.length >= limit) return rows;
      }
    },
  };
  return client;
}

/** API path of a collection's items. */
export const itemsPath = (collection: string) => `/v1/collections/${encodeURIComponent(collection)}/items`;

function failUnreachable(url: string): never {
  throw new CliError(`Nothing answers at ${url}. Check the URL, and that Weir is deployed there.`);
}

const EXIT_CODES: Record<number, ExitCode> = { 400: 2, 401: 3, 404: 4, 422: 2 };
/** Type of the 403 for a key without the scope, as opposed to a 403 of a handler. */
const MISSING_SCOPE = "urn:weir:problem:missing_scope";

/** Turns a refused request into an error with an exit code; its problem (RFC 9457) becomes one line. */
export async function refusal(request: string, response: Response): Promise<CliError> {
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.includes("json");
  const refused: { type?: string; detail?: string; expected?: string; next?: string } = isJson
    ? JSON.parse(text)
    : {};
  const more = [refused.expected && `expected ${refused.expected}`, refused.next].filter(Boolean).join("; ");
  const detail = refused.detail ?? text.slice(0, 300);
  const message = `${request}: ${response.status} ${detail}${more === "" ? "" : ` (${more})`}`;
  return new CliError(message, [], refused.type === MISSING_SCOPE ? 3 : (EXIT_CODES[response.status] ?? 1));
}
