// A hub on loopback with the paths, answers and headers of Hugging Face's: large files are redirected to a store that takes
// ranges, small ones are answered at once. It can be told to fail as hubs do.
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type RepositoryFiles, sha256 } from "./hub-models.ts";

export const COMMIT = "0123456789abcdef0123456789abcdef01234567";

export interface Repository {
  files: RepositoryFiles;
  licence?: string | undefined;
  /** Shown to whoever has this token alone. */
  token?: string;
}

export interface SeenRequest {
  host: "hub" | "store";
  path: string;
  range: string | undefined;
  authorization: string | undefined;
}

export interface Hub {
  url: string;
  repositories: Map<string, Repository>;
  seen: SeenRequest[];
  /** Bytes after which each answer of the store is cut off; undefined: none is. */
  cutAfter: number | undefined;
  /** Files that the store gives with their last byte changed. */
  damaged: Set<string>;
  close(): Promise<void>;
}

const isLarge = (path: string) =>
  path.endsWith(".onnx") || path.endsWith("_data") || path === "tokenizer.json";
const gitHash = (bytes: Uint8Array) =>
  createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");

export async function startHub(): Promise<Hub> {
  const store = createServer((request, response) => giveBlob(hub, request, response));
  const storeUrl = await listening(store);
  const server = createServer((request, response) => answer(hub, storeUrl, request, response));
  const hub: Hub = {
    url: await listening(server),
    repositories: new Map(),
    seen: [],
    cutAfter: undefined,
    damaged: new Set(),
    async close() {
      for (const one of [server, store]) {
        one.closeAllConnections();
        one.close();
        await once(one, "close");
      }
    },
  };
  return hub;
}

async function listening(server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const seenOf = (host: "hub" | "store", { url = "", headers }: IncomingMessage): SeenRequest => ({
  host,
  path: url,
  range: headers.range,
  authorization: headers.authorization,
});

function answer(hub: Hub, storeUrl: string, request: IncomingMessage, response: ServerResponse): void {
  hub.seen.push(seenOf("hub", request));
  const { pathname, searchParams } = new URL(request.url ?? "", hub.url);
  const [, listed, revision] = /^\/api\/models\/([^/]+\/[^/]+)\/revision\/(.+)$/.exec(pathname) ?? [];
  const [, resolved, commit, path] = /^\/([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(pathname) ?? [];
  const repository = hub.repositories.get(listed ?? resolved ?? "");
  const refuse = (status: number) => response.writeHead(status).end(JSON.stringify({ error: "refused" }));
  // As the real one: who may not see a repository is not told whether there is one.
  if (!repository) return void refuse(401);
  if (repository.token !== undefined && request.headers.authorization !== `Bearer ${repository.token}`)
    return void refuse(request.headers.authorization ? 403 : 401);
  if (listed) {
    if (revision !== "main" && revision !== COMMIT) return void refuse(404);
    return void response.end(JSON.stringify(infoOf(listed, repository, searchParams.has("blobs"))));
  }
  const bytes = repository.files[decodeURIComponent(path ?? "")];
  if (!bytes || commit !== COMMIT) return void refuse(404);
  const headers: Record<string, string> = { "x-repo-commit": COMMIT };
  if (!isLarge(path ?? ""))
    return void response.writeHead(200, { ...headers, etag: `"${gitHash(bytes)}"` }).end(bytes);
  headers["x-linked-size"] = String(bytes.length);
  headers["x-linked-etag"] = `"${sha256(bytes)}"`;
  headers.location = `${storeUrl}/blobs/${sha256(bytes)}?name=${encodeURIComponent(path ?? "")}`;
  response.writeHead(302, headers).end();
}

const infoOf = (id: string, { files, licence }: Repository, blobs: boolean) => ({
  id,
  sha: COMMIT,
  gated: false,
  tags: ["onnx", ...(licence ? [`license:${licence}`] : [])],
  ...(licence && { cardData: { license: licence } }),
  siblings: Object.entries(files).map(([rfilename, bytes]) => ({
    rfilename,
    ...(blobs && {
      size: bytes.length,
      blobId: gitHash(bytes),
      ...(isLarge(rfilename) && { lfs: { size: bytes.length, sha256: sha256(bytes), pointerSize: 130 } }),
    }),
  })),
});

function giveBlob(hub: Hub, request: IncomingMessage, response: ServerResponse): void {
  hub.seen.push(seenOf("store", request));
  const url = new URL(request.url ?? "", "http://store");
  const name = url.searchParams.get("name") ?? "";
  const blob = [...hub.repositories.values()]
    .flatMap(({ files }) => Object.values(files))
    .find((bytes) => url.pathname === `/blobs/${sha256(bytes)}`);
  if (!blob) return void response.writeHead(404).end();
  const whole = Uint8Array.from(blob);
  if (hub.damaged.has(name)) whole[whole.length - 1] = (whole.at(-1) ?? 0) ^ 255;
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
  const part = whole.subarray(from);
  const headers = {
    "content-length": part.length,
    "content-range": `bytes ${from}-${whole.length - 1}/${whole.length}`,
  };
  response.writeHead(request.headers.range ? 206 : 200, headers);
  if (hub.cutAfter === undefined || part.length <= hub.cutAfter) return void response.end(part);
  response.write(part.subarray(0, hub.cutAfter), () => response.destroy());
}
