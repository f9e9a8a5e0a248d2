// What queues.ts must know of each queue's consumer; cli/local/local-config.ts writes it down for `weir dev`.

/** A queue's consumer as its Worker's configuration has it, and the service binding that reaches that Worker. */
export interface Consumer {
  queue: string;
  binding: string;
  max_batch_size?: number;
  /** Seconds. */
  max_batch_timeout?: number;
  max_retries?: number;
  dead_letter_queue?: string;
  /** Seconds. */
  retry_delay?: number;
}
