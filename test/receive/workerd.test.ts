import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createTestHarness } from "wrangler";
import type { AcceptedDelivery } from "../../src/receive/webhook.ts";
import type { Event } from "../../src/shapes/event.ts";
import type { Result } from "../../src/shapes/failure.ts";
import { connections, type Message, NOW, SECRETS, urlOf } from "./given.ts";
import { SCHEMES } from "./schemes.ts";
import type { Trial } from "./workerd/worker.ts";

// The same doors as everywhere in this folder, in the runtime that they are for.
const configPath = fileURLToPath(new URL("workerd/wrangler.json", import.meta.url));
const harness = createTestHarness({ workers: [{ configPath }] });
beforeAll(() => harness.listen());
afterAll(() => harness.close());

async function deliver(connection: string, { headers, body }: Message, answer = "") {
  const trial: Trial = {
    connection,
    url: urlOf(connection),
    headers: { "content-type": "application/json", ...headers },
    body,
    connections,
    secrets: SECRETS,
    now: NOW,
    answer,
  };
  const response = await harness.fetch("http://doors.test/", { method: "POST", body: JSON.stringify(trial) });
  return (await response.json()) as { result: Result<AcceptedDelivery>; sent: Event[] };
}

describe.each(Object.entries(SCHEMES))("in workerd, %s", (_, { connection, signed, otherKey }) => {
  test("takes what is signed, and refuses another's signature", async () => {
    expect(await deliver(connection, await signed({}))).toMatchObject({ result: { ok: true }, sent: [{}] });
    expect(await deliver(connection, await signed({ key: otherKey }))).toMatchObject({
      result: { failure: { kind: "unproven" } },
      sent: [],
    });
  });
});

const folder = new URL("../../../shared/fixtures/sns/", import.meta.url);
const absent = !existsSync(folder);
if (absent) console.log("skipped: the SNS messages signed by AWS are not beside this checkout");

test.skipIf(absent)("in workerd, messages signed by AWS are proven, and changed ones are not", async () => {
  const read = (name: string) => readFileSync(new URL(name, folder), "utf8");
  const names = readdirSync(folder);
  const pem = read(names.find((name) => name.endsWith(".pem")) ?? "");
  const headers = { "content-type": "text/plain", "x-amz-sns-message-type": "Notification" };
  for (const name of names.filter((name) => name.endsWith(".json"))) {
    const { result } = await deliver("conn_aws", { headers, body: read(name) }, pem);
    expect(result.ok ? "proven" : result.failure.kind, name).toBe(
      name.includes("notif") ? "malformed" : "proven",
    );
    const changed = read(name).replace("2026-03-06", "2026-03-07");
    expect(await deliver("conn_aws", { headers, body: changed }, pem)).toMatchObject({
      result: { failure: { kind: "unproven" } },
    });
  }
});
