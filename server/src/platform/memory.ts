import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Clock } from './clock.ts';
import { watchLoad } from './load.ts';
import type { Log } from './log.ts';

type CollectAll = (options: { type: 'major'; execution: 'sync'; flavor: 'last-resort' }) => void;

/**
 * Collects all garbage at once and returns the pages to the system. V8 keeps the heap that a rush
 * needed for the next one, so an office that sells once a week would hold it all week: after the
 * demo was seeded 264 MB instead of 158. Blocks this thread for about 5 ms per MB in use. Compiled
 * code goes with it: the next few thousand requests take 0.3 s of CPU more in all, as after a
 * start. A regular collection would keep the code, and returns nothing.
 */
export const releaseMemory = (): void => {
  // The only way to call it; in a separate context, so that no other code finds a `gc`.
  setFlagsFromString('--expose-gc');
  const collectAll = runInNewContext('gc') as CollectAll;
  setFlagsFromString('--no-expose-gc');
  collectAll({ type: 'major', execution: 'sync', flavor: 'last-resort' });
};

/** A load is measured over this time. */
const lookEveryMs = 15_000;
/** Shares of a core: the demo's seeding takes a whole one, an idle office 2 %. */
const rushShare = 0.2;
const restShare = 0.05;
/** With more in use the pause is noticeable: half a second at this size. An office uses 55 MB. */
const usedMaxBytes = 100e6;

/**
 * Releases memory once after each rush, when the process is idle again. `share` returns the share
 * of time, since it was last called, in which this thread was busy.
 */
export const openMemoryKeeper = (options: {
  clock: Clock;
  log: Pick<Log, 'debug'>;
  share?: () => number;
  usedBytes?: () => number;
  release?: () => void;
}): { close(): Promise<void> } => {
  const { clock, log, share = makeShare(), release = releaseMemory } = options;
  const usedBytes = options.usedBytes ?? (() => process.memoryUsage().heapUsed);
  const closing = new AbortController();
  const look = (hadRush: boolean): boolean => {
    const worked = share();
    if (worked >= rushShare) return true;
    if (!hadRush || worked > restShare || usedBytes() > usedMaxBytes) return hadRush;
    const startedAtMs = clock.monotonicMs();
    release();
    log.debug({ tookMs: Math.round(clock.monotonicMs() - startedAtMs) }, 'memory released');
    return false;
  };
  const run = async (): Promise<void> => {
    // A start is a rush: all code was compiled.
    let hadRush = true;
    for (;;) {
      await clock.sleep(lookEveryMs, closing.signal);
      if (closing.signal.aborted) return;
      hadRush = look(hadRush);
    }
  };
  const ended = run();
  return {
    close: () => {
      closing.abort();
      return ended;
    },
  };
};

const makeShare = (): (() => number) => {
  let load = watchLoad();
  return () => {
    const share = load.share();
    load = watchLoad();
    return share;
  };
};
