import type { Route } from './http/route.ts';
import type { Job } from './jobs.ts';
import type { Consumer } from './outbox/relay.ts';
import type { Worker } from './worker.ts';

/**
 * What a service brings to the program. Opening it is enough to answer: nothing runs yet. A process
 * opens the services that it serves and those that these ask; it starts only the ones it serves.
 */
export type Module<Service> = {
  /** What other services may ask, from when it is opened. */
  readonly service: Service;
  readonly routes: readonly Route[];
  /** Begin with `start`: only a process that serves the service hears events and runs jobs. */
  readonly consumers?: readonly Consumer[];
  readonly jobs?: readonly Job[];
  /**
   * Keeps up with what other processes change and answers depend on (ended sessions, rooms). It
   * reads only, and belongs to opening: without it an answer would be wrong, not late.
   */
  follow?(): Worker;
  /** Begins the work on what all processes share: sweeping, recovering, ticking, counting. */
  start(): Worker | Promise<Worker>;
  /** Called after the workers were stopped; ends batches: what was accepted is finished first. */
  close(): Promise<void>;
};
