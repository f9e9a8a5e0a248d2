// As ../reader, for a bucket of R2's.
export { default } from "../reader/handler.ts";
