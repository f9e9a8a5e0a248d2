// What an S3 store's refusals mean to a run: busy is waited out, as long as it says; broken is tried again.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { surroundings } from "../../src/env.ts";
import { s3Source } from "../../src/source/s3.ts";

let server: Server;
let answer: { status: number; headers?: Record<string, string> };
let endpoint: string;
beforeAll(async () => {
  server = createServer((_, response) => response.writeHead(answer.status, answer.headers).end());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());

test.each([
  [429, { "retry-after": "7" }, { kind: "overloaded", retry_after_seconds: 7 }],
  [503, {}, { kind: "overloaded" }],
  [503, { "retry-after": "999999" }, { kind: "overloaded", retry_after_seconds: 3600 }],
  [500, { "retry-after": "7" }, { kind: "unavailable" }],
  [403, {}, { kind: "source_refused" }],
])("%i %j", async (status, headers, failure) => {
  answer = { status, headers: headers as Record<string, string> };
  const connection = {
    kind: "s3" as const,
    buckets: ["b"],
    region: "auto",
    endpoint,
    access_key_id: "ID",
    secret_access_key: "SECRET",
    events: [],
  };
  const source = s3Source(connection, surroundings({ ID: "id", SECRET: "secret" }));
  const refused = await source.observe("b", "k").catch((error: { failure: object }) => error.failure);
  expect(refused).toEqual({ ...failure, detail: expect.stringContaining("b/k"), ...rest(status) });
});

const rest = (status: number) =>
  status === 403 ? { expected: expect.any(String), next: expect.any(String) } : {};
