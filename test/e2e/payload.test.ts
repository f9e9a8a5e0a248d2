// Payloads that no message holds: they travel by reference, whole, and a handler never knows.
import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Run, startWeir, type Weir } from "../support/weir.ts";

let weir: Weir;
beforeAll(async () => {
  weir = await startWeir();
}, 120_000);
afterAll(() => weir?.close());

interface Told {
  status: number;
  body: { run_id: string; processed_data: { payload: unknown }[]; error_details?: { detail: string } | null };
}
async function invoke(payload: unknown, query = "", more: object = {}): Promise<Told> {
  const response = await weir.invoke("echo", { payload, ...more }, query);
  return { status: response.status, body: (await response.json()) as Told["body"] };
}
const hash = (value: unknown) => createHash("sha256").update(JSON.stringify(value)).digest("hex");
const eventOf = async (run_id: string) => {
  const { event_id } = await weir.read<Run>(`/v1/runs/${run_id}`);
  return weir.read<{ payload?: unknown; payload_ref?: { bytes: number } }>(`/v1/events/${event_id}`);
};

const large: [string, unknown][] = [
  ["of 4 MB", { text: "x".repeat(4_000_000) }],
  ["of many bytes a letter", { text: "水🌊".repeat(100_000) }],
  // 24 KB as it is sent, 126 KB as it goes on.
  ["that grows when it is written again", { numbers: Array(6_000).fill(1e20) }],
  ["that is a text alone", "y".repeat(200_000)],
];

describe.each(large)("a payload %s", (_, payload) => {
  test("comes whole to whoever is called at once", async () => {
    const { status, body } = await invoke(payload);
    // What a handler returns of it is another matter: an item has 1.5 MB.
    if (Buffer.byteLength(JSON.stringify(payload)) < 1_400_000)
      expect([status, hash(body.processed_data[0]?.payload)]).toEqual([200, hash(payload)]);
    else
      expect([status, body.error_details?.detail]).toEqual([
        422,
        expect.stringMatching(/items\[0\] is 40000\d\d bytes/),
      ]);
    const event = await eventOf(body.run_id);
    expect(event.payload).toBeUndefined();
    expect(event.payload_ref?.bytes).toBe(Buffer.byteLength(JSON.stringify(payload)));
  });

  test("comes whole through the queue", async () => {
    await weir.put("test-media", "payload/x.txt", "x");
    const { status, body } = await invoke(payload, "?async=true", {
      bucket: "test-media",
      key: "payload/x.txt",
    });
    expect(status).toBe(202);
    const run = await weir.until(
      () => weir.read<Run>(`/v1/runs/${body.run_id}`),
      ({ status }) => ["succeeded", "dead"].includes(status),
    );
    const length = Buffer.byteLength(JSON.stringify(payload));
    if (length < 1_400_000) {
      expect(run).toMatchObject({ status: "succeeded" });
      const [item] = await weir.items("echoes", "payload/x.txt");
      expect(hash(item?.data.payload)).toBe(hash(payload));
    } else {
      expect(run.failure).toMatchObject({
        kind: "invalid_return",
        detail: expect.stringMatching(/items\[0\] is 4\d+ bytes/),
      });
    }
  });
});

test("a small payload stays in its event", async () => {
  const { body } = await invoke({ note: "small" });
  expect(await eventOf(body.run_id)).toMatchObject({ payload: { note: "small" } });
});

test("a payload that fails is redriven with all of it", async () => {
  const payload = { form: "bigint", text: "z".repeat(300_000) };
  const { body } = await invoke(payload, "?async=true");
  const dead = () =>
    weir.until(
      () => weir.read<Run & { history: { status: string }[] }>(`/v1/runs/${body.run_id}`),
      ({ status }) => status === "dead",
    );
  expect((await dead()).failure).toMatchObject({ detail: "items[0].count is a BigInt." });
  const headers = { "content-type": "application/json" };
  const run_ids = [body.run_id];
  await weir.api("/v1/dead-letters/redrive", { method: "POST", headers, body: JSON.stringify({ run_ids }) });
  const again = await weir.until(
    dead,
    ({ history }) => history.filter(({ status }) => status === "dead").length === 2,
  );
  expect(again.failure).toMatchObject({ detail: "items[0].count is a BigInt." });
});

test.each([
  ["a body beyond the cap", { payload: "x".repeat(5_100_000) }, 413, "too large"],
  [
    "anything but the payload that is large",
    { payload: 1, operation: "x".repeat(200_000) },
    413,
    "without its payload",
  ],
])("%s is refused clearly", async (_, body, status, says) => {
  const response = await weir.invoke("echo", body);
  expect([response.status, await response.text()]).toEqual([status, expect.stringContaining(says)]);
});
