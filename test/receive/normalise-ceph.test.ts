import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { normalise } from "../../src/receive/normalise/normalise.ts";
import type { Event } from "../../src/shapes/event.ts";
import { NOW } from "./given.ts";
import { cephRecord } from "./records.ts";

function events(body: unknown): Event[] {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const result = normalise(text, new Headers(), { connection: "conn", receivedAt: NOW });
  if (!result.ok) throw new Error(result.failure.detail);
  expect(result.value.quarantined).toEqual([]);
  return result.value.events;
}

describe("requests recorded from a Ceph RGW", () => {
  const folder = new URL("../fixtures/ceph/", import.meta.url);
  const cases = readdirSync(folder).map((name) => {
    const recorded: { case: string; body: string } = JSON.parse(readFileSync(new URL(name, folder), "utf8"));
    return [recorded.case, recorded.body] as const;
  });

  test.each(cases)("%s", (name, body) => {
    const [event, ...more] = events(body);
    expect(more).toEqual([]);
    const [record] = JSON.parse(body).Records;
    expect(event).toMatchObject({
      sender: "ceph",
      type: name.includes("delete") ? "removed" : "created",
      operation: record.eventName,
      bucket: record.s3.bucket.name,
      key: record.s3.object.key,
      size: record.s3.object.size,
    });
    expect(Date.parse(event?.time ?? "")).toBe(Date.parse(record.eventTime));
    expect(Object.keys(event?.metadata ?? {}).join()).not.toMatch(/x-amz|[A-Z]/);
  });

  test("hold metadata and tags that filters can ask for", () => {
    const body = (name: string) => cases.find(([known]) => known === name)?.[1] ?? "";
    expect(events(body("put-metadata"))[0]?.metadata).toEqual({
      empty: "",
      foo: "bar",
      json: '{"a":[1,"x"]}',
      "mixed-case": "Val ue",
    });
    expect(events(body("put-tags"))[0]?.tags).toEqual({ camera: "north gate", pri: "1" });
    expect(events(body("put-percent"))[0]?.key).toBe("pct/100%25 %2F done.mp4");
    expect(events(body("put-plus"))[0]?.key).toBe("dir/a+b.mp4");
  });

  test.each([
    ["ObjectSynced:Create", "created"],
    ["ObjectSynced:Delete", "removed"],
    ["ObjectSynced:DeletionMarkerCreated", "removed"],
    ["s3:ObjectSynced:Create", "created"],
    ["ObjectSynced:SomethingNew", "other"],
    ["ObjectLifecycle:Expiration:Current", "removed"],
    ["ObjectLifecycle:Expiration:NonCurrent", "other"],
  ])("of %s, a zone's copy of another's, are %s", (eventName, type) => {
    expect(events({ Records: [{ ...cephRecord(), eventName }] })).toMatchObject([{ type }]);
  });

  test("without a usable time, take it from the sequencer, or else from the clock", () => {
    const record = cephRecord("k", "0.000000");
    expect(events({ Records: [record] })).toMatchObject([{ time: "2026-11-23T13:05:49.105Z" }]);
    record.s3.object.sequencer = "";
    expect(events({ Records: [record] })).toMatchObject([{ time: "2026-11-23T12:00:00.000Z" }]);
  });
});
