// The typed client without a network: what it sends, what it gives, how it fails; and that it is made of every route.
import { expect, test } from "vitest";
import { clientText } from "../../cli/generate/client.ts";
import { WeirClient, WeirError } from "../../src/client/client.ts";
import { apiDocument } from "../../src/http/document.ts";

interface Sent {
  url: string;
  init: RequestInit;
}

/** A client whose calls are answered by the function, and what was sent. */
function clientAnswering(answer: (url: URL) => Response) {
  const sent: Sent[] = [];
  const fetched = async (input: string | URL | Request, init: RequestInit = {}) => {
    sent.push({ url: String(input), init });
    return answer(new URL(String(input)));
  };
  return { sent, weir: new WeirClient({ url: "https://weir.test/", key: "k", fetch: fetched }) };
}

test("each operation has a name of its own, and a method", () => {
  const document = apiDocument();
  const operations = Object.values(document.paths ?? {}).flatMap((path) =>
    Object.values(path as Record<string, { operationId: string }>).map(({ operationId }) => operationId),
  );
  expect(operations.length).toBeGreaterThan(30);
  expect(new Set(operations).size).toBe(operations.length);
  const text = clientText();
  for (const name of operations) {
    expect(name).toMatch(/^[a-z]\w+$/);
    expect(text).toContain(`  ${name}(`);
    expect(WeirClient.prototype).toHaveProperty(name);
  }
});

test("names in a path are escaped, queries and bodies sent, the key shown", async () => {
  const { weir, sent } = clientAnswering(() => Response.json({ data: [] }));
  await weir.listItems("a/b c", { limit: 3, key: "x&y" });
  await weir.searchCollection("films", { text: "a red car" });
  await weir.createReplay({ select: { kind: "stale" } }, { idempotencyKey: "once" });
  expect(sent[0]?.url).toBe("https://weir.test/v1/collections/a%2Fb%20c/items?limit=3&key=x%26y");
  expect(sent[0]?.init.headers).toEqual({ authorization: "Bearer k" });
  expect(sent[1]).toMatchObject({ init: { method: "POST", body: '{"text":"a red car"}' } });
  expect(sent[2]?.init.headers).toMatchObject({ "idempotency-key": "once" });
});

test("a list is read page after page, as far as it is read", async () => {
  const pages: Record<string, object> = { null: { data: [1, 2], next: "a" }, a: { data: [3], next: "b" } };
  const { weir, sent } = clientAnswering((url) =>
    Response.json(pages[String(url.searchParams.get("cursor"))] ?? { data: [4] }),
  );
  const rows: unknown[] = [];
  for await (const run of weir.each((cursor) => weir.listRuns(cursor === undefined ? {} : { cursor }))) {
    rows.push(run);
    if (rows.length === 3) break;
  }
  expect(rows).toEqual([1, 2, 3]);
  expect(sent).toHaveLength(2);
});

test("a refusal is an error with its problem, and how long to wait", async () => {
  const problem = { type: "urn:weir:problem:unavailable", title: "unavailable", status: 503, detail: "cold" };
  const headers = { "content-type": "application/problem+json", "retry-after": "20" };
  const { weir } = clientAnswering(() => new Response(JSON.stringify(problem), { status: 503, headers }));
  const error = await weir.whoAmI().catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(WeirError);
  expect(error).toMatchObject({ status: 503, retryAfter: 20, problem });
  const other = clientAnswering(() => new Response("<html>", { status: 502 }));
  await expect(other.weir.whoAmI()).rejects.toMatchObject({ status: 502, problem: undefined });
});
