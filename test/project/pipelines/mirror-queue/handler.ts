// The mirror, dispatched through its queue and kept in R2.
export { default } from "../mirror/handler.ts";
