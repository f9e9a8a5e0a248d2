// Client of Weir's HTTP API for the commands: the typed client (src/client) at the URL and with the key that
// cli/settings/settings.ts finds. A refused request becomes a CliError with an exit code.

import type * as api from "../../src/client/client.ts";
import { type Call, WeirClient, WeirError } from "../../src/client/client.ts";
import { fetchNamed } from "../../src/shapes/user-agent.ts";
import { CliError, type ExitCode } from "../io/output.ts";
import { failToReach, reach } from "../settings/reach.ts";
import { type EndpointFlags, isLocal, settingsOf } from "../settings/settings.ts";

export type Replay = api.Replay;
export type DeadLetter = api.DeadLetter;
export type DeadLetterInFull = api.DeadLetterInFull;
export type Cause = api.Cause;
export type Run = api.Run;
export type RunInFull = api.RunWithHistory;
export type Paused = api.Paused;
export type Version = api.Version;
export type Item = api.Item;
export type Lineage = api.Lineage;
export type EventAnswer = api.Event;
export type Rejection = api.Rejection;
export type DeployedPipeline = api.Pipeline;

export interface Client {
  /** Calls an operation of the typed client: `call((weir) => weir.searchCollection(…))`. */
  call<T>(work: (weir: WeirClient) => Promise<T>): Promise<T>;
  get<T>(path: string): Promise<T>;
  post<T>(path: string, body?: object, idempotencyKey?: string): Promise<T>;
  /** Reads a list, page by page, up to `limit` rows. */
  list<T>(path: string, limit: number): Promise<T[]>;
}

/** Opens the Weir that flags and settings name. @throws CliError (exit code 3) where no key is found */
export function openClient(root: string, flags: EndpointFlags): Client {
  const { url, key } = addressOf(root, flags);
  return clientOf(url, key);
}

/** The typed client itself, whose errors are its own. @throws CliError (exit code 3) where no key is found */
export const openApi = (root: string, flags: EndpointFlags): WeirClient => apiOf(addressOf(root, flags));

/** The typed client for an answer that goes on: without a limit on its time. Refusals are those of the commands. */
export async function* streamOf<T>(
  root: string,
  flags: EndpointFlags,
  read: (weir: WeirClient) => AsyncGenerator<T>,
): AsyncGenerator<T> {
  const { url, key } = addressOf(root, flags);
  const send: typeof fetch = (input, init) =>
    fetchNamed(input, init).catch((error: unknown) => failToReach(url, error));
  try {
    yield* read(new WeirClient({ url, key, fetch: send }));
  } catch (error) {
    throw error instanceof WeirError ? refusalOf(error.call, error) : error;
  }
}

function addressOf(root: string, flags: EndpointFlags): { url: string; key: string } {
  const { url, key: found } = settingsOf(root, process.env, flags);
  const key = flags.apiKey ?? found?.value;
  if (key !== undefined) return { url: url.value, key };
  const next = isLocal(url.value) ? "Start `weir dev` once, or set WEIR_API_KEY." : "Set WEIR_API_KEY.";
  throw new CliError(`There is no API key for ${url.value} (${url.from}). ${next}`, [], 3);
}

const apiOf = ({ url, key }: { url: string; key: string }) =>
  new WeirClient({ url, key, fetch: (input, init) => reach(url, input, init) });

/** Opens the Weir at `url` with `key`. */
export function clientOf(url: string, key: string): Client {
  const api = apiOf({ url, key });
  const send = <T>(call: Call): Promise<T> =>
    api.send<T>(call).catch((error: unknown) => {
      throw error instanceof WeirError ? refusalOf(call, error) : error;
    });
  const client: Client = {
    call: (work) =>
      work(api).catch((error: unknown) => {
        throw error instanceof WeirError ? refusalOf(error.call, error) : error;
      }),
    get: (path) => send({ method: "GET", path }),
    post: (path, body = {}, idempotencyKey) =>
      send({ method: "POST", path, body, ...(idempotencyKey !== undefined && { idempotencyKey }) }),
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

const EXIT_CODES: Record<number, ExitCode> = { 400: 2, 401: 3, 404: 4, 422: 2 };
/** Type of the 403 for a key without the scope, as opposed to a 403 of a handler. */
const MISSING_SCOPE = "urn:weir:problem:missing_scope";

/** A refused request as an error with an exit code; its problem (RFC 9457) becomes one line. */
function refusalOf(
  { method, path }: Pick<Call, "method" | "path">,
  { status, problem, text }: WeirError,
): CliError {
  const more = [
    problem?.where && `at ${problem.where}`,
    problem?.expected && `expected ${problem.expected}`,
    problem?.next,
  ]
    .filter(Boolean)
    .join("; ");
  const detail = problem?.detail ?? text.slice(0, 300);
  const message = `${method} ${path.split("?")[0]}: ${status} ${detail}${more === "" ? "" : ` (${more})`}`;
  return new CliError(message, [], problem?.type === MISSING_SCOPE ? 3 : (EXIT_CODES[status] ?? 1));
}
