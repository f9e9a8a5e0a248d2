// The settings of a queue's consumer that queues.ts reads; cli/local/local-config.ts writes them for `weir dev`.

/** Consumer of a queue, as its Worker's configuration has it. `binding` is the service binding to that Worker. */
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
