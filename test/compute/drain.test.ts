// An instance that is to be replaced: what has begun is finished, however long that takes, and what is new is refused
// with 503. And its memory: all that it may hold at once is less than it has.
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import { expect, test } from "vitest";
import { startServer } from "../../workers/compute/server/main.ts";
import { sharesOf } from "../../workers/compute/server/shares.ts";

test("an instance that drains answers what has begun and refuses what is new", async () => {
  const asked = Promise.withResolvers<ServerResponse>();
  const source = createServer((_, response) => asked.resolve(response)).listen(0, "127.0.0.1");
  await new Promise((resolve) => source.once("listening", resolve));
  const origin = `http://127.0.0.1:${(source.address() as AddressInfo).port}`;
  const token = "drain-token";
  const server = await startServer({ port: 0, token, log: () => {}, allowOrigins: [origin], size: 1 });
  const post = () =>
    fetch(`${server.url}/v1/probe`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${token}`,
        "content-type": "application/json",
        "weir-vouched-origins": origin,
      },
      body: JSON.stringify({ url: `${origin}/slow.bin` }),
    });

  const begun = post();
  const answer = await asked.promise;
  let isDrained = false;
  const drained = server.drain().then(() => {
    isDrained = true;
  });
  const refused = await post();
  expect(refused.status).toBe(503);
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(await refused.json()).toMatchObject({ failure: { kind: "overloaded" } });
  expect(await (await fetch(`${server.url}/health`)).json()).toMatchObject({ status: "draining" });
  expect(isDrained).toBe(false);

  answer.writeHead(404).end();
  expect(await (await begun).json()).toMatchObject({ failure: { kind: "object_gone" } });
  await drained;
  await expect(post()).rejects.toThrow();
  source.close();
});

const GIB = 1024 ** 3;
/** Memory and processors of Cloudflare's instance types. */
const TYPES = {
  basic: [1, 1],
  "standard-1": [4, 1],
  "standard-2": [6, 1],
  "standard-3": [8, 2],
  "standard-4": [12, 4],
};
const heldBy = ({ decoders, decoderBytes, modelBytes, pythons, pythonBytes }: ReturnType<typeof sharesOf>) =>
  decoders * decoderBytes + modelBytes + pythons * pythonBytes;

test.each(Object.entries(TYPES))(
  "on %s all that is held at once leaves room for the server",
  (_, [gib, cores]) => {
    const bytes = (gib ?? 0) * GIB;
    const shares = sharesOf(bytes, cores);
    expect(heldBy(shares) + shares.serverBytes).toBeLessThanOrEqual(bytes);
    expect(shares.serverBytes).toBeGreaterThan(bytes * 0.1);
  },
);

test("standard-1 has room for one decoder of the largest films", () => {
  expect(sharesOf(4 * GIB, 1)).toMatchObject({ decoders: 1, decoderBytes: 1.5 * GIB, pythons: 1 });
});

test("whatever an instance has, more is never shared out", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 64 * 1024 }), fc.integer({ min: 1, max: 64 }), (mib, cores) => {
      const shares = sharesOf(mib * 1024 ** 2, cores);
      expect(heldBy(shares) + shares.serverBytes).toBeLessThanOrEqual(mib * 1024 ** 2);
      expect(Math.min(shares.decoders, shares.pythons)).toBeGreaterThan(0);
      expect(shares.decoders).toBeLessThanOrEqual(cores);
    }),
  );
});
