// Ports of this machine: one that is held is nobody else's, and is free again at once, whoever has called it meanwhile.
import { once } from "node:events";
import { connect } from "node:net";
import { expect, test } from "vitest";
import { freePort, holdPort, isFree } from "../../cli/io/ports.ts";

test("a held port is free again although somebody has called it and does not hang up", async () => {
  const port = await freePort();
  const release = await holdPort(port);
  expect(await isFree(port)).toBe(false);
  const caller = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  await once(caller, "connect");
  await release();
  expect(await isFree(port)).toBe(true);
  caller.destroy();
});
