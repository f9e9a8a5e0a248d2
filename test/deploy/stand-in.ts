// A stand-in for the Cloudflare API at the network's edge: as much of it as `weir deploy` and the real wrangler
// ask for, kept in memory, refusing what the real one refuses (a binding to what is not there, a secret that
// was never set). Not Cloudflare: it says nothing of what an account's limits or timings are.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { rightFor } from "../../cli/deploy/rights.ts";
import { differences, PUBLISHED } from "./published.ts";
import { Account } from "./stand-in-account.ts";
import { type Call, Refusal } from "./stand-in-shapes.ts";

export interface StandIn {
  /** For CLOUDFLARE_API_BASE_URL. */
  url: string;
  account: Account;
  /** Every call that changed something, in order: `POST queues weir-events`. */
  changes(): string[];
  calls: Call[];
  /** The next call whose path, a line's end and body match is refused, once, with a message that repeats what the test likes. */
  failOnce(method: string, path: RegExp, message?: string): void;
  /** So many calls are answered, then every one 429 until `retry-after` has passed. */
  limitAfter(calls: number, retryAfterSeconds: number): void;
  /** Rights that the token has not: `Containers: Edit`. A call that needs one is answered 403. */
  readonly lacking: Set<string>;
  /** The most calls that were under way at once. */
  mostAtOnce: number;
  /** In what the answers so far differ from Cloudflare's published API. */
  readonly imagined: Set<string>;
  close(): Promise<void>;
}

export const TOKEN = "stand-in-token-cf-5b1d";

/** Starts one on a free port. */
export async function standIn(): Promise<StandIn> {
  const account = new Account();
  const calls: Call[] = [];
  const lacking = new Set<string>();
  const imagined = new Set<string>();
  const limit = { left: Number.POSITIVE_INFINITY, seconds: 0, until: 0 };
  let underWay = 0;
  const told = { mostAtOnce: 0 };
  const failures: { method: string; path: RegExp; message: string }[] = [];
  const server = createServer((request, response) => {
    told.mostAtOnce = Math.max(told.mostAtOnce, ++underWay);
    void answer(request, response)
      .catch((error: unknown) => send(response, 500, failure(10013, String(error))))
      .finally(() => underWay--);
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://stand-in");
    const body = await formOrJson(request);
    const method = request.method ?? "GET";
    const path = url.pathname.replace(/^\/accounts\/[^/]+\//, "");
    const call: Call = { method, path, query: url.searchParams, body, what: "", changed: false };
    calls.push(call);
    // As far away as the network is: calls that are made at once are under way at once.
    await new Promise((resolve) => setTimeout(resolve, 3));
    if (request.headers.authorization !== `Bearer ${TOKEN}`) {
      return send(response, 401, failure(10000, "Authentication error"));
    }
    if (limit.left-- <= 0) {
      limit.until ||= Date.now() + limit.seconds * 1000;
      if (Date.now() < limit.until) {
        const after = { "retry-after": String(Math.ceil((limit.until - Date.now()) / 1000)) };
        return send(response, 429, failure(10429, "Too many requests"), after);
      }
      Object.assign(limit, { left: Number.POSITIVE_INFINITY, until: 0 });
    }
    if (path !== url.pathname && lacking.has(rightFor(path)))
      return send(response, 403, failure(10000, "Authentication error"));
    const due = failures.findIndex(
      (it) => it.method === method && it.path.test(`${path}\n${JSON.stringify(body)}`),
    );
    if (due >= 0) {
      const [refused] = failures.splice(due, 1);
      return send(response, 400, failure(10013, refused?.message ?? ""));
    }
    try {
      const result = await account.answer(call);
      if (result === undefined)
        return send(response, 404, failure(7003, `the stand-in has no ${method} ${path}`));
      const known = PUBLISHED.find((it) => it.call.test(`${method} ${path}`));
      for (const it of known ? differences(result, known.result) : [])
        imagined.add(`${method} ${path}: ${it}`);
      send(response, 200, { success: true, errors: [], messages: [], ...paged(result, url, known?.pages) });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      send(response, error.status, failure(error.code, error.message));
    }
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return Object.assign(told, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    account,
    calls,
    lacking,
    imagined,
    limitAfter: (left: number, seconds: number) => void Object.assign(limit, { left, seconds, until: 0 }),
    changes: () => calls.filter((call) => call.changed).map((call) => call.what),
    failOnce: (method: string, path: RegExp, message = "refused, as the test asked") =>
      void failures.push({ method, path, message }),
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}

const MAX_PAGE_ENTRIES = 100;
const DEFAULT_PAGE_ENTRIES = 20;

/** A list as the API divides it. Where that is not published, it is whole. */
function paged(result: unknown, { searchParams }: URL, pages: "counted" | "whole" | undefined): object {
  if (!Array.isArray(result) || pages !== "counted") return { result };
  const page = Number(searchParams.get("page") ?? 1);
  const per_page = Math.min(MAX_PAGE_ENTRIES, Number(searchParams.get("per_page") ?? DEFAULT_PAGE_ENTRIES));
  const part = result.slice((page - 1) * per_page, page * per_page);
  return { result: part, result_info: { page, per_page, count: part.length, total_count: result.length } };
}

const failure = (code: number, message: string) => ({
  success: false,
  errors: [{ code, message }],
  messages: [],
  result: null,
});

function send(response: ServerResponse, status: number, body: object, headers = {}): void {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
}

/** A Worker's upload is a form whose `metadata` is JSON; everything else is JSON. */
async function formOrJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const bytes = Buffer.concat(chunks);
  const type = request.headers["content-type"] ?? "";
  if (bytes.length === 0) return undefined;
  if (!type.startsWith("multipart/form-data")) return JSON.parse(bytes.toString("utf8"));
  const form = await new Response(new Uint8Array(bytes), { headers: { "content-type": type } }).formData();
  const part = form.get("metadata") ?? form.get("settings");
  return JSON.parse(typeof part === "string" ? part : await (part as Blob).text());
}
