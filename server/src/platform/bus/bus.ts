import type { OutboxEvent } from '../outbox/consumer.ts';

/** All events of the outbox after `afterSeq` and up to `throughSeq`, in order. */
export type Batch = {
  readonly afterSeq: number;
  readonly throughSeq: number;
  readonly events: readonly OutboxEvent[];
};

/**
 * Carries final events from the outbox to those who consume them. A batch may come more than once,
 * and to a subscriber that is further or not so far: the subscriber's cursor says what is its own.
 */
export type Bus = {
  /**
   * Resolves when every subscriber has taken the batch. One that fails does not keep it from the
   * others; its error is thrown after that.
   */
  publish(batch: Batch): Promise<void>;
  /** `hear` is called with one batch at a time. */
  subscribe(hear: (batch: Batch) => Promise<void>): void;
};
