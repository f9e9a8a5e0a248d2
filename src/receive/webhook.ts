// Receives a webhook delivery: its connection is looked up, its body read, proven, normalised and made durable; only
// then is it accepted. Free of any HTTP framework; http/webhook.ts turns the Result into a response.
import type { Connections, Scheme, SchemeName } from "../shapes/connection.ts";
import type { Event } from "../shapes/event.ts";
import { type Failure, fail, ok, type Result } from "../shapes/failure.ts";
import { MAX_BODY_BYTES, readCapped, tooLarge } from "./body.ts";
import { isAcceptableType } from "./media-type.ts";
import type { Context, Quarantined } from "./normalise/contract.ts";
import { normalise } from "./normalise/normalise.ts";
import { recordText } from "./record-text.ts";
import type { TtlCache } from "./ttl-cache.ts";
import type { Delivery, Handshake, Proof, Trust } from "./verify/contract.ts";
import { prove } from "./verify/prove.ts";
import { confirmSubscription } from "./verify/sns.ts";

/** A delivery that was refused, for the record. */
export interface RefusedDelivery {
  connection: string;
  /** Scheme by which the delivery was proven or claimed to be; absent where there was no claim. */
  scheme?: SchemeName;
  failure: Failure;
  received_at: string;
}

/** A proven record that is no event of its connection, for the record. */
export interface QuarantineEntry extends Omit<Quarantined, "raw"> {
  connection: string;
  /** The record as text, without what its sender hides in it. */
  raw: string;
  scheme: SchemeName;
  received_at: string;
}

/** Means of receiving: connections, clock, stores. */
export interface WebhookDeps {
  connections: Connections;
  trust: Trust;
  /** Milliseconds since the epoch. */
  now(): number;
  /** Makes the events durable; throws when it cannot. */
  send(events: Event[]): Promise<void>;
  /** Puts a refusal on record; must not throw. */
  reject(rejection: RefusedDelivery): void;
  /** Makes quarantined records durable; throws when it cannot. */
  quarantine(entries: QuarantineEntry[]): Promise<void>;
  /** Signatures already accepted, for schemes whose signatures are valid once; one cache per isolate. */
  used?: TtlCache<true>;
  /** Largest body, bytes; 1 MiB unless given. */
  maxBodyBytes?: number;
}

/** A result with the scheme that was tried, where there was one. */
type ReceivedDelivery =
  | { ok: true; value: AcceptedDelivery }
  | { ok: false; failure: Failure; scheme?: SchemeName; isOnRecord?: boolean };

/** Body of the 202 that a sender is answered with. */
export interface AcceptedDelivery {
  events: Pick<Event, "id" | "bucket" | "key">[];
  /** Records that were proven but are no events. */
  quarantined: number;
  handshake?: Handshake["kind"];
  probe?: string;
  /** The status to answer with in place of 202, for a sender that takes no other for success. */
  acknowledge?: 200;
}

/**
 * Receives one webhook delivery for a connection.
 *
 * @returns what was accepted, after it is durable; else `not_found`, `unsupported_media_type`,
 * `too_large`, `unproven`, `forbidden`, `malformed`, or `unavailable` when the fault is ours.
 */
export async function receiveWebhook(
  request: Request,
  connectionId: string,
  deps: WebhookDeps,
): Promise<Result<AcceptedDelivery>> {
  const context = { connection: connectionId, receivedAt: deps.now() };
  const accepted = await receive(request, context, deps);
  if (accepted.ok) return accepted;
  const { failure, scheme, isOnRecord } = accepted;
  const received_at = new Date(context.receivedAt).toISOString();
  // What is quarantined is a rejection already, with its text.
  if (isOnRecord !== true)
    deps.reject({ connection: connectionId, ...(scheme && { scheme }), failure, received_at });
  return { ok: false, failure: publicFailure(failure) };
}

/** The failure as the sender is told it: which of our settings is missing or wrong is for the record only. */
function publicFailure(failure: Failure): Failure {
  if (failure.kind !== "unavailable" || failure.where === undefined) return failure;
  const { kind, retry_after_seconds = 60 } = failure;
  return {
    kind,
    detail: "This connection is not fully set up; the cause is on record.",
    retry_after_seconds,
  };
}

async function receive(request: Request, context: Context, deps: WebhookDeps): Promise<ReceivedDelivery> {
  const source = sourceOf(context.connection, deps.connections);
  if (!source.ok) return source;
  const delivery = await deliveryOf(request, context, deps.maxBodyBytes ?? MAX_BODY_BYTES);
  if (!delivery.ok) return delivery;
  const proof = await prove(delivery.value, source.value.schemes, deps.trust);
  if (!proof.ok) return proof;
  const { scheme } = proof.value;
  const taken = await acceptProof(proof.value, { ...context, buckets: source.value.buckets }, deps);
  return taken.ok ? taken : { ...taken, scheme };
}

