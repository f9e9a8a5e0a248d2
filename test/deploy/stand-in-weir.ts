// A stand-in for the router that a deploy has put into the stand-in account, which runs no Workers: it serves the
// versions that the account's pipelines have, and what the test says is stored. Nothing else of Weir is here.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Account } from "./stand-in-account.ts";

export interface StandInWeir {
  /** Not a loopback name, since no deployed router has one; the same machine nevertheless. */
  url: string;
  /** What is stored: for each pipeline, objects and items by version. */
  stored: Map<string, Record<string, { objects: number; items: number }>>;
  /** Vectors of each collection, as its index counts them. */
  vectors: Map<string, { model: string; definition: string; vectors: number }[]>;
  /** Bodies of the replays that were asked for. */
  replays: unknown[];
  /** Whether it refuses to replay. */
  broken: boolean;
  /** Whether every connection to it is cut. */
  away: boolean;
  close(): Promise<void>;
}

export async function standInWeir(account: Account, key: string): Promise<StandInWeir> {
  const weir: Omit<StandInWeir, "url" | "close"> = {
    stored: new Map(),
    vectors: new Map(),
    replays: [],
    broken: false,
    away: false,
  };
  const versions = () =>
    [...account.scripts].flatMap(([name, script]) => {
      const version = script.active.bindings.find((it) => it.name === "WEIR_VERSION")?.text;
      return version === undefined ? [] : [{ alias: name.replace(/^weir-/, ""), version }];
    });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (weir.away) return void request.socket.destroy();
    const [path = ""] = (request.url ?? "").split("?");
    if (request.headers.authorization !== `Bearer ${key}`)
      return send(response, 401, { detail: "not the key" });
    if (request.method === "GET" && path === "/v1/pipelines")
      return send(response, 200, { data: versions() });
    const [, alias] = /^\/v1\/pipelines\/([^/]+)\/versions$/.exec(path) ?? [];
    if (alias !== undefined) {
      const data = Object.entries(weir.stored.get(alias) ?? {}).map(([version, made]) => ({
        version,
        ...made,
      }));
      return send(response, 200, { data });
    }
    const [, collection] = /^\/v1\/collections\/([^/]+)\/search$/.exec(path) ?? [];
    if (request.method === "POST" && collection !== undefined)
      return send(response, 200, { hits: [], explain: { spaces: weir.vectors.get(collection) ?? [] } });
    if (request.method === "POST" && path === "/v1/replays") {
      if (weir.broken) return send(response, 503, { detail: "out of order" });
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      weir.replays.push(JSON.parse(Buffer.concat(chunks).toString("utf8")));
      return send(response, 202, { id: `rpl_${weir.replays.length}`, status: "active" });
    }
    send(response, 404, { detail: `the stand-in has no ${request.method} ${path}` });
  }

  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, resolve));
  return Object.assign(weir, {
    url: `http://0.0.0.0:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
