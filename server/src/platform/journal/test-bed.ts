import { makeMemoryBus } from '../bus/bus.memory.ts';
import type { Bus } from '../bus/bus.ts';
import { manualClock, systemClock } from '../clock.ts';
import { type Log, silentLog } from '../log.ts';
import { makeMetrics } from '../metrics.ts';
import { type Database, openDatabase, type Sql } from '../postgres/sql.ts';
import { type Tracing, untraced } from '../tracing.ts';
import { appendEvents } from './append.ts';
import { type Consumer, type JournalEvent, makeEventId } from './consumer.ts';
import type { Horizon } from './horizon.ts';
import { makeRelay } from './relay.ts';

/** An event that is known by its name: its id is made when it is appended. */
export type TestEvent = {
  name: string;
  showId: string;
  type: string;
  atMs?: number;
  requestId?: string;
};

let made = 0;
export const testEvent = (showId: string, more: Partial<TestEvent> = {}): TestEvent => ({
  name: `event ${process.pid}-${++made}`,
  showId,
  type: 'seat.sold',
  ...more,
});

export const append = (sql: Sql, ...events: readonly TestEvent[]): Promise<void> =>
  appendEvents(
    sql,
    events.map(({ name, showId, type, atMs, requestId }) => ({
      atMs: atMs ?? systemClock.nowMs(),
      showId,
      type,
      payload: { name },
      requestId: requestId ?? null,
    })),
  );

/** The name of an event that was appended by a test. */
export const readName = (event: JournalEvent): string => (event.payload as { name: string }).name;

/** The id of an event that was appended by a test. */
export const findEventId = async (sql: Sql, { name }: TestEvent): Promise<string> => {
  const [row] = await sql.query<{ seq: number }>(
    `SELECT seq FROM platform.journal WHERE payload->>'name' = $1`,
    [name],
  );
  if (row === undefined) throw new Error(`${name} was not appended`);
  return makeEventId(row.seq);
};

/**
 * For tests whose events are committed before the relay looks. Transactions of other tests on the
 * same server briefly hold back the real horizon at any time.
 */
const everythingIsFinal = (db: Database): Horizon => ({
  look: async () => {
    const [row] = await db.query<{ finalSeq: number }>(
      `SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS "finalSeq"
       FROM platform.journal_seq_seq`,
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
export const openJournalBed = async (url: string, makeBus: () => Bus = makeMemoryBus) => {
  const db = openDatabase({ url, name: 'test', log: silentLog, poolMax: 8 });
  await db.query(`CREATE TABLE IF NOT EXISTS effects (
    seq integer GENERATED ALWAYS AS IDENTITY, consumer text, event text, show_id text)`);
  // The program's cursors: none of its consumers is served here.
  await db.query('DELETE FROM platform.cursors');
  const relays: { close(): Promise<void> }[] = [];
  let processes = 0;

  const consumer = (
    name: string,
    before: (events: readonly JournalEvent[]) => unknown = () => undefined,
  ): Consumer => ({
    name,
    types: ['seat.sold'],
    handle: async (tx, events) => {
      await before(events);
      await tx.query(
        `INSERT INTO effects (consumer, event, show_id)
         SELECT $1, e.name, e.show
         FROM unnest($2::text[], $3::text[]) WITH ORDINALITY e (name, show, n)
         ORDER BY e.n`,
        [name, events.map(readName), events.map((event) => event.showId)],
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
    /** The names of the events, in the order of the effects. */
    effects: async (name: string): Promise<string[]> => {
      const rows = await db.query<{ event: string }>(
        'SELECT event FROM effects WHERE consumer = $1 ORDER BY seq',
        [name],
      );
      return rows.map((row) => row.event);
    },
    /** The names of events that some consumer has not processed yet. */
    waiting: async (): Promise<string[]> => {
      const rows = await db.query<{ name: string }>(
        `SELECT j.payload->>'name' AS name
         FROM platform.waiting_events w JOIN platform.journal j USING (seq) ORDER BY seq`,
      );
      return rows.map((row) => row.name);
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
export type JournalBed = Awaited<ReturnType<typeof openJournalBed>>;
