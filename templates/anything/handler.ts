// Keeps what is known of any object: its name, size, type and metadata. A start for a handler of your own.
import { definePipeline } from "weir";

export default definePipeline((event, { log }) => {
  log("received", event.key);
  return {
    name: event.key.split("/").at(-1),
    size: event.size ?? null,
    content_type: event.content_type ?? null,
    metadata: event.metadata ?? {},
  };
});
