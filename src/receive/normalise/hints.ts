// Hints for bodies that are no events but were probably meant as such: wrapped or unwrapped on their way here. Each
// says what to change at the sender; no body is guessed into an event.
import type { Failure } from "../../shapes/failure.ts";

type Shape = Record<string, unknown>;

const isShape = (value: unknown): value is Shape =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The failure for a body or a record that resembles an event, or undefined where it resembles none. */
export function hintOf(body: unknown): Failure | undefined {
  if (typeof body === "string") return STRING;
  if (!isShape(body)) return undefined;
  // EventBridge's `detail` has both, and the request's id; R2's messages and B2's events have other names.
  if (isShape(body.bucket) && isShape(body.object) && !("detail-type" in body)) return DETAIL;
  if (isShape(body.detail)) return NO_TYPE;
  if (body.eventSource === "aws:sqs") return SQS;
  if (body.EventSource === "aws:sns" || body.Type === "Notification") return SNS;
  return undefined;
}

const hint = (detail: string, expected: string, next: string, where?: string): Failure => ({
  kind: "malformed",
  detail,
  ...(where !== undefined && { where }),
  expected,
  next,
});

const EVENT = "the whole event, with its detail-type, source, time and detail";
const NO_TRANSFORMER =
  "Remove InputPath, Input and InputTransformer from the rule's target (input: matched event).";

const DETAIL = hint(
  "The body is the bare detail of an EventBridge event: an input transformer took the rest of it away.",
  EVENT,
  NO_TRANSFORMER,
);
const NO_TYPE = hint(
  "The body has a detail but no detail-type: an input transformer left out a part of the EventBridge event.",
  EVENT,
  NO_TRANSFORMER,
  "detail-type",
);
const STRING = hint(
  "The body is JSON text within JSON: the event was encoded twice.",
  "the event itself",
  "Send the text as it is, without encoding it again (an input template must not put it in quotes).",
);
const SQS = hint(
  "The record is a message of SQS, which holds the event as text in its body.",
  "the event itself",
  "Forward each message's body, not the batch that a Lambda function is given.",
  "eventSource",
);
const SNS = hint(
  "The record is a message of SNS that came by another way than SNS's own HTTPS delivery.",
  "the event in its Message, or SNS's own signed delivery",
  "Forward the Message (Sns.Message in a Lambda function), or subscribe this address to the topic.",
  "EventSource",
);
