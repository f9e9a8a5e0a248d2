// A stand-in for the Cloudflare API at the network's edge: as much of it as `weir deploy` and the real wrangler
// ask for, kept in memory, refusing what the real one refuses (a binding to what is not there, a secret that
// was never set). Not Cloudflare: it says nothing of what an account's limits or timings are.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
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
  close(): Promise<void>;
}

export const TOKEN = "stand-in-token-cf-5b1d";

/** Starts one on a free port. */
export async function standIn(): Promise<StandIn> {
  const account = new Account();
  const calls: Call[] = [];
  const failures: { method: string; path: RegExp; message: string }[] = [];
  const server = createServer((request, response) => {
    void answer(request, response).catch((error: unknown) =>
      send(response, 500, failure(10013, String(error))),
    );
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://stand-in");
    const body = await formOrJson(request);
    const method = request.method ?? "GET";
    const path = url.pathname.replace(/^\/accounts\/[^/]+\//, "");
    const call: Call = { method, path, query: url.searchParams, body, what: "", changed: false };
    calls.push(call);
    if (request.headers.authorization !== `Bearer ${TOKEN}`) {
      return send(response, 403, failure(10000, "Authentication error"));
    }
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
      const page = Array.isArray(result)
        ? { page: 1, per_page: 1000, total_pages: 1, total_count: result.length, count: result.length }
        : undefined;
      send(response, 200, { success: true, errors: [], messages: [], result, result_info: page });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      send(response, error.status, failure(error.code, error.message));
    }
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    account,
    calls,
    changes: () => calls.filter((call) => call.changed).map((call) => call.what),
    failOnce: (method, path, message = "refused, as the test asked") =>
      void failures.push({ method, path, message }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const failure = (code: number, message: string) => ({
  success: false,
  errors: [{ code, message }],
  messages: [],
  result: null,
});

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
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
