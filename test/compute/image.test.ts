// The image, without Docker: its steps are followed by hand into an empty folder, exactly the files that it
// copies and the packages that it installs, and the server is started there by its own command.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { cp, glob, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeVideo } from "../../cli/sample-media/media.ts";
import { post, type Source, startSource } from "./source.ts";

const root = join(import.meta.dirname, "../..");
const dockerfile = readFileSync(join(root, "workers/compute/Dockerfile"), "utf8");
/** Instructions in order, lines that go on joined, comments left out. */
const steps = dockerfile
  .replace(/^#.*\n/gm, "")
  .replace(/\\\n\s*/g, " ")
  .split("\n")
  .filter(Boolean)
  .map((line) => ({ word: line.split(" ")[0] ?? "", rest: line.slice(line.indexOf(" ") + 1).trim() }));
const all = (word: string) => steps.filter((step) => step.word === word).map(({ rest }) => rest);
const command: string[] = JSON.parse(all("CMD")[0] ?? "[]");
const environment = Object.fromEntries(
  all("ENV").flatMap((line) => line.split(" ").map((pair) => pair.split("=", 2) as [string, string])),
);

let folder: string;
let app: string;
let source: Source;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "weir-test-"));
  app = join(folder, "app");
  await mkdir(app);
  source = await startSource();
});
afterAll(async () => {
  await source.close();
  await rm(folder, { recursive: true });
});

/** Whether a file reaches the build at all: the last line of .dockerignore that fits it decides. */
function isSent(path: string): boolean {
  const lines = readFileSync(join(root, "workers/compute/Dockerfile.dockerignore"), "utf8").split("\n");
  let sent = true;
  for (const line of lines.filter(Boolean)) {
    const pattern = line.replace(/^!/, "").replaceAll(".", "\\.").replaceAll("*", "[^/]*");
    if (new RegExp(`^${pattern}(/.*)?$`).test(path)) sent = line.startsWith("!");
  }
  return sent;
}

/** COPY as Docker does it: a folder's contents, a file by its name or as the name that is given. */
async function copy(line: string): Promise<number> {
  const parts = line.split(/\s+/);
  const to = parts.pop() ?? ".";
  let count = 0;
  for (const pattern of parts) {
    for await (const from of glob(pattern, { cwd: root })) {
      const isFolder = (await stat(join(root, from))).isDirectory();
      const files = isFolder ? glob("**", { cwd: join(root, from) }) : [""];
      for await (const file of files) {
        const path = join(from, file);
        if (!(await stat(join(root, path))).isFile() || !isSent(path)) continue;
        const name = isFolder ? file : to.endsWith("/") ? basename(from) : "";
        await mkdir(dirname(join(app, to, name)), { recursive: true });
        await cp(join(root, path), join(app, to, name));
        count += 1;
      }
    }
  }
  return count;
}

/** What `npm ci --omit=dev` installs, by the lock file. */
async function install(): Promise<void> {
  const lock = JSON.parse(await readFile(join(app, "package-lock.json"), "utf8"));
  for (const [path, entry] of Object.entries<{ dev?: boolean }>(lock.packages)) {
    const [, name] = /^node_modules\/((?:@[^/]+\/)?[^/]+)$/.exec(path) ?? [];
    if (!name || entry.dev || !existsSync(join(root, path))) continue;
    await mkdir(dirname(join(app, path)), { recursive: true });
    await symlink(join(root, path), join(app, path));
  }
}

const freePort = async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  return typeof address === "object" ? (address?.port ?? 0) : 0;
};

