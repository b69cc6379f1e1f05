import { makeMemoryBus } from '../bus/bus.memory.ts';
import type { Bus } from '../bus/bus.ts';
import { manualClock } from '../clock.ts';
import { type Log, silentLog } from '../log.ts';
import { makeMetrics } from '../metrics.ts';
import { type Database, openDatabase, type Sql } from '../postgres/sql.ts';
import { type Tracing, untraced } from '../tracing.ts';
import type { Consumer, OutboxEvent } from './consumer.ts';
import type { Horizon } from './horizon.ts';
import { makeRelay } from './relay.ts';

export type TestEvent = { id: string; showId: string; type: string; traceId?: string };

let made = 0;
export const testEvent = (showId: string, more: Partial<TestEvent> = {}): TestEvent => ({
  id: `evt_${process.pid}_${++made}`,
  showId,
  type: 'seat.sold',
  ...more,
});

export const append = (sql: Sql, ...events: readonly TestEvent[]): Promise<unknown[]> =>
  sql.query('SELECT platform.append_events($1)', [
    JSON.stringify(events.map((event) => ({ payload: { of: event.id }, ...event }))),
  ]);

/**
 * For tests whose events are committed before the relay looks. Transactions of other tests on the
 * same server briefly hold back the real horizon at any time.
 */
const everythingIsFinal = (db: Database): Horizon => ({
  look: async () => {
    const [row] = await db.query<{ finalSeq: number }>(
      `SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS "finalSeq"
       FROM platform.outbox_seq_seq`,
    );
    return { finalSeq: row?.finalSeq ?? 0, isWaiting: false };
  },
});

/** A relay of these consumers that runs until it is closed. */
export const openRelay = (
  options: Omit<Parameters<typeof makeRelay>[0], 'tracing' | 'bus' | 'horizon'> & {
    tracing?: Tracing;
    bus?: Bus;
    horizon?: Horizon;
    consumers: readonly Consumer[];
  },
) => {
  const horizon = everythingIsFinal(options.db);
  const relay = makeRelay({ tracing: untraced, bus: makeMemoryBus(), horizon, ...options });
  for (const consumer of options.consumers) relay.subscribe(consumer);
  const working = relay.start();
  return {
    ...relay,
    /** How many events one round passed on. */
    round: async (): Promise<number> => (await relay.round()).passed,
    look: relay.round,
    close: working.stop,
  };
};

/**
 * Consumers that insert a row for each effect, so that an effect that happens twice is visible;
 * and relays of several processes on one database, each with a manual clock.
 */
export const openOutboxBed = async (url: string, makeBus: () => Bus = makeMemoryBus) => {
  const db = openDatabase({ url, name: 'test', log: silentLog, poolMax: 8 });
  await db.query(`CREATE TABLE IF NOT EXISTS effects (
    seq integer GENERATED ALWAYS AS IDENTITY, consumer text, event_id text, show_id text)`);
  // The program's cursors: none of its consumers is served here.
  await db.query('DELETE FROM platform.cursors');
  const relays: { close(): Promise<void> }[] = [];
  let processes = 0;

  const consumer = (
    name: string,
    before: (events: readonly OutboxEvent[]) => unknown = () => undefined,
  ): Consumer => ({
    name,
    types: ['seat.sold'],
    handle: async (tx, events) => {
      await before(events);
      await tx.query(
        `INSERT INTO effects (consumer, event_id, show_id)
         SELECT $1, e.id, e.show FROM unnest($2::text[], $3::text[]) WITH ORDINALITY e (id, show, n)
         ORDER BY e.n`,
        [name, events.map((event) => event.id), events.map((event) => event.showId)],
      );
    },
  });
  const relay = (
    consumers: readonly Consumer[],
    more: { db?: Database; log?: Log; tracing?: Tracing; horizon?: Horizon } = {},
    /** Dead processes close nothing. */
    willDie = false,
  ) => {
    const clock = manualClock(0);
    const metrics = makeMetrics();
    const bus = makeBus();
    const opened = openRelay({
      db,
      clock,
      metrics,
      consumers,
      log: silentLog,
      bus,
      owner: `process ${++processes}`,
      ...more,
    });
    if (!willDie) relays.push(opened);
    const metric = async (name: string) =>
      (await metrics.registry.metrics()).split('\n').find((line) => line.startsWith(name));
    return { ...opened, bus, clock, metric };
  };
  return {
    db,
    consumer,
    relay,
    effects: async (name: string): Promise<string[]> => {
      const rows = await db.query<{ event_id: string }>(
        'SELECT event_id FROM effects WHERE consumer = $1 ORDER BY seq',
        [name],
      );
      return rows.map((row) => row.event_id);
    },
    /** Events that some consumer has not processed yet. */
    waiting: async (): Promise<string[]> => {
      const rows = await db.query<{ id: string }>(
        'SELECT id FROM platform.waiting_events ORDER BY seq',
      );
      return rows.map((row) => row.id);
    },
    /** As after 5 seconds in which no lease was renewed. */
    loseLeases: () =>
      db.query("UPDATE platform.cursors SET until = clock_timestamp() - '1 s'::interval"),
    close: async (): Promise<void> => {
      for (const each of relays) await each.close();
      await db.close();
    },
  };
};
export type OutboxBed = Awaited<ReturnType<typeof openOutboxBed>>;
