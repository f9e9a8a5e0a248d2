// Names of event types and of senders. Free of schemas, so that the matcher runs in a browser with nothing else.

/**
 * Weir's own event types. `accessed` changes nothing and runs only what a filter names for it; `other` is an
 * event name that no normaliser knows; it can be filtered on.
 */
export const EVENT_TYPES = [
  "created",
  "removed",
  "tagged",
  "restored",
  "archived",
  "acl",
  "accessed",
  "other",
] as const;

/** Senders of events. `invoke` and `replay` are Weir's own doors. */
export const SENDERS = [
  "s3",
  "eventbridge",
  "minio",
  "ceph",
  "b2",
  "tigris",
  "gcs",
  "cloudevents",
  "r2",
  "invoke",
  "replay",
] as const;
