// Queues on disk as a consumer meets them: what is sent comes, in batches of its size, again after a retry and its
// delay, to the dead-letter queue after its last delivery, and what is taken never comes again.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestHarness } from "wrangler";
import { localConfigs } from "../../cli/local/local-config.ts";
import { packageRoot } from "../../cli/project/project.ts";

/** A Worker that writes down each delivery, and takes a message once it has been delivered `takenAt` times. */
const CONSUMER = `
const deliveries = [];
export default {
  async fetch(request, env) {
    if (request.method === "GET") return Response.json(deliveries);
    const { bodies, options } = await request.json();
    try {
      await env.JOBS.sendBatch(bodies.map((body) => ({ body })), options);
      return new Response("sent");
    } catch (error) {
      return new Response(String(error), { status: 400 });
    }
  },
  async queue(batch) {
    const at = Date.now();
    for (const { id, body, attempts, timestamp } of batch.messages)
      deliveries.push({ queue: batch.queue, size: batch.messages.length, id, name: body.name, attempts, at, sent: +timestamp });
    if (batch.queue === "jobs-dead") return;
    for (const message of batch.messages) {
      if (message.body.breaks && message.attempts === 1) throw new Error("as it was meant to");
      if (message.attempts < (message.body.takenAt ?? 1)) message.retry({ delaySeconds: message.body.delaySeconds });
    }
  },
};`;

interface Delivery {
  queue: string;
  size: number;
  id: string;
  name: string;
  attempts: number;
  at: number;
  sent: number;
}

const root = mkdtempSync(join(tmpdir(), "weir-queues-"));
let harness: ReturnType<typeof createTestHarness>;
beforeAll(async () => {
  const door = join(root, "workers/local");
  mkdirSync(door, { recursive: true });
  writeFileSync(
    join(door, "wrangler.toml"),
    `name = "weir-local"
main = "${join(packageRoot, "workers/local/worker.ts")}"
compatibility_date = "2026-10-01"
compatibility_flags = ["nodejs_compat", "service_binding_extra_handlers", "experimental"]
services = [{ binding = "ROUTER", service = "weir" }]
d1_databases = [{ binding = "LEDGER", database_name = "weir-ledger" }]
`,
  );
  writeFileSync(join(root, "consumer.js"), CONSUMER);
  writeFileSync(
    join(root, "wrangler.toml"),
    `name = "weir"
main = "consumer.js"
compatibility_date = "2026-10-01"
[queues]
producers = [{ binding = "JOBS", queue = "jobs" }]
consumers = [
  { queue = "jobs", max_batch_size = 3, max_batch_timeout = 1, max_retries = 2, dead_letter_queue = "jobs-dead" },
  { queue = "jobs-dead" },
]
`,
  );
  const configs = localConfigs(root, ["workers/local/wrangler.toml", "wrangler.toml"]);
  for (const [name, text] of configs) writeFileSync(join(root, name), text);
  harness = createTestHarness({
    workers: [...configs.keys()].map((name) => ({ configPath: join(root, name) })),
  });
  await harness.listen();
}, 120_000);
afterAll(async () => {
  await harness?.close();
  rmSync(root, { recursive: true, force: true });
});

const consumer = () => harness.getWorker("weir");
const send = (bodies: object[], options: object = {}) =>
  consumer().fetch("http://weir/", { method: "POST", body: JSON.stringify({ bodies, options }) });
/** Deliveries of messages by these names, once there are so many. */
async function deliveriesOf(names: string[], count: number): Promise<Delivery[]> {
  for (;;) {
    const all = (await (await consumer().fetch("http://weir/")).json()) as Delivery[];
    const found = all.filter(({ name }) => names.includes(name));
    if (found.length >= count) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test("what is sent comes once, in batches of the consumer's size", async () => {
  const names = ["a", "b", "c", "d", "e"];
  await send(names.map((name) => ({ name })));
  // One more behind them shows that nothing comes twice.
  const found = await deliveriesOf(names, 5);
  await send([{ name: "behind" }]);
  await deliveriesOf(["behind"], 1);
  expect((await deliveriesOf(names, 5)).map(({ name }) => name).sort()).toEqual(names);
  expect(Math.max(...found.map(({ size }) => size))).toBe(3);
});

test("a message to be tried again comes with the same id, one attempt more, and not before its delay", async () => {
  await send([{ name: "again", takenAt: 2, delaySeconds: 1 }]);
  const [first, second] = await deliveriesOf(["again"], 2);
  expect(second).toMatchObject({ id: first?.id, sent: first?.sent, attempts: 2 });
  expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(1_000);
});

test("a batch whose consumer throws comes again whole", async () => {
  await send([{ name: "breaks", breaks: true }, { name: "neighbour" }]);
  const found = await deliveriesOf(["breaks", "neighbour"], 4);
  expect(found.map(({ name, attempts }) => `${name} ${attempts}`).sort()).toEqual([
    "breaks 1",
    "breaks 2",
    "neighbour 1",
    "neighbour 2",
  ]);
});

test("after its last delivery a message is in the dead-letter queue, with its id", async () => {
  await send([{ name: "dead", takenAt: 99 }]);
  const found = await deliveriesOf(["dead"], 4);
  expect(found.map(({ queue, attempts }) => `${queue} ${attempts}`)).toEqual([
    "jobs 1",
    "jobs 2",
    "jobs 3",
    "jobs-dead 1",
  ]);
  expect(new Set(found.map(({ id }) => id)).size).toBe(1);
});

test("a message that is sent with a delay comes after it", async () => {
  await send([{ name: "later" }], { delaySeconds: 2 });
  const [only] = await deliveriesOf(["later"], 1);
  expect((only?.at ?? 0) - (only?.sent ?? 0)).toBeGreaterThanOrEqual(2_000);
});

test("a message that is too large, and a batch of too many, are refused whole", async () => {
  const large = await send([{ name: "small" }, { name: "large", text: "x".repeat(128_001) }]);
  expect([large.status, await large.text()]).toEqual([400, expect.stringContaining("128000 bytes at most")]);
  expect((await send(Array.from({ length: 101 }, () => ({ name: "many" })))).status).toBe(400);
});
