// Connections as the API shows them: how each is set up, what is missing, what came last, how to connect a sender, and no
// secret in any of it.
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Connection } from "../../src/client/operations.generated.ts";
import { startWeir, type Weir } from "../support/weir.ts";

let weir: Weir;
beforeAll(async () => {
  // One is not given its secret.
  weir = await startWeir({ CONN_PEER_HOOK: "" });
}, 120_000);
afterAll(() => weir?.close());

const list = async () => {
  const { data } = await weir.read<{ data: Connection[] }>("/v1/connections");
  return new Map(data.map((connection) => [connection.id, connection]));
};

test("each says what it is, how it is proven, which secrets are set, and which pipelines read and write it", async () => {
  const all = await list();
  expect([...all.keys()]).toEqual([...all.keys()].toSorted());
  expect(all.get("conn_media")).toMatchObject({
    ...{ kind: "r2", buckets: ["test-media"], database: null, endpoint: null },
    door: `${weir.base}/v1/connections/conn_media/events`,
    schemes: [
      { scheme: "r2-queue", secrets: [] },
      { scheme: "standard-webhooks", secrets: [{ name: "CONN_MEDIA_SECRET", is_set: true, expires: null }] },
    ],
    read_by: expect.arrayContaining(["echo"]),
    ...{ last_event: null, last_rejection: null },
  });
  expect(all.get("conn_items")).toMatchObject({
    kind: "d1",
    database: "test-items",
    door: null,
    recipes: [],
  });
  expect(all.get("conn_items")?.written_by).toContain("echo");
  const peer = all.get("conn_peer");
  expect(peer?.secrets.filter(({ is_set }) => !is_set).map(({ name }) => name)).toContain("CONN_PEER_HOOK");
  expect(peer?.schemes.find(({ scheme }) => scheme === "eventbridge")?.asks).toEqual([
    "header X-Weir-Key",
    "account 123456789012",
  ]);
  expect(JSON.stringify([...all.values()])).not.toContain(weir.secrets.CONN_MEDIA_SECRET);
});

test("a sender is set up by what is to be typed, with its secret as a variable", async () => {
  const media = (await list()).get("conn_media");
  const recipe = media?.recipes.find(({ sender }) => sender === "standard-webhooks");
  expect(recipe?.scheme).toBe("standard-webhooks");
  expect(recipe?.commands).toContain(`curl ${weir.base}/v1/connections/conn_media/events`);
  expect(recipe?.commands).toContain("CONN_MEDIA_SECRET#whsec_");
  expect(media?.recipes.map(({ sender }) => sender)).toEqual(["standard-webhooks", "cloudevents", "r2"]);
});

test("the last event and the last refusal are there once they have come", async () => {
  await weir.notifyR2(await weir.put("test-media", "connected.txt", "x"));
  await weir.fetch("/v1/connections/conn_photos/events", { method: "POST", body: "unproven" });
  const all = await weir.until(
    list,
    (found) =>
      Boolean(found.get("conn_media")?.last_event) && Boolean(found.get("conn_photos")?.last_rejection),
  );
  expect(all.get("conn_media")?.last_event).toMatchObject({
    sender: "r2",
    operation: "PutObject",
    key: "connected.txt",
  });
  expect(all.get("conn_photos")).toMatchObject({ last_event: null, last_rejection: { count: 1 } });
  expect(all.get("conn_photos")?.last_rejection?.failure.detail).not.toBe("");
});
