// The collection ends as the bucket is, told by real deliveries: delete markers and versions that go, overwriting that
// a filter's part about the event refuses, and events that change no bytes. The store is a stand-in with versions.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  eventBridgeOf,
  type Notice,
  openVersionedStore,
  recordsOf,
  type VersionedStore,
} from "../support/versioned-store.ts";
import { type Run, startWeir, type Weir } from "../support/weir.ts";

const BUCKET = "test-peer";
let store: VersionedStore;
let weir: Weir;
beforeAll(async () => {
  store = await openVersionedStore([BUCKET]);
  weir = await startWeir({ CONN_PEER_ENDPOINT: store.base });
}, 120_000);
afterAll(async () => {
  await weir?.close();
  await store?.close();
});

async function deliver(body: object): Promise<void> {
  const response = await weir.fetch("/v1/connections/conn_peer/events", {
    method: "POST",
    headers: {
      "content-type": "application/json",
      authorization: `Bearer ${weir.secrets.CONN_PEER_TOKEN}`,
    },
    body: JSON.stringify(body),
  });
  const said = await response.text();
  expect(response.status, said).toBe(202);
  expect(JSON.parse(said)).toMatchObject({ quarantined: 0 });
}

interface Heard {
  id: string;
  type: string;
  operation: string;
}
const eventsOf = async (key: string) =>
  (await weir.read<{ data: Heard[] }>(`/v1/events?key=${encodeURIComponent(key)}&limit=200`)).data;
const runsOf = async ({ id }: Heard) => (await weir.read<{ data: Run[] }>(`/v1/runs?event_id=${id}`)).data;
const FINAL = ["succeeded", "dead", "skipped", "cancelled"];

/** Delivers what is told of one object, and waits until it is on record and every run has ended. Returns its runs. */
async function hear(key: string, body: object): Promise<Run[]> {
  const before = (await eventsOf(key)).map(({ id }) => id);
  await deliver(body);
  const isNew = ({ id }: Heard) => !before.includes(id);
  const events = await weir.until(
    () => eventsOf(key),
    (all) => all.some(isNew),
  );
  const [event] = events.filter(isNew);
  return weir.until(
    () => runsOf(event as Heard),
    (runs) => runs.every(({ status }) => FINAL.includes(status)),
  );
}
const told = (notice: Notice | null, by: "s3" | "minio" | "eventbridge" = "s3"): Promise<Run[]> => {
  if (!notice) throw new Error("there was nothing to tell of");
  const body =
    by === "eventbridge" ? eventBridgeOf(notice) : recordsOf([notice], `${by === "s3" ? "aws" : by}:s3`);
  return hear(notice.object.key, body);
};
/** The texts that a collection holds of an object. */
const texts = async (key: string, collection: "read" | "followed" | "created" = "read") =>
  (await weir.items(collection, key)).map(({ data }) => data.text ?? data.body);
const of = (runs: Run[], alias: string) => runs.filter((run) => run.alias === alias);

