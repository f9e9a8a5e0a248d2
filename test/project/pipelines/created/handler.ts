// As ../mirror, of a versioned bucket, with a filter that has a part about the event.
export { default } from "../mirror/handler.ts";
