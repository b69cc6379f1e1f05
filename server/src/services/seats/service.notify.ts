import type { Clock } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import type { Deltas, PerformanceDelta, SeatStore } from './store.ts';

/**
 * How long changes are gathered before other processes receive them: viewers get at most some tens
 * of frames a second, and a rush makes hundreds of changes.
 */
const gatherMs = 30;

/**
 * Sends the changes that this process has committed to the other processes, many at once and
 * outside the transactions that made them (sql/notify-changes.sql says why).
 */
export const makeNotifier = (deps: {
  store: Pick<SeatStore, 'notifyChanges'>;
  clock: Clock;
  log: Log;
}) => {
  const { store, clock, log } = deps;
  let gathered: PerformanceDelta[] = [];
  let sending: Promise<void> | null = null;
  const hurry = new AbortController();

  const send = async (): Promise<void> => {
    while (gathered.length > 0) {
      await clock.sleep(gatherMs, hurry.signal);
      const deltas = gathered;
      gathered = [];
      await store
        .notifyChanges(deltas)
        .catch((error: unknown) => log.warn({ err: error }, 'notifying of seat changes failed'));
    }
    sending = null;
  };
  return {
    /** The other processes receive these changes soon, or notice by themselves. */
    notify: (deltas: Deltas): void => {
      if (deltas.length === 0) return;
      gathered.push(...deltas);
      sending ??= send();
    },
    /** Sends what is gathered. */
    close: async (): Promise<void> => {
      hurry.abort();
      await sending;
    },
  };
};
