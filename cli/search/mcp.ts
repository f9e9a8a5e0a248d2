// Command `weir mcp`: the MCP server of src/mcp over this process's stdin and stdout. Nothing else may be printed there.
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { openMcpServer } from "../../src/mcp/server.ts";
import { untilInterrupted } from "../io/interrupt.ts";
import { note } from "../io/output.ts";
import { openApi } from "../operate/client.ts";
import type { EndpointFlags } from "../settings/settings.ts";

/** Serves until stdin ends or Ctrl-C. @throws CliError where no key is found */
export async function serveMcp(root: string, flags: EndpointFlags): Promise<void> {
  const server = openMcpServer(openApi(root, flags));
  await untilInterrupted(async (interrupted) => {
    const ended = new Promise<void>((resolve) => {
      process.stdin.once("end", resolve);
      server.server.onclose = resolve;
    });
    await server.connect(new StdioServerTransport());
    note("Weir's MCP server listens on stdin.");
    await Promise.race([ended, interrupted]);
    await server.close();
  });
}
