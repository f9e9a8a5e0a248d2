// Queues on disk, for local work: the queues of `wrangler dev` live in memory and are gone at every reload. Each queue is
// one Durable Object with SQLite; producers reach it through `QueueDoor`, which has the shape of a Queue binding, and it
// calls its consumer's queue handler. cli/local/local-config.ts binds all of it. Never deployed.
import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";
import { logError } from "../../src/shapes/log.ts";
import type { Consumer } from "./consumer.ts";
import { type CutOffBindings, takeUpCutOff } from "./cut-off.ts";

export interface QueueBindings extends CutOffBindings {
  LOCAL_QUEUES: DurableObjectNamespace<LocalQueue>;
  CONSUMERS: Consumer[];
}

/** A consumer's queue handler, as a service binding calls it; the types of Workers lack it. */
interface QueueHandler {
  queue(
    queue: string,
    messages: { id: string; timestamp: Date; attempts: number; body: unknown }[],
  ): Promise<BatchResult>;
}
interface BatchResult {
  outcome: string;
  retryBatch: { retry: boolean; delaySeconds?: number };
  retryMessages: { msgId: string; delaySeconds?: number }[];
  explicitAcks: string[];
}
type Row = { id: string; body: string; sent_at: number; due_at: number; attempts: number };
type NewMessage = Omit<Row, "due_at"> & { delaySeconds?: number };

/** Limits and defaults of Cloudflare Queues, the same in `wrangler dev`. */
const MAX_MESSAGE_BYTES = 128_000;
const MAX_MESSAGES = 100;
const DEFAULT_BATCH_MESSAGES = 5;
const DEFAULT_BATCH_SECONDS = 1;
const DEFAULT_RETRIES = 2;

/** A queue's producer: `send` and `sendBatch` of a Queue binding. Its props name the queue. */
export class QueueDoor extends WorkerEntrypoint<QueueBindings, { queue: string }> {
  send(body: unknown, options: QueueSendOptions = {}): Promise<void> {
    return this.sendBatch([{ body, ...options }]);
  }

  async sendBatch(messages: MessageSendRequest[], options: QueueSendBatchOptions = {}): Promise<void> {
    if (messages.length > MAX_MESSAGES) throw new Error(`A batch holds ${MAX_MESSAGES} messages at most.`);
    const now = Date.now();
    const kept = messages.map(({ body, delaySeconds = options.delaySeconds ?? 0 }) => {
      const text = JSON.stringify(body);
      if (text === undefined || new TextEncoder().encode(text).length > MAX_MESSAGE_BYTES)
        throw new Error(`A message is JSON of ${MAX_MESSAGE_BYTES} bytes at most.`);
      return { id: crypto.randomUUID(), body: text, sent_at: now, attempts: 0, delaySeconds };
    });
    await queueOf(this.env, this.ctx.props.queue).keep(this.ctx.props.queue, kept);
  }
}

const queueOf = ({ LOCAL_QUEUES }: QueueBindings, queue: string) =>
  LOCAL_QUEUES.get(LOCAL_QUEUES.idFromName(queue));

/** Says whether a run's message waits in a queue. */
export const isQueuedIn =
  (env: QueueBindings) =>
  (queue: string, runId: string): Promise<boolean> =>
    queueOf(env, queue).holds(`"run_id":${JSON.stringify(runId)}`);

/** Lets every queue go on with the messages that it held when the last process ended. */
export async function wakeQueues(env: QueueBindings): Promise<void> {
  await Promise.all(env.CONSUMERS.map(({ queue }) => queueOf(env, queue).wake(queue)));
}

/** One queue. A message is on disk before its sender gets an answer, and is deleted once its consumer has taken it. */
export class LocalQueue extends DurableObject<QueueBindings> {
  readonly #sql = this.ctx.storage.sql;

