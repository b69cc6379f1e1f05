import type { JournalEvent } from '../journal/consumer.ts';

/** All events of the journal after `afterSeq` and up to `throughSeq`, in order. */
export type Batch = {
  readonly afterSeq: number;
  readonly throughSeq: number;
  readonly events: readonly JournalEvent[];
};

/**
 * Carries final events from the journal to their consumers. A batch may arrive more than once, and
 * a subscriber may be ahead of it or behind it: the subscriber’s cursor decides what is new to it.
 */
export type Bus = {
  /**
   * Resolves when every subscriber has processed the batch. If one fails, the others still receive
   * it; its error is thrown afterwards.
   */
  publish(batch: Batch): Promise<void>;
  /** `hear` is called with one batch at a time. */
  subscribe(hear: (batch: Batch) => Promise<void>): void;
};
