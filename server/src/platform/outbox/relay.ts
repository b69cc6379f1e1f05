import type { Clock } from '../clock.ts';
import { makeLoop } from '../clock.ts';
import type { Log } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import type { Database, Sql } from '../postgres/sql.ts';

export type OutboxEvent = {
  readonly seq: number;
  readonly id: string;
  readonly showId: string;
  readonly type: string;
  readonly payload: unknown;
  readonly traceId: string | null;
  readonly createdAtMs: number;
};

/**
 * Hears of events at least once, in order for each show. `handle` writes its effect through `tx`,
 * together with the note that the events were seen, so that the effect happens once.
 */
export type Consumer = {
  readonly name: string;
  readonly types: readonly string[];
  handle(tx: Sql, events: readonly OutboxEvent[]): Promise<void>;
};

export type DeadLetter = {
  consumer: string;
  eventId: string;
  showId: string;
  type: string;
  payload: unknown;
  tries: number;
  error: string;
  diedAt: Date;
};

export type Relay = {
  /** Something was written: look now instead of at the next round. */
  wake(): void;
  /** One round by hand; answers how many events were passed on to everybody. For tests and drain. */
  round(): Promise<number>;
  deadLetters(limit: number): Promise<DeadLetter[]>;
  /** Hands a dead letter to its consumer again; throws what the consumer throws. */
  replay(consumer: string, eventId: string): Promise<'replayed' | 'unknown'>;
  close(): Promise<void>;
};

const roundMs = 500;
const eventsPerRound = 500;
/** 5 tries with 1, 2, 4, 8 s between them: a poison message stops its show for 15 s at most. */
const triesMax = 5;
const leaseSeconds = 5;

type Row = {
  seq: number;
  id: string;
  show_id: string;
  type: string;
  payload: unknown;
  trace_id: string | null;
  created_at: Date;
};
const toEvent = (row: Row): OutboxEvent => ({
  seq: row.seq,
  id: row.id,
  showId: row.show_id,
  type: row.type,
  payload: row.payload,
  traceId: row.trace_id,
  createdAtMs: row.created_at.getTime(),
});

const deliver = (db: Database, consumer: Consumer, events: readonly OutboxEvent[]) =>
  db.transaction(async (tx) => {
    const fresh = await tx.query<{ event_id: string }>(
      `INSERT INTO platform.inbox (consumer, event_id) SELECT $1, unnest($2::text[])
       ON CONFLICT DO NOTHING RETURNING event_id`,
      [consumer.name, events.map((event) => event.id)],
    );
    const freshIds = new Set(fresh.map((row) => row.event_id));
    const unseen = events.filter((event) => freshIds.has(event.id));
    if (unseen.length > 0) await consumer.handle(tx, unseen);
  });

