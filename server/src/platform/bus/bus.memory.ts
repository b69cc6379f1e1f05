import type { Batch, Bus } from './bus.ts';

/** Within one process: events are delivered before `publish` resolves. */
export const makeMemoryBus = (): Bus => {
  const subscribers: ((batch: Batch) => Promise<void>)[] = [];
  return {
    publish: async (batch) => {
      const errors: unknown[] = [];
      for (const deliver of subscribers) await deliver(batch).catch((error) => errors.push(error));
      if (errors.length > 0) throw errors[0];
    },
    subscribe: (hear) => void subscribers.push(hear),
  };
};
