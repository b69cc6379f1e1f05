import type { Route } from './http/route.ts';
import type { Job } from './jobs.ts';
import type { Consumer } from './journal/relay.ts';
import type { Worker } from './worker.ts';

/**
 * What a service adds to the program. After opening it can answer: nothing runs yet. A process
 * opens the services that it serves and those that they use; it starts only the ones it serves.
 */
export type Module<Service> = {
  /** What other services may call, available as soon as it is opened. */
  readonly service: Service;
  readonly routes: readonly Route[];
  /** Run after `start`: only a process that serves the service receives events and runs jobs. */
  readonly consumers?: readonly Consumer[];
  readonly jobs?: readonly Job[];
  /**
   * Follows changes by other processes that responses depend on (ended sessions, rooms). It only
   * reads, and belongs to opening: without it a response would be wrong, not late.
   */
  follow?(): Worker;
  /** Starts the work on shared data: sweeping, recovering, ticking, counting. */
  start(): Worker | Promise<Worker>;
  /** What a started service lacks to serve, in a word each; none: this process is ready for it. */
  missing?(): readonly string[];
  /** Called after the workers have stopped; flushes batches: accepted calls are finished first. */
  close(): Promise<void>;
};