  constructor(ctx: DurableObjectState, env: QueueBindings) {
    super(ctx, env);
    this.#sql.exec(
      `CREATE TABLE IF NOT EXISTS messages (
         id TEXT PRIMARY KEY, body TEXT NOT NULL, sent_at INTEGER NOT NULL, due_at INTEGER NOT NULL,
         attempts INTEGER NOT NULL) WITHOUT ROWID;
       CREATE INDEX IF NOT EXISTS messages_due ON messages (due_at);`,
    );
  }

  /** Keeps messages until they are due and delivered; a message whose id is kept already is left out. */
  async keep(queue: string, messages: NewMessage[]): Promise<void> {
    const now = Date.now();
    for (const { id, body, sent_at, attempts, delaySeconds = 0 } of messages)
      this.#sql.exec(
        "INSERT OR IGNORE INTO messages VALUES (?, ?, ?, ?, ?)",
        ...[id, body, sent_at, now + delaySeconds * 1000, attempts],
      );
    await this.wake(queue);
  }

  /** Whether a message holds this text. */
  holds(text: string): boolean {
    return (
      this.#sql.exec("SELECT 1 FROM messages WHERE instr(body, ?) > 0 LIMIT 1", text).toArray().length > 0
    );
  }

  /** Sets the alarm for the next batch: when it is full, or when its oldest message has waited long enough. */
  async wake(queue: string): Promise<void> {
    // An alarm does not know the name of its object.
    await this.ctx.storage.put("queue", queue);
    const consumer = this.#consumer(queue);
    if (!consumer) return;
    const size = consumer.max_batch_size ?? DEFAULT_BATCH_MESSAGES;
    const [oldest] = this.#sql.exec<Row>("SELECT * FROM messages ORDER BY due_at LIMIT 1").toArray();
    if (!oldest) return;
    const [last] = this.#sql
      .exec<Row>("SELECT * FROM messages ORDER BY due_at LIMIT 1 OFFSET ?", size - 1)
      .toArray();
    const latest = oldest.due_at + (consumer.max_batch_timeout ?? DEFAULT_BATCH_SECONDS) * 1000;
    await this.ctx.storage.setAlarm(Math.max(Date.now(), Math.min(latest, last?.due_at ?? latest)));
  }

  /** Delivers one batch, and sets the alarm for the next. A queue delivers one batch at a time. */
  override async alarm(): Promise<void> {
    this.ctx.waitUntil(
      takeUpCutOff(this.env, isQueuedIn(this.env)).catch((error: unknown) => console.error(String(error))),
    );
    const queue = await this.ctx.storage.get<string>("queue");
    const consumer = queue === undefined ? undefined : this.#consumer(queue);
    if (queue === undefined || !consumer) return;
    const batch = this.#sql
      .exec<Row>(
        "SELECT * FROM messages WHERE due_at <= ? ORDER BY due_at LIMIT ?",
        Date.now(),
        consumer.max_batch_size ?? DEFAULT_BATCH_MESSAGES,
      )
      .toArray();
    if (batch.length > 0) await this.#settle(consumer, batch, await this.#deliver(consumer, batch));
    await this.wake(queue);
  }

  async #deliver({ queue, binding }: Consumer, batch: Row[]): Promise<BatchResult> {
    const worker = (this.env as unknown as Record<string, QueueHandler>)[binding];
    try {
      if (!worker) throw new Error(`No Worker is bound as ${binding}.`);
      return await worker.queue(
        queue,
        batch.map(({ id, sent_at, attempts, body }) => ({
          id,
          timestamp: new Date(sent_at),
          attempts: attempts + 1,
          body: JSON.parse(body),
        })),
      );
    } catch (error) {
      logError("queue.failed", { queue, error: String(error) });
      return { outcome: "exception", retryBatch: { retry: true }, retryMessages: [], explicitAcks: [] };
    }
  }

  /** Deletes messages that were taken; others come again, or go to the dead-letter queue after their last delivery. */
  async #settle(consumer: Consumer, batch: Row[], result: BatchResult): Promise<void> {
    const { retryBatch, retryMessages, explicitAcks, outcome } = result;
    const retryDelays = new Map(retryMessages.map(({ msgId, delaySeconds }) => [msgId, delaySeconds]));
    const isWholeBatch = retryBatch.retry || outcome !== "ok";
    const failed = batch.filter(
      ({ id }) => retryDelays.has(id) || (isWholeBatch && !explicitAcks.includes(id)),
    );
    const isLast = ({ attempts }: Row) => attempts >= (consumer.max_retries ?? DEFAULT_RETRIES);
    const dead = failed.filter(isLast);
    if (dead.length > 0 && consumer.dead_letter_queue !== undefined)
      await queueOf(this.env, consumer.dead_letter_queue).keep(
        consumer.dead_letter_queue,
        dead.map(({ id, body, sent_at }) => ({ id, body, sent_at, attempts: 0 })),
      );
    const now = Date.now();
    const retried = new Set(failed.filter((row) => !isLast(row)));
    for (const row of batch) {
      if (!retried.has(row)) this.#sql.exec("DELETE FROM messages WHERE id = ?", row.id);
      else {
        const seconds = retryDelays.get(row.id) ?? retryBatch.delaySeconds ?? consumer.retry_delay ?? 0;
        this.#sql.exec(
          "UPDATE messages SET attempts = attempts + 1, due_at = ? WHERE id = ?",
          now + seconds * 1000,
          row.id,
        );
      }
    }
  }

  #consumer(queue: string): Consumer | undefined {
    return this.env.CONSUMERS.find((consumer) => consumer.queue === queue);
  }
}
