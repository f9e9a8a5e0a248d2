// Events as the match tests need them: one ordinary upload, changed where a case says so.
import type { Event } from "../../src/shapes/event.ts";

/** An upload to `photos`, with the given differences. */
export function anEvent(changes: Partial<Event> = {}): Event {
  return {
    id: "evt_0123456789abcdef0123456789abcdef",
    connection: "conn_321",
    sender: "s3",
    type: "created",
    operation: "ObjectCreated:Put",
    bucket: "photos",
    key: "uploads/2026/cat.JPG",
    size: 12_000_000,
    etag: "9b2cf535f27731c974343645a3985328",
    time: "2026-11-23T15:04:05Z",
    region: "eu-west-1",
    identities: [],
    hops: 0,
    received_at: "2026-11-23T15:04:06Z",
    ...changes,
  };
}
