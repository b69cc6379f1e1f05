import type { Clock } from '../clock.ts';
import { makeLoop } from '../clock.ts';
import { Failure } from '../failure.ts';
import type { Log } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import type { Database } from '../postgres/sql.ts';
import type { Tracing } from '../tracing.ts';
import type { Worker } from '../worker.ts';
import { type Consumer, deliver, type EventRow, type OutboxEvent, toEvent } from './consumer.ts';
import { bury, type DeadLetter, listDeadLetters, replayDeadLetter } from './dead-letters.ts';

export type { Consumer, OutboxEvent } from './consumer.ts';
export type { DeadLetter } from './dead-letters.ts';

export type Relay = {
  /** Hands the consumer events from when the relay is started. */
  subscribe(consumer: Consumer): void;
  /** Passes events on until it is stopped. */
  start(): Worker;
  /** Something was written: look now instead of at the next round. */
  wake(): void;
  /** One round by hand; answers how many events were passed on to everybody. */
  round(): Promise<number>;
  deadLetters(limit: number): Promise<DeadLetter[]>;
  /** Hands a dead letter to its consumer again; throws what the consumer throws. */
  replay(consumer: string, eventId: string): Promise<'replayed' | 'unknown'>;
};

const roundMs = 500;
const eventsPerRound = 500;
/** 5 tries with 1, 2, 4, 8 s between them: a poison message stops its show for 15 s at most. */
const triesMax = 5;
const pauseMs = (tries: number): number => 1000 * 2 ** (tries - 1);
/** Ten rounds: who is stopped for longer has lost it, and starts no round without asking again. */
const leaseSeconds = 5;

/** The database's own failures are no event's fault: nothing is counted, the round is over. */
const storeFailures = new Set(['STORE_UNREACHABLE', 'STORE_CONFLICT', 'OVERLOADED']);
const isOfTheStore = (error: unknown): boolean =>
  error instanceof Failure && storeFailures.has(error.code);

type Deps = {
  db: Database;
  clock: Clock;
  log: Log;
  metrics: Metrics;
  tracing: Tracing;
  /** Names this process in the lease, so that one relay at a time works for all processes. */
  owner: string;
};

/** Takes or renews the lease; answers the age of the oldest event not passed on, or null. */
const takeLease = async (db: Database, owner: string): Promise<number | null> => {
  const [row] = await db.query<{ lag_seconds: number }>(
    `INSERT INTO platform.leases (name, owner, until)
     VALUES ('relay', $1, clock_timestamp() + $2 * interval '1 second')
     ON CONFLICT (name) DO UPDATE SET owner = $1, until = excluded.until
     WHERE leases.owner = $1 OR leases.until < clock_timestamp()
     RETURNING coalesce((
       SELECT greatest(0, extract(epoch FROM clock_timestamp() - o.created_at))::float8
       FROM platform.outbox o WHERE o.published_at IS NULL ORDER BY o.seq LIMIT 1
     ), 0) AS lag_seconds`,
    [owner, leaseSeconds],
  );
  return row?.lag_seconds ?? null;
};

/** What consumers could not take, and when they are asked again; one show waits, others go on. */
const makeFailures = ({ db, clock, log, metrics }: Deps) => {
  const died = metrics.counter('usher_dead_letters_total', 'Events given up', ['consumer']);
  type Entry = { consumer: string; showId: string; tries: number; againAtMs: number };
  const failing = new Map<string, Entry>();
  const markOf = (consumer: Consumer, event: OutboxEvent): string => `${consumer.name} ${event.id}`;
  return {
    waitingShows: (): string[] => {
      const nowMs = clock.nowMs();
      return [...failing.values()].filter((e) => e.againAtMs > nowMs).map((e) => e.showId);
    },
    suspectShows: (consumer: Consumer): Set<string> =>
      new Set(
        [...failing.values()].filter((e) => e.consumer === consumer.name).map((e) => e.showId),
      ),
    forget: (consumer: Consumer, event: OutboxEvent) => failing.delete(markOf(consumer, event)),
    forgetAll: () => failing.clear(),
    /** Counts a try; answers whether the event was given up, so that its show may go on. */
    note: async (consumer: Consumer, event: OutboxEvent, error: unknown): Promise<boolean> => {
      const mark = markOf(consumer, event);
      const fields = { err: error, consumer: consumer.name, eventId: event.id };
      const tries = (failing.get(mark)?.tries ?? 0) + 1;
      if (tries < triesMax) {
        log.warn({ ...fields, traceId: event.traceId, tries }, 'event failed');
        const againAtMs = clock.nowMs() + pauseMs(tries);
        failing.set(mark, { consumer: consumer.name, showId: event.showId, tries, againAtMs });
        return false;
      }
      await bury(db, consumer, event, { tries, error });
      failing.delete(mark);
      died.inc({ consumer: consumer.name });
      log.error({ ...fields, traceId: event.traceId }, 'event given up');
      return true;
    },
  };
};

