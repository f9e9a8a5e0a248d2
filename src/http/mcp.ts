// MCP over HTTP, at /mcp: each request by itself, without a session, with an API key that may read. Its tools ask the
// routes of this very router with that key, so that the gate judges each of them too.
import { WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js";
import type { Context } from "hono";
import { WeirClient } from "../client/client.ts";
import { openMcpServer } from "../mcp/server.ts";
import type { RouterApp } from "./router-app.ts";

/** Answers one message of a client. */
export async function answerMcp(app: RouterApp, c: Context<{ Bindings: object }>): Promise<Response> {
  const weir = new WeirClient({
    url: new URL(c.req.url).origin,
    key: (c.req.header("authorization") ?? "").replace(/^Bearer /i, ""),
    fetch: async (input, init) => app.fetch(new Request(input, init), c.env, c.executionCtx),
  });
  const server = openMcpServer(weir);
  const transport = new WebStandardStreamableHTTPServerTransport({ enableJsonResponse: true });
  await server.connect(transport);
  try {
    return await transport.handleRequest(c.req.raw, { parsedBody: await c.req.json() });
  } finally {
    await server.close();
  }
}
