import { AsyncLocalStorage } from 'node:async_hooks';
import type { Histogram } from 'prom-client';
import { assert, Failure } from './failure.ts';
import { isRolledBack } from './postgres/sql.ts';

/**
 * Group commit: calls that arrive while earlier batches are being committed go together in the
 * next one, in arrival order. A commit of 100 purchases costs 6.6 µs of database CPU for each; one
 * commit per purchase costs 85 µs (docs/performance.md). With nothing in flight, a call is sent at
 * the end of the current turn of the event loop, so an idle program adds no delay.
 */
export type Batcher<I, O> = {
  /**
   * Resolves with this item's result after its batch was committed. Rejects with this item's own
   * error, which changed nothing; with the error of the batch, if that leaves open what happened;
   * or with OVERLOADED, when too many are waiting (nothing was done).
   */
  add(item: I): Promise<O>;
  /** Resolves when everything that was added has been answered; later calls are refused. */
  close(): Promise<void>;
};

type Waiting<I, O> = { item: I; resolve: (result: O) => void; reject: (error: unknown) => void };

export const makeBatcher = <I, O>(options: {
  name: string;
  /** Processes a batch; must return one result for each item, in the same order. */
  run: (items: readonly I[]) => Promise<readonly O[]>;
  /** Largest batch; 256 keeps a batch near 5 ms in the database. */
  sizeMax?: number;
  /** Batches in flight at once; with 2 the database works while we prepare the next. */
  inFlightMax?: number;
  /** Calls that may wait; beyond it the caller is refused at once instead of piling up. */
  waitingMax?: number;
  sizes?: Histogram;
}): Batcher<I, O> => {
  const { name, run, sizeMax = 256, inFlightMax = 2, waitingMax = 20_000, sizes } = options;
  let waiting: Waiting<I, O>[] = [];
  let inFlight = 0;
  let scheduled = false;
  let closing: Promise<void> | null = null;
  let drained = (): void => undefined;
  // A batch belongs to no caller: it does not run in the trace of the call that started it.
  const asNobody = AsyncLocalStorage.snapshot();

  /**
   * An error stays with its sender: a batch that the database rolled back changed nothing, so it is
   * run again in halves, down to the item that fails alone. One bad item among 256 costs 16 more
   * batches. After any other error the outcome may be unknown, and it goes to all.
   */
  const settle = async (batch: readonly Waiting<I, O>[]): Promise<void> => {
    try {
      const results = await run(batch.map((entry) => entry.item));
      assert(results.length === batch.length, `${name}: one result for each item`);
      for (let i = 0; i < batch.length; i++) batch[i]?.resolve(results[i] as O);
    } catch (error) {
      if (batch.length === 1 || !isRolledBack(error)) {
        for (const entry of batch) entry.reject(error);
        return;
      }
      const middle = batch.length >> 1;
      await settle(batch.slice(0, middle));
      await settle(batch.slice(middle));
    }
  };
  const flush = async (): Promise<void> => {
    scheduled = false;
    if (waiting.length === 0 || inFlight >= inFlightMax) return;
    const batch = waiting.length <= sizeMax ? waiting : waiting.slice(0, sizeMax);
    waiting = batch === waiting ? [] : waiting.slice(sizeMax);
    inFlight++;
    if (waiting.length > 0) schedule();
    sizes?.observe({ batch: name }, batch.length);
    await settle(batch);
    inFlight--;
    if (waiting.length > 0) schedule();
    else if (inFlight === 0) drained();
  };
  const schedule = (): void => {
    if (scheduled || inFlight >= inFlightMax) return;
    scheduled = true;
    setImmediate(() => void asNobody(flush));
  };

  return {
    add: (item) =>
      new Promise((resolve, reject) => {
        if (closing !== null || waiting.length >= waitingMax) {
          const why = closing === null ? 'too many calls are waiting' : 'closing';
          reject(new Failure('OVERLOADED', `${name}: ${why}`, { retryable: true }));
          return;
        }
        waiting.push({ item, resolve, reject });
        schedule();
      }),
    close: () => {
      closing ??= new Promise((resolve) => {
        drained = resolve;
        if (waiting.length === 0 && inFlight === 0) resolve();
      });
      return closing;
    },
  };
};
