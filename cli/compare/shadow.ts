// Shadow: the pipeline of this tree as a Worker in a local workerd, beside a local compute server. It reads objects of
// a running Weir through a server in this process, so that the Worker never gets the API key.
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { stringify } from "smol-toml";
import { isSigningKey } from "../../src/shapes/bindings.ts";
import type { Job } from "../../src/shapes/job.ts";
import type { ShadowHits, ShadowQuestion, StoredBefore } from "../../workers/pipeline/shadow-search.ts";
import { readConfig } from "../deploy/wrangler-config.ts";
import { startNode } from "../io/children.ts";
import { CliError } from "../io/output.ts";
import { freePort } from "../io/ports.ts";
import { startCompute } from "../local/compute-server.ts";
import { CLOSED_DOORS } from "../local/running-commit.ts";
import { computeEnv } from "../local/stack-plan.ts";
import { waitUntilHealthy, wranglerEnv } from "../local/wrangler.ts";
import type { Client } from "../operate/client.ts";
import { type Pipeline, type Project, packageRoot, WRANGLER } from "../project/project.ts";
import type { SettingValues } from "../settings/dev-env.ts";
import type { ComparedItem } from "./items.ts";

/** Result of a run in the shadow. */
export type ShadowResult =
  | { status: "succeeded" | "skipped"; reason?: string; etag?: string; stored: ComparedItem[] }
  | { status: "failed"; failure: { kind: string; detail: string } };

type Answer =
  | {
      status: "succeeded" | "skipped";
      reason?: string;
      etag?: string;
      stored: {
        data: unknown;
        vectors: { path: string; model?: string; span?: { start: number; end: number }; float32: string }[];
      }[];
    }
  | { status: "failed"; failure: { kind: string; detail: string } };

export interface Shadow {
  run(job: Job): Promise<ShadowResult>;
  /** Brings a set as it was stored before to the shadow's index. */
  storeBefore(stored: StoredBefore): Promise<void>;
  /** Asks the items of one side. */
  search(question: ShadowQuestion): Promise<ShadowHits>;
  stop(): Promise<void>;
}

export interface ShadowOptions {
  project: Project;
  pipeline: Pipeline;
  version: string;
  client: Client;
  /** URL of the Weir that is compared with. */
  url: string;
  /** Values of the endpoints and secrets that connections and the pipeline name. */
  settings: SettingValues;
}

