// Configuration of local work: every queue's producer becomes a door to the queues on disk, every consumer is known
// to them, and all else stays. And how long so many Workers may take to start.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { parse } from "smol-toml";
import { describe, expect, test } from "vitest";
import { configsOf, localConfigs } from "../../cli/local/local-config.ts";
import { startStack } from "../../cli/local/stack.ts";
import { startLimitSeconds, waitUntilHealthy } from "../../cli/local/wrangler.ts";
import type { Table } from "../../cli/project/bindings.ts";
import { loadProject, packageRoot } from "../../cli/project/project.ts";
import { project } from "./support/given.ts";

const root = join(packageRoot, "test/project");
const configs = configsOf(loadProject(root));
const local = [...localConfigs(root, configs)].map(([path, text]) => [path, parse(text) as Table] as const);
const [, frontDoor = {}] = local[0] ?? [];
const doorsOf = ({ services = [] }: Table) =>
  (services as { entrypoint?: string; service: string; props?: { queue: string } }[]).filter(
    ({ entrypoint }) => entrypoint === "QueueDoor",
  );

describe("the local configuration", () => {
  test("stands beside each Worker's own, in the same order", () => {
    expect(local.map(([path]) => path)).toEqual(configs.map((path) => path.replace(".toml", ".local.toml")));
  });

  test("leaves no queue to wrangler, whose queues are gone at each reload", () => {
    expect(local.filter(([, table]) => table.queues !== undefined)).toEqual([]);
  });

  test("leads every producer to the front door, by the queue's name", () => {
    const doors = local.flatMap(([, table]) => doorsOf(table));
    expect(doors.every(({ service }) => service === frontDoor.name)).toBe(true);
    const queues = doors.map(({ props }) => props?.queue);
    expect(queues).toContain("weir-events");
    expect(queues).toContain("weir-r2-events");
    expect(queues).toContain("weir-mirror-queue");
  });

  test("names a consumer for every queue that something is sent to, dead letters too, and a way to its Worker", () => {
    const { CONSUMERS: consumers } = frontDoor.vars as {
      CONSUMERS: { queue: string; binding: string; dead_letter_queue?: string }[];
    };
    const taken = new Set(consumers.map(({ queue }) => queue));
    const sent = local.flatMap(([, table]) => doorsOf(table).map(({ props }) => props?.queue ?? ""));
    const dead = consumers.flatMap(({ dead_letter_queue }) => dead_letter_queue ?? []);
    expect([...sent, ...dead].filter((queue) => !taken.has(queue))).toEqual([]);
    const bound = (frontDoor.services as { binding: string }[]).map(({ binding }) => binding);
    expect(consumers.filter(({ binding }) => !bound.includes(binding))).toEqual([]);
    expect(new Set(bound).size).toBe(bound.length);
  });
});

describe("the limit of a start", () => {
  test("grows with the Workers: 200 pipelines have more than ten minutes", () => {
    expect(startLimitSeconds(203)).toBeGreaterThan(600);
    expect(startLimitSeconds(5)).toBeLessThan(120);
  });

  test("is named when it is over", async () => {
    const server = createServer((_, answer) => answer.writeHead(503).end()).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const never = new Promise<string>(() => {});
    await expect(waitUntilHealthy(url, never, 0.2)).rejects.toThrow("did not answer within 0.2 s");
    server.close();
  });

  test("is not waited for when what starts has ended", async () => {
    const gone = Promise.resolve("ended with code 1");
    await expect(waitUntilHealthy("http://127.0.0.1:9", gone)).rejects.toThrow("ended with code 1");
  });
});

test("only pipelines that there are can be chosen to be started", async () => {
  const own = project();
  const only = ["one", "nothing"];
  const starting = startStack({ root: own, port: 0, persist: join(own, ".weir/state"), only, onLine() {} });
  await expect(starting).rejects.toThrow("There is no pipeline nothing in this tree: --only takes one.");
});
