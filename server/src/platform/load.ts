import { performance } from 'node:perf_hooks';

export type Load = {
  /** 0 to 1: how much of the time since the watch began this thread was not waiting for events. */
  share(): number;
};

export const watchLoad = (): Load => {
  const start = performance.eventLoopUtilization();
  return { share: () => performance.eventLoopUtilization(start).utilization };
};