describe.concurrent("a removal is a hint like any other: what is there now counts", () => {
  const KEEP = { keep: "yes" };

  test("a delete marker takes the items, and its deletion brings them back", async () => {
    const key = "followed/undeleted.txt";
    await told(store.put(BUCKET, key, "first", KEEP));
    await told(store.remove(BUCKET, key));
    for (const collection of ["read", "followed", "created"] as const)
      expect(await texts(key, collection)).toEqual([]);
    await told(store.removeNewest(BUCKET, key));
    for (const collection of ["read", "followed", "created"] as const)
      expect(await texts(key, collection)).toEqual(["first"]);
    const [undelete] = await eventsOf(key);
    expect(undelete).toMatchObject({ type: "removed", operation: "ObjectRemoved:Delete" });
    const why = await weir.read(`/v1/events/${undelete?.id}/why/created`);
    expect(why).toMatchObject({ verdict: true, runs: [{ status: "succeeded" }] });
  });

  test("the newest version goes, and the items are those of the one below", async () => {
    const key = "followed/lowered.txt";
    await told(store.put(BUCKET, key, "below", KEEP));
    await told(store.put(BUCKET, key, "above", KEEP));
    await told(store.removeNewest(BUCKET, key), "eventbridge");
    for (const collection of ["read", "followed", "created"] as const)
      expect(await texts(key, collection)).toEqual(["below"]);
  });

  test("what comes up does not pass the filter: its items go", async () => {
    const key = "followed/unwanted.txt";
    await told(store.put(BUCKET, key, "below", { keep: "no" }));
    await told(store.put(BUCKET, key, "above", KEEP));
    expect(await texts(key, "created")).toEqual(["above"]);
    await told(store.removeNewest(BUCKET, key));
    expect(await texts(key, "created")).toEqual([]);
    expect(await texts(key, "read")).toEqual(["below"]);
  });

  test("nobody told of the object that comes back: it has its items all the same", async () => {
    const key = "followed/untold.txt";
    store.put(BUCKET, key, "never told", KEEP);
    store.remove(BUCKET, key);
    await told(store.removeNewest(BUCKET, key), "minio");
    for (const collection of ["read", "followed", "created"] as const)
      expect(await texts(key, collection)).toEqual(["never told"]);
  });

  test("B2 hides a file, and the hide marker is deleted", async () => {
    const key = "hidden.txt";
    const b2 = (eventType: string, { object, eventTime, bucket }: Notice) => ({
      events: [
        {
          ...{ eventType, eventVersion: 1, eventTimestamp: Date.parse(eventTime), bucketName: bucket },
          ...{ objectName: object.key, objectSize: object.size ?? 0, objectVersionId: object.versionId },
        },
      ],
    });
    await hear(key, b2("b2:ObjectCreated:Upload", store.put(BUCKET, key, "hidden and found")));
    await hear(key, b2("b2:HideMarkerCreated:Hide", store.remove(BUCKET, key)));
    expect(await texts(key)).toEqual([]);
    await hear(key, b2("b2:ObjectDeleted:Delete", store.removeNewest(BUCKET, key) as Notice));
    expect(await texts(key)).toEqual(["hidden and found"]);
  });

  test("old versions that expire under an object run nothing again", async () => {
    const key = "expired.txt";
    store.put(BUCKET, key, "older");
    store.put(BUCKET, key, "old");
    await told(store.put(BUCKET, key, "new"));
    const [lineage] = await weir.items("read", key);
    for (const notice of store.removeOld(BUCKET, key))
      expect(await told(notice)).toMatchObject([
        { status: "skipped", reason: expect.stringContaining("nothing changed") },
      ]);
    expect(await weir.items("read", key)).toEqual([lineage]);
  });
});

describe.concurrent("items of bytes that are gone do not stay where the filter refuses the event", () => {
  test.each([BUCKET, "test-plain"])("overwritten by a multipart upload or a copy, in %s", async (bucket) => {
    const key = `followed/overwritten-${bucket}.txt`;
    store.put(bucket, "other.txt", "copied");
    await told(store.put(bucket, key, "put"));
    await told(store.multipart(bucket, key, "put in parts"));
    expect(await texts(key, "followed")).toEqual(["put in parts"]);
    await told(store.copy(bucket, "other.txt", key));
    expect(await texts(key, "followed")).toEqual(["copied"]);
  });

  test("an object that never had items waits for an event that the filter takes", async () => {
    const key = "followed/in-parts.txt";
    expect(of(await told(store.multipart(BUCKET, key, "in parts")), "followed")).toEqual([]);
    await told(store.put(BUCKET, key, "put"));
    expect(await texts(key, "followed")).toEqual(["put"]);
  });
});

