// Schema of pipelines/<alias>/examples.json: events that must or must not match the filter, and what the handler
// returns for them. `weir validate` checks `matches`; tests check `returns`.
import { z } from "zod";
import { type Event, eventSchema } from "../../src/shapes/event.ts";

export const exampleSchema = z.strictObject({
  /** Sentence that says what the example shows. */
  name: z.string().min(1),
  /** Part of an event that matters here; the rest is filled in. */
  event: eventSchema.partial().strict(),
  matches: z.boolean(),
  /** Items that the handler returns for the event, compared by tests. */
  returns: z.json().optional(),
});
export const examplesSchema = z.array(exampleSchema).min(1);
export type Example = z.infer<typeof exampleSchema>;

/** Completes the event of an example. An attribute that the example lacks, the object lacks too. */
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
