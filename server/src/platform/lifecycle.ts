import type { Log } from './log.ts';

/** Closers stand next to their openers; closing goes in the reverse order of opening. */
export type Lifecycle = {
  onClose(name: string, close: () => Promise<void> | void): void;
  /**
   * Closes everything once; if a part fails to close, the others are still closed. What was opened
   * meanwhile, by a start that was cancelled halfway, is closed by the next call.
   */
  close(): Promise<void>;
};

export const makeLifecycle = (log: Log): Lifecycle => {
  const closers: { name: string; close: () => Promise<void> | void }[] = [];
  let closing: Promise<void> = Promise.resolve();
  const closeAll = async (): Promise<void> => {
    for (let closer = closers.pop(); closer !== undefined; closer = closers.pop()) {
      try {
        await closer.close();
        log.debug({ part: closer.name }, 'closed');
      } catch (error) {
        log.error({ err: error, part: closer.name }, 'closing failed');
      }
    }
  };
  return {
    onClose: (name, close) => void closers.push({ name, close }),
    close: () => {
      closing = closing.then(closeAll);
      return closing;
    },
  };
};
