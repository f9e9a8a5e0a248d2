// Weir names itself in every request of its own: on a custom domain the zone's Browser Integrity Check answers 403 to
// whoever does not. The zone is a server that challenges as Cloudflare documents it.
import { globSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { packageRoot } from "../../cli/project/project.ts";
import { fetchNamed } from "../../src/shapes/user-agent.ts";
import { fetchRange } from "../../workers/compute/server/objects/source.ts";

let zone: Server;
let url: string;
const names: (string | undefined)[] = [];
beforeAll(async () => {
  zone = createServer((request, response) => {
    names.push(request.headers["user-agent"]);
    const named = /^Weir\/\d/.test(request.headers["user-agent"] ?? "");
    if (!named || request.url === "/suspicious")
      return void response.writeHead(403, { "cf-mitigated": "challenge" }).end("Just a moment...");
    response.writeHead(206, { "content-range": "bytes 0-3/4" }).end("film");
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => zone.once("listening", resolve));
  url = `http://127.0.0.1:${(zone.address() as AddressInfo).port}`;
});
afterAll(() => zone.close());

const read = (path: string) => fetchRange(url + path, 0, 4, {}, new Set([url]), () => {});

test("compute reads an object of a zone that challenges those without a name", async () => {
  expect(await read("/film.mp4")).toMatchObject({ ok: true, value: { total: 4 } });
  expect(names).toEqual(["Weir/0.1"]);
});

test("a challenge says nothing of the object: the read is tried again, and the run is not dead", async () => {
  const got = await read("/suspicious");
  expect(got).toMatchObject({ ok: false, failure: { kind: "unavailable" } });
  expect(JSON.stringify(got)).toContain("/v1/objects/");
});

test("a request keeps its own headers beside the name", async () => {
  const request = new Request(`${url}/film.mp4`, { headers: { range: "bytes=0-3" } });
  expect((await fetchNamed(request)).status).toBe(206);
  expect((await fetch(`${url}/film.mp4`)).status).toBe(403);
});

test("nothing in Weir fetches from elsewhere without it", () => {
  /** The network is not entered, or the machine not left. */
  const allowed = [
    "src/shapes/user-agent.ts",
    "workers/compute/worker.ts",
    "workers/pipeline/deps.ts",
    "workers/pipeline/shadow.ts",
    "cli/compare/shadow.ts",
    "cli/local/workers.ts",
    "cli/local/watchdog.ts",
    "cli/local/wrangler.ts",
    // What proves a sender is given its fetch by the door, src/http/webhook.ts.
    "src/receive/verify/google-oidc.ts",
    "src/receive/verify/sns-certificate.ts",
    "src/receive/verify/sns.ts",
    // Names itself, and counts its calls.
    "cli/deploy/cloudflare.ts",
  ];
  const bare = globSync("{src,cli,workers}/**/*.ts", { cwd: packageRoot }).filter((path) =>
    /(?<![\w.#$]|function |override |async )fetch\(/.test(
      readFileSync(join(packageRoot, path), "utf8")
        .split("\n")
        .filter(
          (line) =>
            !/^\s*(\/\/|\*|\/\*)/.test(line) && !/^\s*(async )?fetch\([\w, ]*(:|\)\s*[:{])/.test(line),
        )
        .join("\n"),
    ),
  );
  expect(bare.filter((path) => !allowed.includes(path))).toEqual([]);
});