/** Accepts a proven delivery: uses its signature up, answers a handshake, normalises the events, makes them durable. */
async function acceptProof(proof: Proof, context: Context, deps: WebhookDeps): Promise<ReceivedDelivery> {
  const use = useSignatureOnce(proof, context, deps.used);
  if (!use.ok) return use;
  if (proof.handshake !== undefined) return answerHandshake(proof.handshake, deps.trust);

  const normalised = normalise(proof.payload, proof.headers, context);
  if (!normalised.ok) {
    const { payload } = proof;
    const raw = typeof payload === "string" ? payload : new TextDecoder().decode(payload);
    const entry = { index: 0, failure: normalised.failure, raw };
    const kept = await makeDurable([], [entry], proof.scheme, context, deps);
    if (!kept.ok) use.value.undo();
    return kept.ok ? { ...normalised, isOnRecord: true } : kept;
  }
  const { quarantined, probe, acknowledge } = normalised.value;
  const events = normalised.value.events.map(portable);
  const kept = await makeDurable(events, quarantined, proof.scheme, context, deps);
  if (!kept.ok) {
    use.value.undo();
    return kept;
  }
  return ok({
    events: events.map(({ id, bucket, key }) => ({ id, bucket, key })),
    quarantined: quarantined.length,
    ...(probe !== undefined && { probe }),
    ...(acknowledge !== undefined && { acknowledge }),
  });
}

/** Largest event in a message, bytes: a message holds 128,000, and jobs and dead letters add to the event. */
const MAX_EVENT_BYTES = 96_000;

/**
 * The event as it fits into a message: where its metadata and tags are too much, in an alphabet of many bytes,
 * it goes without them. They then count as not said, and are looked up where a filter hangs on them. Nothing
 * else of an event can be as long (normalise/contract.ts).
 */
function portable(event: Event): Event {
  if (new TextEncoder().encode(JSON.stringify(event)).length <= MAX_EVENT_BYTES) return event;
  const { metadata: _, tags: __, ...rest } = event;
  return rest;
}

/** Schemes and buckets of a connection whose events come over HTTP. @returns `not_found` for any other id */
function sourceOf(
  id: string,
  { connections }: Connections,
): Result<{ schemes: Scheme[]; buckets: string[] }> {
  const connection = Object.hasOwn(connections, id) ? connections[id] : undefined;
  if (connection !== undefined && connection.kind !== "d1") {
    const schemes = connection.events.filter(({ scheme }) => scheme !== "r2-queue");
    if (schemes.length > 0) return ok({ schemes, buckets: connection.buckets });
  }
  return fail("not_found", "No connection of this id receives webhooks.", { where: "connection" });
}

async function deliveryOf(request: Request, context: Context, cap: number): Promise<Result<Delivery>> {
  const { method, url, headers } = request;
  if (!isAcceptableType(headers)) {
    return fail("unsupported_media_type", "The body is not announced as JSON.", {
      where: "Content-Type",
      expected: "application/json or another JSON type",
    });
  }
  if (Number(headers.get("content-length")) > cap) return tooLarge(cap);
  try {
    const body = await readCapped(request.body, cap);
    if (!body.ok) return body;
    return ok({ method, url: new URL(url), headers, body: body.value, receivedAt: context.receivedAt });
  } catch {
    return fail("invalid", "The body ended before it was complete.");
  }
}

/** Uses up a signature that is valid once; undone when a fault of ours makes the sender repeat the delivery. */
function useSignatureOnce(
  { onceUntil, replayId }: Proof,
  { connection, receivedAt }: Context,
  used: WebhookDeps["used"],
): Result<{ undo(): void }> {
  const name = `${connection} ${replayId}`;
  if (onceUntil !== undefined) {
    if (used?.get(name, receivedAt)) return fail("unproven", "This signature was used before.");
    used?.set(name, true, onceUntil);
  }
  return ok({ undo: () => used?.delete(name) });
}

async function answerHandshake(handshake: Handshake, trust: Trust): Promise<Result<AcceptedDelivery>> {
  if (handshake.kind === "subscription") {
    const confirmed = await confirmSubscription(handshake.confirm, trust);
    if (!confirmed.ok) return confirmed;
  }
  return ok({ events: [], quarantined: 0, handshake: handshake.kind });
}

/** Makes events and quarantined records durable. Events first: repeated after a fault, they are the same events. */
async function makeDurable(
  events: Event[],
  quarantined: Quarantined[],
  scheme: SchemeName,
  { connection, receivedAt }: Context,
  deps: WebhookDeps,
): Promise<Result<void>> {
  const received_at = new Date(receivedAt).toISOString();
  try {
    if (events.length > 0) await deps.send(events);
    if (quarantined.length > 0) {
      const entries = quarantined.map(({ raw, ...entry }) => ({ ...entry, raw: recordText(raw) }));
      await deps.quarantine(entries.map((entry) => ({ ...entry, connection, scheme, received_at })));
    }
    return ok(undefined);
  } catch {
    return fail("unavailable", "The events could not be made durable.", { retry_after_seconds: 5 });
  }
}