/** Starts the shadow; stops its parts where one cannot start. @throws CliError */
export async function startShadow(options: ShadowOptions): Promise<Shadow> {
  const { project, pipeline, url, settings } = options;
  const folder = join(project.root, ".weir/compare", pipeline.name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const said: string[] = [];
  const onLine = (line: string) => void said.push(line);
  const door = await openDoor(options);
  const compute = await startCompute(
    () => computeEnv(project.root, url, project.connections, settings),
    onLine,
  ).catch(async (error: unknown) => {
    await door.close();
    throw error;
  });
  const config = join(folder, "wrangler.toml");
  const { COMPUTE_URL, COMPUTE_TOKEN } = compute.settings;
  const vars = { WEIR_VERSION: options.version, SHADOW_URL: door.url, COMPUTE_URL };
  writeFileSync(config, stringify(tables(options, vars)));
  const port = await freePort();
  const flags = ["--ip", "127.0.0.1", "--port", String(port)];
  const secrets = secretsOf(options).flatMap((name) => (settings[name] ? [[name, settings[name]]] : []));
  const worker = startNode(
    [WRANGLER, "dev", "-c", config, ...flags, "--persist-to", folder, "--show-interactive-dev-session=false"],
    {
      cwd: folder,
      env: { ...wranglerEnv(folder), ...CLOSED_DOORS, ...Object.fromEntries(secrets), COMPUTE_TOKEN },
      onLine,
    },
  );
  const stop = async () => {
    await Promise.all([worker.stop(), compute.stop(), door.close()]);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await waitUntilHealthy(`http://127.0.0.1:${port}`, Promise.race([worker.ended, compute.ended]));
  } catch (error) {
    await stop();
    const last = said.slice(-20).join("\n");
    throw error instanceof CliError ? new CliError(`${error.message}\n${last}`) : error;
  }
  const post = (path: string, body: object) => postTo(`http://127.0.0.1:${port}${path}`, COMPUTE_TOKEN, body);
  return {
    run: async (job) => resultOf(await post("/", job)),
    storeBefore: async (stored) => void (await answerTo(await post("/before", stored))),
    search: async (question) => (await answerTo(await post("/search", question))) as ShadowHits,
    stop,
  };
}

/** Names of the secrets of the handler and its models: those of the deployed Worker without signing keys. */
const secretsOf = ({ project, pipeline }: ShadowOptions): string[] =>
  (readConfig(project.root, `${pipeline.folder}/wrangler.toml`).secrets?.required ?? []).filter(
    (name) => !isSigningKey(name),
  );

function tables(options: ShadowOptions, vars: Record<string, string>) {
  const { project, pipeline } = options;
  const inRoot = (path: string) => join(project.root, path);
  const isPython = pipeline.handler === "handler.py";
  return {
    name: `weir-shadow-${pipeline.name}`.slice(0, 60),
    main: join(packageRoot, "workers/pipeline/shadow.ts"),
    compatibility_date: "2026-10-01",
    compatibility_flags: ["nodejs_compat"],
    alias: {
      "#pipeline/handler": inRoot(`${pipeline.folder}/${isPython ? "handler.generated.ts" : "handler.ts"}`),
      "#pipeline/config": inRoot(`${pipeline.folder}/config.json`),
      "#weir/models": existsSync(inRoot("models.json"))
        ? inRoot("models.json")
        : join(packageRoot, "models.json"),
    },
    vars,
    durable_objects: { bindings: [{ name: "SEARCH", class_name: "SearchShard" }] },
    migrations: [{ tag: "v1", new_sqlite_classes: ["SearchShard"] }],
    secrets: { required: [...secretsOf(options), "COMPUTE_TOKEN"] },
    ...(isPython && { rules: [{ type: "Text", globs: ["**/*.py"], fallthrough: true }] }),
  };
}

function postTo(url: string, token: string, body: object): Promise<Response> {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  return fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
}

async function answerTo(response: Response): Promise<unknown> {
  if (response.ok) return response.json();
  throw new CliError(`The shadow's index does not answer: ${(await response.text()).slice(0, 300)}`);
}

async function resultOf(response: Response): Promise<ShadowResult> {
  if (!response.ok)
    return { status: "failed", failure: { kind: "internal", detail: (await response.text()).slice(0, 300) } };
  const answer = (await response.json()) as Answer;
  if (answer.status === "failed") return answer;
  const stored = answer.stored.map(({ data, vectors }) => ({
    data,
    vectors: vectors.map(({ float32, ...vector }) => ({
      ...vector,
      values: new Float32Array(new Uint8Array(Buffer.from(float32, "base64")).buffer),
    })),
  }));
  return { ...answer, stored };
}

/** Opens a server that looks objects of the pipeline's connection up, on a secret path. */
async function openDoor({
  client,
  pipeline,
}: ShadowOptions): Promise<{ url: string; close(): Promise<void> }> {
  const path = `/${randomBytes(16).toString("hex")}`;
  const connection = pipeline.config?.source.connection_id;
  const look = async (request: IncomingMessage): Promise<object> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const question = JSON.parse(Buffer.concat(chunks).toString("utf8")) as object;
    try {
      return await client.post<object>("/v1/objects", { connection, ...question });
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      return { failure: { kind: "source_refused", detail } };
    }
  };
  const server = createServer((request, response) => {
    if (request.url !== path) return void response.writeHead(404).end();
    void look(request).then((answer) =>
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer)),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
