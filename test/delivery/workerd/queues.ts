// Queues as Cloudflare has them, in the test's hands and time: at least once, delayed, tried again, given to
// a dead-letter queue. Real ones can't be made to fail, and local ones die with their process; what is held
// to here is what is documented of them: 128 KB a message, 100 messages and 256 KB a batch, a retry for each
// message that was not acknowledged when its consumer threw.
const MAX_MESSAGE = 128_000;
const MAX_BATCH = 256_000;

interface Waiting {
  id: string;
  body: string;
  attempts: number;
  at: number;
  sent: number;
}
export interface Consumer {
  take(batch: MessageBatch<unknown>): Promise<void>;
  retries: number;
  size: number;
  dead?: string;
}

export class StandInQueues {
  /** Messages that were given up with no dead-letter queue behind them. There must be none. */
  readonly lost: string[] = [];
  readonly #queues = new Map<string, Waiting[]>();
  readonly #now: () => number;
  #ids = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** A producer's binding. */
  sender(queue: string) {
    return {
      send: async (body: unknown, { delaySeconds = 0 } = {}) => this.#push(queue, [body], delaySeconds),
      sendBatch: async (messages: Iterable<{ body: unknown }>) =>
        this.#push(
          queue,
          [...messages].map(({ body }) => body),
          0,
        ),
    };
  }

  #of(queue: string): Waiting[] {
    const waiting = this.#queues.get(queue) ?? [];
    this.#queues.set(queue, waiting);
    return waiting;
  }

  #push(queue: string, bodies: unknown[], delaySeconds: number): void {
    const texts = bodies.map((body) => JSON.stringify(body));
    const sizes = texts.map((text) => Buffer.byteLength(text));
    if (texts.length > 100 || sizes.some((size) => size > MAX_MESSAGE) || sum(sizes) > MAX_BATCH)
      throw new Error(`queue ${queue}: ${texts.length} messages of ${sum(sizes)} bytes are too many`);
    const sent = this.#now();
    for (const body of texts)
      this.#of(queue).push({
        id: `m${this.#ids++}`,
        body,
        attempts: 0,
        at: sent + delaySeconds * 1000,
        sent,
      });
  }

  /** When the next message can be delivered, or undefined where none waits. */
  next(): number | undefined {
    const times = [...this.#queues.values()].flat().map(({ at }) => at);
    return times.length > 0 ? Math.min(...times) : undefined;
  }

  /** Delivers one batch of what is due, if anything is. */
  async deliver(consumers: Record<string, Consumer>): Promise<boolean> {
    for (const [queue, waiting] of this.#queues) {
      const due = waiting.filter(({ at }) => at <= this.#now());
      if (due.length === 0) continue;
      const consumer = consumers[queue];
      if (!consumer) throw new Error(`nobody takes from ${queue}`);
      const batch = due.slice(0, consumer.size);
      this.#queues.set(
        queue,
        waiting.filter((message) => !batch.includes(message)),
      );
      await this.#give(queue, batch, consumer);
      return true;
    }
    return false;
  }

  async #give(queue: string, batch: Waiting[], consumer: Consumer): Promise<void> {
    const verdicts = new Map<Waiting, { retry: boolean; delaySeconds: number }>();
    const decide = (message: Waiting, retry: boolean, delaySeconds = 0) => {
      if (!verdicts.has(message)) verdicts.set(message, { retry, delaySeconds });
    };
    const messages = batch.map((message) => {
      message.attempts++;
      const { id, attempts, body, sent } = message;
      return {
        id,
        attempts,
        timestamp: new Date(sent),
        body: JSON.parse(body),
        ack: () => decide(message, false),
        retry: (options?: { delaySeconds?: number }) => decide(message, true, options?.delaySeconds),
      };
    });
    const threw = await consumer.take({ queue, messages } as unknown as MessageBatch<unknown>).then(
      () => false,
      () => true,
    );
    for (const message of batch) {
      const { retry, delaySeconds } = verdicts.get(message) ?? { retry: threw, delaySeconds: 0 };
      if (!retry) continue;
      if (message.attempts <= consumer.retries)
        this.#of(queue).push({ ...message, at: this.#now() + delaySeconds * 1000 });
      else if (consumer.dead === undefined) this.lost.push(`${queue}: ${message.body}`);
      else this.#of(consumer.dead).push({ ...message, attempts: 0, at: this.#now() });
    }
  }
}

const sum = (numbers: number[]) => numbers.reduce((total, one) => total + one, 0);
