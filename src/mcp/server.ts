// An MCP server over a typed client: the tools of tools.ts by the official SDK. Whoever opens it connects a transport.
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import type { z } from "zod";
import { type WeirClient, WeirError } from "../client/client.ts";
import { TOOLS } from "./tools.ts";

const INFO = { name: "weir", title: "Weir", version: "0.1.0" };
const ABOUT =
  "Weir watches object stores and keeps what its pipelines find in each object: spans of films, pictures, texts. Ask a collection with search_collection; get_status lists the collections.";

/** A tool as the SDK takes any of them: its input is checked by its shape before it runs. */
interface AnyTool {
  title: string;
  description: string;
  input: z.ZodRawShape;
  run(weir: WeirClient, input: object): Promise<unknown>;
}

/** Opens a server whose tools read through this client. */
export function openMcpServer(weir: WeirClient): McpServer {
  const server = new McpServer(INFO, { instructions: ABOUT });
  for (const [name, tool] of Object.entries(TOOLS)) {
    const { title, description, input, run } = tool as unknown as AnyTool;
    const annotations = { readOnlyHint: true, openWorldHint: false };
    server.registerTool(
      name,
      { title, description, inputSchema: input, annotations },
      async (given: object) =>
        run(weir, given).then(
          (answer) => textOf(answer),
          (error: unknown) => ({ ...textOf(failureOf(error)), isError: true }),
        ),
    );
  }
  return server;
}

const textOf = (value: unknown) => ({ content: [{ type: "text" as const, text: JSON.stringify(value) }] });

/** A refusal as a model can act on it. */
function failureOf(error: unknown) {
  if (!(error instanceof WeirError)) return { detail: `Weir did not answer: ${String(error).slice(0, 300)}` };
  const { status, problem, retryAfter } = error;
  const { detail, where, expected, next } = problem ?? { detail: error.message };
  return { status, detail, where, expected, next, retry_after_seconds: retryAfter };
}
