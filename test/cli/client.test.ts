// What every command that calls the API does with its key, with a refusal, and with a Weir that never answers.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { reach } from "../../cli/settings/reach.ts";
import { project } from "./support/given.ts";
import { weirHere } from "./support/run.ts";

/** A server in place of the router. */
async function router(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(answer).listen(0, "127.0.0.1");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise((resolve) => server.once("listening", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const json = (response: ServerResponse, status: number, body: object) =>
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));

test.each([
  [["items", "data", "--key", "videos/my.mp4"], "/v1/collections/data/items?key=videos%2Fmy.mp4&limit=50"],
  [["audit-log", "--key", "key_1"], "/v1/audit-log?key=key_1&limit=50"],
])("%s: --key chooses rows, and is no API key", async (words, path) => {
  const calls: { path: string | undefined; key: string | undefined }[] = [];
  const url = await router((request, response) => {
    calls.push({ path: request.url, key: request.headers.authorization });
    json(response, 200, { data: [] });
  });
  const env = { WEIR_URL: url, WEIR_API_KEY: "weir_own" };
  const { code } = await weirHere(["--root", project(), ...words], env);
  expect(code).toBe(0);
  expect(calls).toEqual([{ path, key: "Bearer weir_own" }]);
});

test("a refusal is printed with its place, what was expected, and what to do", async () => {
  const url = await router((_, response) =>
    json(response, 400, {
      detail: "The limit is not a number.",
      where: "limit",
      expected: "1 to 200",
      next: "Leave it out.",
    }),
  );
  const env = { WEIR_URL: url, WEIR_API_KEY: "k" };
  const { code, stderr } = await weirHere(["--root", project(), "runs"], env);
  expect(code).toBe(2);
  expect(stderr).toContain("The limit is not a number. (at limit; expected 1 to 200; Leave it out.)");
});

test("a Weir that takes a request and never answers is said to, in words", async () => {
  const silent = await router(() => {});
  await expect(reach(silent, silent, {}, 50)).rejects.toThrow(
    /took the request and did not answer within 0.05 s. A handler that never ends/,
  );
  const halfway = await router((_, response) => void response.writeHead(200).write("{"));
  await expect(reach(halfway, halfway, {}, 50)).rejects.toThrow("did not answer within");
});

test("a Weir that is not there is said to be away", async () => {
  await expect(reach("http://127.0.0.1:9", "http://127.0.0.1:9/")).rejects.toThrow(
    "Nothing answers at http://127.0.0.1:9. Start `weir dev`",
  );
});