describe.concurrent("what changes no bytes runs no handler again", () => {
  test.each([
    ["ObjectAcl:Put", "acl"],
    ["ObjectTagging:Put", "tagged"],
    ["ObjectTagging:Delete", "tagged"],
    ["LifecycleTransition", "archived"],
    ["IntelligentTiering", "archived"],
    ["ObjectRestore:Post", "restored"],
    ["ObjectRestore:Delete", "archived"],
    ["Replication:OperationReplicatedAfterThreshold", "other"],
  ])("%s, which is %s", async (eventName, type) => {
    const key = `followed/${eventName}.txt`;
    await told(store.put(BUCKET, key, "as it was", { keep: "yes" }));
    const before = await weir.items("read", key);
    const runs = await told(store.mention(BUCKET, key, eventName));
    expect((await eventsOf(key))[0]).toMatchObject({ type });
    expect(runs.map(({ alias, status }) => [alias, status]).sort()).toEqual([
      ["created", "skipped"],
      ["followed", "skipped"],
      ["reader", "skipped"],
    ]);
    expect(of(runs, "reader")[0]?.reason).toMatch(/^nothing changed/);
    expect(await weir.items("read", key)).toEqual(before);
  });

  test("a move into an archive leaves items as they are, and reads nothing", async () => {
    const key = "cold/1.txt";
    await told(store.put(BUCKET, key, "read while it was warm"));
    const runs = await told(store.move(BUCKET, key, "GLACIER"), "eventbridge");
    expect((await eventsOf(key))[0]).toMatchObject({ operation: "Object Storage Class Changed" });
    expect(runs).toMatchObject([{ status: "skipped", failure: null }]);
    expect(await texts(key)).toEqual(["read while it was warm"]);
  });

  test("archived objects that nobody read before are a reason on record: no dead letter, no pause", async () => {
    const keys = Array.from({ length: 26 }, (_, n) => `cold/many/${n}.txt`);
    const runs = await Promise.all(
      keys.map((key) => {
        store.put(BUCKET, key, "out of reach");
        return told(store.move(BUCKET, key, "GLACIER"), "eventbridge");
      }),
    );
    expect(new Set(runs.flat().map(({ status }) => status))).toEqual(new Set(["skipped"]));
    expect(runs[0]).toMatchObject([{ attempt: 1, reason: expect.stringContaining("archived (GLACIER)") }]);
    expect(await weir.all("/v1/dead-letters?alias=reader")).toEqual([]);
    await weir.ringCron();
    const { data } = await weir.read<{ data: { alias: string; paused: object | null }[] }>("/v1/pipelines");
    expect(data.find(({ alias }) => alias === "reader")).toMatchObject({ paused: null });
  });

  test("an archived object has its items once it is restored", async () => {
    const key = "cold/restored.txt";
    await told(store.put(BUCKET, key, "thawed", {}, "DEEP_ARCHIVE"));
    expect(await texts(key)).toEqual([]);
    store.move(BUCKET, key, "STANDARD");
    await told(store.mention(BUCKET, key, "ObjectRestore:Completed"));
    expect(await texts(key)).toEqual(["thawed"]);
  });

  test("overwritten straight into an archive: the items of the old bytes go", async () => {
    const key = "cold/overwritten.txt";
    await told(store.put(BUCKET, key, "warm"));
    const runs = await told(store.put(BUCKET, key, "cold", {}, "GLACIER"));
    expect(runs).toMatchObject([
      { status: "skipped", items: 0, reason: expect.stringContaining("archived") },
    ]);
    expect(await texts(key)).toEqual([]);
  });
});

test("reads that a store tells of run nothing: one put is one run, however often it is read", async () => {
  const key = "watched.txt";
  const accesses: Promise<void>[] = [];
  store.onAccess = (notice) => {
    if (notice.object.key === key) accesses.push(deliver(recordsOf([notice], "minio:s3")));
  };
  const put = await told(store.put(BUCKET, key, "read again and again"), "minio");
  expect(put).toMatchObject([{ alias: "reader", status: "succeeded" }]);
  for (const word of ["Get", "Head", "GetRetention", "GetLegalHold", "Attributes"]) {
    const runs = await told({ ...store.mention(BUCKET, key, `s3:ObjectAccessed:${word}`) }, "minio");
    expect(runs).toEqual([]);
  }
  await Promise.all(accesses);
  delete store.onAccess;
  // The run's own: it looked at the object before, after and once it had stored, and the handler read it.
  expect(accesses).toHaveLength(4);
  const events = await weir.until(
    () => eventsOf(key),
    (all) => all.length === 1 + 5 + accesses.length,
  );
  const accessed = events.filter(({ type }) => type === "accessed");
  expect(accessed).toHaveLength(5 + accesses.length);
  for (const event of accessed) expect(await runsOf(event)).toEqual([]);
  const why = await weir.read(`/v1/events/${accessed[0]?.id}/why/reader`);
  expect(why).toMatchObject({ verdict: null, reason: expect.stringContaining("an access changes nothing") });
});