describe("the image", () => {
  test("is built on the Node that the project pins, runs as nobody much, and stops when asked", () => {
    const { devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    expect(all("FROM")).toEqual([`node:${devDependencies.node}-slim`]);
    expect(all("USER")).toEqual(["node"]);
    expect(steps.findIndex(({ word }) => word === "USER")).toBeGreaterThan(
      steps.findLastIndex(({ word }) => word === "RUN" || word === "COPY"),
    );
    expect(all("STOPSIGNAL")).toEqual(["SIGTERM"]);
    expect(all("EXPOSE")).toEqual([environment.PORT]);
    expect(all("WORKDIR")).toEqual(["/app"]);
    expect(all("RUN")[0]).toContain("npm ci --omit=dev --ignore-scripts");
  });

  test("has all that its steps name", async () => {
    for (const line of all("COPY")) expect(await copy(line), line).toBeGreaterThan(0);
    await install();
    expect(existsSync(join(app, command[1] ?? ""))).toBe(true);
    expect(existsSync(join(app, "workers/compute/server/python/main.py"))).toBe(true);
    // Nothing but what the server needs: no tests, no Workers, no pipelines' sources.
    for (const path of ["test", "src/http/app.ts", "workers/pipeline", "cli"])
      expect(existsSync(join(app, path))).toBe(false);
  });

  test("holds no more packages than docs/compute.md says", async () => {
    const said = Number(
      /about (\d+) MB of packages/.exec(await readFile(join(root, "docs/compute.md"), "utf8"))?.[1],
    );
    // What the image throws away again after the installation.
    const dropped = /rm -rf ((?:node_modules\S+ ?)+)/.exec(all("RUN")[0] ?? "")?.[1] ?? "";
    const measure = `du -sLk node_modules | cut -f1; for d in ${dropped}; do du -sk $d; done | awk '{s+=$1} END {print s}'`;
    const [whole = 0, less = 0] = spawnSync("sh", ["-c", measure], { cwd: app })
      .stdout.toString()
      .split("\n")
      .map(Number);
    const megabytes = ((whole - less) * 1024) / 1e6;
    expect(megabytes).toBeGreaterThan(said * 0.85);
    expect(megabytes).toBeLessThan(said * 1.1);
  });

  test("installs what the requirements.txt of its pipelines name, and not `mixpeek`, which is here", async () => {
    const line = all("RUN").find((run) => run.includes("requirements.txt")) ?? "";
    const [collect = "", pip] = line.split(";");
    expect(pip?.trim()).toBe("pip install --no-cache-dir -r requirements.txt");
    for (const [alias, text] of [
      ["one", "mixpeek\nnumpy==2.3.4"],
      ["two", "mixpeek>=1\nmixpeek-extras==1.0\n"],
    ]) {
      await mkdir(join(app, "pipelines", alias ?? ""), { recursive: true });
      await writeFile(join(app, "pipelines", alias ?? "", "requirements.txt"), text ?? "");
    }
    expect(spawnSync("sh", ["-c", collect], { cwd: app }).status).toBe(0);
    const named = (await readFile(join(app, "requirements.txt"), "utf8")).trim().split("\n").toSorted();
    expect(named.slice(-2)).toEqual(["mixpeek-extras==1.0", "numpy==2.3.4"]);
    expect(isSent("pipelines/one/requirements.txt")).toBe(true);
    expect(isSent("pipelines/one/handler.ts")).toBe(false);
  });
});

describe("the image's server", () => {
  let server: ChildProcess;
  let base: string;
  const node = (args: string[]) => {
    const env = { ...environment, HOST: "127.0.0.1", PORT: new URL(base).port, PATH: process.env.PATH };
    return spawn(process.execPath, args, {
      cwd: app,
      env: { ...env, COMPUTE_TOKEN: process.env.COMPUTE_TOKEN, COMPUTE_ALLOW_ORIGINS: source.origin },
      stdio: ["ignore", "pipe", "inherit"],
    });
  };
  const health = async () => {
    const check: string[] = JSON.parse(/CMD (\[.*\])$/.exec(all("HEALTHCHECK")[0] ?? "")?.[1] ?? "[]");
    expect(check[0]).toBe("node");
    const args = check.slice(1).map((arg) => arg.replace(`:${environment.PORT}/`, `:${new URL(base).port}/`));
    const [code] = await once(node(args), "exit");
    return code;
  };

  test("starts by its command from these files alone, and is healthy", async () => {
    base = `http://127.0.0.1:${await freePort()}`;
    expect(command[0]).toBe("node");
    server = node(command.slice(1));
    if (server.stdout) await once(server.stdout, "data");
    expect(await (await fetch(`${base}/health`)).json()).toMatchObject({ status: "ok" });
    expect(await health()).toBe(0);
  });

  test("embeds a film", async () => {
    await makeVideo(join(folder, "film.mp4"), { seconds: 2, width: 160, height: 90 });
    const url = source.put("/film.mp4", await readFile(join(folder, "film.mp4")));
    const body = { items: [{ url }], kind: "video", model: "mixpeek/vuse-generic-v1" };
    expect((await post(base, "/v1/embed", body)).lines).toMatchObject([{ index: 0, dims: 512 }]);
  });

  test("ends on the signal that it is stopped with, and is not healthy then", async () => {
    server.kill(all("STOPSIGNAL")[0] as NodeJS.Signals);
    expect(await once(server, "exit")).toEqual([0, null]);
    expect(await health()).toBe(1);
  });

  afterAll(() => server?.kill("SIGKILL"));
});
