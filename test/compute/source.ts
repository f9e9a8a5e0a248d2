// A plain object server for tests: serves buffers by path with ranges and ETags, and counts what it sent.
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Source {
  /** What a compute server must be told to read it. */
  origin: string;
  /** Puts an object and returns the URL it is read at, with a signature that must not be repeated anywhere. */
  put(path: string, bytes: Uint8Array): string;
  /** Answers requests for a path in place of its object, from then on. */
  answer(path: string, handle: (request: IncomingMessage, response: ServerResponse) => void): string;
  /** Bytes and requests since the last `reset`. */
  sent: { bytes: number; requests: number };
  reset(): void;
  close(): Promise<void>;
}

export const SIGNATURE = "sig-5ecret";

export async function startSource(): Promise<Source> {
  const objects = new Map<string, { bytes: Uint8Array; etag: string }>();
  const handlers = new Map<string, (request: IncomingMessage, response: ServerResponse) => void>();
  const sent = { bytes: 0, requests: 0 };
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? "/", "http://source").pathname);
    sent.requests += 1;
    const handle = handlers.get(path);
    if (handle) return handle(request, response);
    const found = objects.get(path);
    if (!found) return response.writeHead(404).end();
    const { bytes: object, etag } = found;
    const match = request.headers["if-match"];
    if (match && match !== etag) return response.writeHead(412).end();
    if (request.headers["if-none-match"] === etag) return response.writeHead(304, { etag }).end();
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
    const [start, end] = [
      Number(range?.[1] ?? 0),
      Math.min(Number(range?.[2] ?? object.length) + 1, object.length),
    ];
    if (start >= object.length) {
      return response.writeHead(416, { "content-range": `bytes */${object.length}` }).end();
    }
    sent.bytes += end - start;
    const headers = { etag, "content-length": end - start };
    if (!range) return response.writeHead(200, headers).end(object);
    const of = `bytes ${start}-${end - 1}/${object.length}`;
    return response.writeHead(206, { ...headers, "content-range": of }).end(object.subarray(start, end));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const url = (path: string) => `http://127.0.0.1:${port}${encodeURI(path)}?X-Amz-Signature=${SIGNATURE}`;
  return {
    origin: `http://127.0.0.1:${port}`,
    put(path, bytes) {
      objects.set(path, { bytes, etag: `"${createHash("md5").update(bytes).digest("hex")}"` });
      return url(path);
    },
    answer(path, handle) {
      handlers.set(path, handle);
      return url(path);
    },
    sent,
    reset: () => Object.assign(sent, { bytes: 0, requests: 0 }),
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

// A benchmark has no settings of vitest's.
process.env.COMPUTE_TOKEN ??= "test-compute-token";

/** What every call of compute comes with. */
export const HEADERS = {
  "content-type": "application/json",
  authorization: `Bearer ${process.env.COMPUTE_TOKEN}`,
};

/** POSTs JSON; the answer's lines are parsed where it is NDJSON, else its one JSON value. */
export async function post(base: string, path: string, body: unknown) {
  const answer = await fetch(base + path, { method: "POST", headers: HEADERS, body: JSON.stringify(body) });
  const text = await answer.text();
  const lines = text.split("\n").filter(Boolean);
  return {
    status: answer.status,
    headers: answer.headers,
    text,
    lines: lines.map((line) => JSON.parse(line)),
  };
}