export const openRelay = (options: {
  db: Database;
  clock: Clock;
  log: Log;
  metrics: Metrics;
  consumers: readonly Consumer[];
  /** Names this process in the lease, so that one relay at a time works for all processes. */
  owner: string;
}): Relay => {
  const { db, clock, log, metrics, consumers, owner } = options;
  const failing = new Map<string, { tries: number; againAtMs: number; showId: string }>();
  const lag = metrics.gauge('usher_outbox_lag_seconds', 'Age of the oldest event not passed on');
  const passedOn = metrics.counter('usher_outbox_events_total', 'Events passed on to everybody');
  const died = metrics.counter('usher_dead_letters_total', 'Events given up', ['consumer']);

  const holdsLease = async (): Promise<boolean> => {
    const rows = await db.query(
      `INSERT INTO platform.leases (name, owner, until)
       VALUES ('relay', $1, clock_timestamp() + $2 * interval '1 second')
       ON CONFLICT (name) DO UPDATE SET owner = $1, until = excluded.until
       WHERE leases.owner = $1 OR leases.until < clock_timestamp() RETURNING 1 AS held`,
      [owner, leaseSeconds],
    );
    return rows.length > 0;
  };

  const bury = (consumer: Consumer, event: OutboxEvent, tries: number, error: unknown) =>
    db.transaction(async (tx) => {
      await tx.query(
        `INSERT INTO platform.dead_letters (consumer, event_id, show_id, type, payload, tries, error)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
        [
          consumer.name,
          event.id,
          event.showId,
          event.type,
          JSON.stringify(event.payload),
          tries,
          String(error).slice(0, 2000),
        ],
      );
      died.inc({ consumer: consumer.name });
      log.error({ err: error, consumer: consumer.name, eventId: event.id }, 'event given up');
    });

  /** Delivers one by one and notes what failed; answers the shows that must wait. */
  const deliverOneByOne = async (
    consumer: Consumer,
    events: readonly OutboxEvent[],
  ): Promise<Set<string>> => {
    const stopped = new Set<string>();
    for (const event of events) {
      if (stopped.has(event.showId)) continue;
      const mark = `${consumer.name} ${event.id}`;
      try {
        await deliver(db, consumer, [event]);
        failing.delete(mark);
      } catch (error) {
        const tries = (failing.get(mark)?.tries ?? 0) + 1;
        if (tries >= triesMax) {
          await bury(consumer, event, tries, error);
          failing.delete(mark);
          continue;
        }
        log.warn({ err: error, consumer: consumer.name, eventId: event.id, tries }, 'event failed');
        const againAtMs = clock.nowMs() + 1000 * 2 ** (tries - 1);
        failing.set(mark, { tries, againAtMs, showId: event.showId });
        stopped.add(event.showId);
      }
    }
    return stopped;
  };

  const round = async (): Promise<number> => {
    if (!(await holdsLease())) return 0;
    const nowMs = clock.nowMs();
    const waitingShows = [...failing.values()]
      .filter((entry) => entry.againAtMs > nowMs)
      .map((entry) => entry.showId);
    const rows = await db.query<Row>(
      `SELECT seq, id, show_id, type, payload, trace_id, created_at FROM platform.outbox
       WHERE published_at IS NULL AND show_id <> ALL ($1) ORDER BY seq LIMIT $2`,
      [waitingShows, eventsPerRound],
    );
    const events = rows.map(toEvent);
    const oldest = events[0];
    lag.set(oldest === undefined ? 0 : Math.max(0, nowMs - oldest.createdAtMs) / 1000);
    if (oldest === undefined) return 0;
    const stopped = new Set<string>();
    for (const consumer of consumers) {
      const wanted = events.filter((event) => consumer.types.includes(event.type));
      if (wanted.length === 0) continue;
      try {
        await deliver(db, consumer, wanted);
      } catch (error) {
        log.debug({ err: error, consumer: consumer.name }, 'a batch failed; going one by one');
        for (const showId of await deliverOneByOne(consumer, wanted)) stopped.add(showId);
      }
    }
    const done = events.filter((event) => !stopped.has(event.showId));
    await db.query(
      'UPDATE platform.outbox SET published_at = clock_timestamp() WHERE seq = ANY ($1)',
      [done.map((event) => event.seq)],
    );
    passedOn.inc(done.length);
    return done.length;
  };

  const loop = makeLoop({
    clock,
    everyMs: roundMs,
    run: async () => {
      while ((await round()) === eventsPerRound);
    },
    onError: (error) => log.warn({ err: error }, 'relay round failed'),
  });

  return {
    wake: loop.wake,
    round,
    deadLetters: async (limit) => {
      const rows = await db.query<{
        consumer: string;
        event_id: string;
        show_id: string;
        type: string;
        payload: unknown;
        tries: number;
        error: string;
        died_at: Date;
      }>(
        `SELECT consumer, event_id, show_id, type, payload, tries, error, died_at
         FROM platform.dead_letters WHERE replayed_at IS NULL ORDER BY died_at LIMIT $1`,
        [limit],
      );
      return rows.map((row) => ({
        consumer: row.consumer,
        eventId: row.event_id,
        showId: row.show_id,
        type: row.type,
        payload: row.payload,
        tries: row.tries,
        error: row.error,
        diedAt: row.died_at,
      }));
    },
    replay: async (name, eventId) => {
      const consumer = consumers.find((candidate) => candidate.name === name);
      const rows = await db.query<Row>(
        `SELECT o.seq, o.id, o.show_id, o.type, o.payload, o.trace_id, o.created_at
         FROM platform.dead_letters d JOIN platform.outbox o ON o.id = d.event_id
         WHERE d.consumer = $1 AND d.event_id = $2 AND d.replayed_at IS NULL`,
        [name, eventId],
      );
      const row = rows[0];
      if (consumer === undefined || row === undefined) return 'unknown';
      await deliver(db, consumer, [toEvent(row)]);
      await db.query(
        `UPDATE platform.dead_letters SET replayed_at = clock_timestamp()
         WHERE consumer = $1 AND event_id = $2`,
        [name, eventId],
      );
      return 'replayed';
    },
    close: loop.stop,
  };
};