/** Delivers to one consumer; answers the shows that must wait. */
const makeDeliverer = (deps: Deps) => {
  const failures = makeFailures(deps);
  const deliverAlone = async (
    consumer: Consumer,
    events: readonly OutboxEvent[],
  ): Promise<Set<string>> => {
    const stopped = new Set<string>();
    for (const event of events) {
      if (stopped.has(event.showId)) continue;
      try {
        await deliver(deps, consumer, [event]);
        failures.forget(consumer, event);
      } catch (error) {
        if (isOfTheStore(error)) throw error;
        if (!(await failures.note(consumer, event, error))) stopped.add(event.showId);
      }
    }
    return stopped;
  };
  const deliverAll = async (
    consumer: Consumer,
    events: readonly OutboxEvent[],
  ): Promise<Set<string>> => {
    const suspects = failures.suspectShows(consumer);
    const together = events.filter((event) => !suspects.has(event.showId));
    const alone = events.filter((event) => suspects.has(event.showId));
    if (together.length < 2) return deliverAlone(consumer, [...together, ...alone]);
    try {
      await deliver(deps, consumer, together);
      return deliverAlone(consumer, alone);
    } catch (error) {
      if (isOfTheStore(error)) throw error;
      const fields = { err: error, consumer: consumer.name, events: together.length };
      deps.log.warn(fields, 'events failed together; going one by one');
      return deliverAlone(consumer, events);
    }
  };
  return { failures, deliverAll };
};

export const makeRelay = (deps: Deps): Relay => {
  const { db, clock, log, metrics, owner } = deps;
  const consumers: Consumer[] = [];
  const lag = metrics.gauge('usher_outbox_lag_seconds', 'Age of the oldest event not passed on');
  const passedOn = metrics.counter('usher_outbox_events_total', 'Events passed on to everybody');
  const { failures, deliverAll } = makeDeliverer(deps);

  const round = async (): Promise<number> => {
    const lagSeconds = await takeLease(db, owner);
    lag.set(lagSeconds ?? 0);
    if (lagSeconds === null) {
      failures.forgetAll();
      return 0;
    }
    // Not «everything after the last»: what was written earlier may be committed later.
    const rows = await db.query<EventRow>(
      `SELECT seq, id, show_id, type, payload, trace_id, created_at FROM platform.outbox
       WHERE published_at IS NULL AND show_id <> ALL ($1) ORDER BY seq LIMIT $2`,
      [failures.waitingShows(), eventsPerRound],
    );
    const events = rows.map(toEvent);
    const stopped = new Set<string>();
    for (const consumer of consumers) {
      const wanted = events.filter((event) => consumer.types.includes(event.type));
      for (const showId of await deliverAll(consumer, wanted)) stopped.add(showId);
    }
    const done = events.filter((event) => !stopped.has(event.showId));
    if (done.length === 0) return 0;
    await db.query(
      'UPDATE platform.outbox SET published_at = clock_timestamp() WHERE seq = ANY ($1)',
      [done.map((event) => event.seq)],
    );
    passedOn.inc(done.length);
    return done.length;
  };

  let wake = (): void => undefined;
  const start = (): Worker => {
    const loop = makeLoop({
      clock,
      everyMs: roundMs,
      run: async () => {
        while ((await round()) === eventsPerRound);
      },
      onError: (error) => log.warn({ err: error }, 'relay round failed'),
    });
    wake = loop.wake;
    return {
      stop: async () => {
        await loop.stop();
        // The next program need not wait until the lease is over.
        await db
          .query("DELETE FROM platform.leases WHERE name = 'relay' AND owner = $1", [owner])
          .catch((error: unknown) => log.warn({ err: error }, 'the lease is not given back'));
      },
    };
  };

  return {
    subscribe: (consumer) => void consumers.push(consumer),
    start,
    wake: () => wake(),
    round,
    deadLetters: (limit) => listDeadLetters(db, limit),
    replay: (name, eventId) => replayDeadLetter({ ...deps, consumers }, name, eventId),
  };
};
