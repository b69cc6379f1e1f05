import type { Clock } from './clock.ts';
import type { Cycle } from './cycle.ts';
import type { Shortcuts } from './http/shortcut.ts';
import type { Ids } from './ids.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import type { Database } from './postgres/sql.ts';
import type { SideThread } from './side-thread.ts';
import type { Tracing } from './tracing.ts';

/** What every service receives: the tools, and notifications from other processes. */
export type Context = {
  readonly db: Database;
  /** Commits the calls of all services together, as one statement at a time. */
  readonly cycle: Cycle;
  /** For work of 10 ms and more, such as drawing a ticket. */
  readonly sideThread: SideThread;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly tracing: Tracing;
  readonly shortcuts: Shortcuts;
  /** Of the installation: the same in all its processes. */
  readonly secret: string;
  /** How buyers reach us. */
  readonly publicUrl: string;
  readonly dataDir: string;
  /** Reports that events were written: they are passed on now instead of in the next round. */
  relayWake(): void;
  /**
   * Subscribes to a LISTEN channel. An empty message says that some may have been missed: it is
   * sent when the listener opens, and after an interruption.
   */
  listen(channel: string, onMessage: (payload: string) => void): void;
};
