import type { Route } from './http/route.ts';
import type { Job } from './jobs.ts';
import type { Consumer } from './outbox/relay.ts';

/** What a service brings to the program when it is opened. */
export type Module<Service> = {
  readonly service: Service;
  readonly routes: readonly Route[];
  readonly consumers?: readonly Consumer[];
  readonly jobs?: readonly Job[];
  /** Ends loops and batches; what was accepted is finished first. */
  close(): Promise<void>;
};
