import type { Clock } from './clock.ts';
import type { Shortcuts } from './http/shortcut.ts';
import type { Ids } from './ids.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import type { Database } from './postgres/sql.ts';
import type { Tracing } from './tracing.ts';

/** What every service gets: the tools, and notifications from other processes. */
export type Context = {
  readonly db: Database;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly tracing: Tracing;
  readonly shortcuts: Shortcuts;
  /** Of the installation: the same for all its processes. */
  readonly secret: string;
  /** How buyers reach us. */
  readonly publicUrl: string;
  readonly dataDir: string;
  /** Says that events were written: they are passed on now instead of at the next round. */
  relayWake(): void;
  /**
   * Names a LISTEN channel and who hears it. An empty message says that some may have been missed:
   * when the listener was opened, and when it was interrupted.
   */
  listen(channel: string, onMessage: (payload: string) => void): void;
};
