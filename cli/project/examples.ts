// pipelines/<alias>/examples.json: events that must and must not match, and what the handler returns for
// them. `weir validate` runs `matches`; tests run `returns`.
import { z } from "zod";
import { type Event, eventSchema } from "../../src/shapes/event.ts";

export const exampleSchema = z.strictObject({
  /** A sentence: what this example shows. */
  name: z.string().min(1),
  /** The part of an event that matters here; the rest is filled in. */
  event: eventSchema.partial().strict(),
  matches: z.boolean(),
  /** What the handler returns for it, compared by tests. */
  returns: z.json().optional(),
});
export const examplesSchema = z.array(exampleSchema).min(1);
export type Example = z.infer<typeof exampleSchema>;

/** A whole event around an example's part. What an example does not say of the object, the object lacks. */
export function exampleEvent(example: Example, connection: string, bucket: string): Event {
  return eventSchema.parse({
    id: "evt_example",
    connection,
    sender: "invoke",
    type: "created",
    operation: "ObjectCreated:Put",
    bucket,
    key: "example",
    size: 1,
    etag: "d41d8cd98f00b204e9800998ecf8427e",
    time: "2026-01-01T00:00:00.000Z",
    received_at: "2026-01-01T00:00:00.000Z",
    metadata: {},
    tags: {},
    ...example.event,
  });
}
