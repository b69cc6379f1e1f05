import type { Bus } from '../bus/bus.ts';
import { type Clock, makeLoop } from '../clock.ts';
import type { Log } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import type { Database } from '../postgres/sql.ts';
import type { Tracing } from '../tracing.ts';
import type { Worker } from '../worker.ts';
import { type Consumer, type EventRow, eventColumns, toEvent } from './consumer.ts';
import { makeCursors } from './cursors.ts';
import { type DeadLetter, listDeadLetters, replayDeadLetter } from './dead-letters.ts';
import { type Delivery, makeDelivery } from './delivery.ts';
import type { Horizon } from './horizon.ts';

export type { Consumer, JournalEvent } from './consumer.ts';
export type { DeadLetter } from './dead-letters.ts';

/** Feeds the bus from the journal, for the consumers of this process. */
export type Relay = {
  /** Delivers to the consumer once the relay is started. */
  subscribe(consumer: Consumer): void;
  /** Passes events on until it is stopped. */
  start(): Worker;
  /** Something was written: look now instead of in the next round. */
  wake(): void;
  /** Runs one round: how many events were passed on, and whether more are not final yet. */
  round(): Promise<{ passed: number; isWaiting: boolean }>;
  deadLetters(limit: number): Promise<DeadLetter[]>;
  /** Delivers a dead letter to its consumer again; throws what the consumer throws. */
  replay(consumer: string, eventId: string): Promise<'replayed' | 'unknown'>;
};

const roundMs = 500;
const eventsPerRound = 500;
/**
 * After a round that passed on more than `busyEvents`, the next one starts `pauseMs` after the
 * start of that one. A round costs about twenty statements, however few events it has: so a rush
 * has fewer and larger rounds, and an event that comes alone does not wait.
 */
const busyEvents = 8;
const pauseMs = 100;
/** While others still write, later events are looked for again after this, then twice this. */
const firstWaitMs = 20;

type Deps = {
  db: Database;
  bus: Bus;
  horizon: Horizon;
  clock: Clock;
  log: Log;
  metrics: Metrics;
  tracing: Tracing;
  /** Names this process in the leases: one process at a time delivers to a consumer. */
  owner: string;
};

const makeRounds = (deps: Deps, deliveries: ReadonlyMap<string, Delivery>) => {
  const { db, bus, horizon, metrics, owner } = deps;
  const cursors = makeCursors(db, owner);
  const lag = metrics.gauge('usher_journal_lag_seconds', 'Age of the oldest event not passed on');
  const passedOn = metrics.counter('usher_journal_events_total', 'Events passed on');
  let added = 0;

  /** The next events after a cursor, as a batch; null when nothing beyond it is final. */
  const publishAfter = async (afterSeq: number, finalSeq: number): Promise<number> => {
    if (afterSeq >= finalSeq) return 0;
    const rows = await db.query<EventRow>(
      `SELECT ${eventColumns} FROM platform.journal j
       WHERE j.type IS NOT NULL AND j.seq > $1 AND j.seq <= $2 ORDER BY j.seq LIMIT $3`,
      [afterSeq, finalSeq, eventsPerRound],
    );
    const isAll = rows.length < eventsPerRound;
    const throughSeq = isAll ? finalSeq : (rows.at(-1)?.seq ?? finalSeq);
    await bus.publish({ afterSeq, throughSeq, events: rows.map(toEvent) });
    passedOn.inc(rows.length);
    return rows.length;
  };

  return {
    cursors,
    round: async (): Promise<{ passed: number; isWaiting: boolean }> => {
      const names = [...deliveries.keys()];
      if (added < names.length) await cursors.add(names);
      added = names.length;
      const held = await cursors.hold(names);
      lag.set(Math.max(0, ...held.map((cursor) => cursor.lagSeconds)));
      if (held.length === 0) return { passed: 0, isWaiting: false };
      const seqs = new Map(held.map(({ consumer, seq }) => [consumer, seq]));
      for (const [name, delivery] of deliveries) delivery.standAt(seqs.get(name) ?? null);
      for (const { consumer, hasParked } of held)
        if (hasParked) await deliveries.get(consumer)?.retryParked();
      const { finalSeq, isWaiting } = await horizon.look();
      let passed = 0;
      // Usually one: consumers with equal cursors share what is read.
      for (const afterSeq of new Set(held.map((cursor) => cursor.seq)))
        passed += await publishAfter(afterSeq, finalSeq);
      return { passed, isWaiting };
    },
  };
};

export const makeRelay = (deps: Deps): Relay => {
  const { db, bus, clock, log, metrics } = deps;
  const died = metrics.counter('usher_dead_letters_total', 'Events given up', ['consumer']);
  const deliveries = new Map<string, Delivery>();
  const rounds = makeRounds(deps, deliveries);
  let wake = (): void => undefined;

  const start = (): Worker => {
    const stopping = new AbortController();
    const loop = makeLoop({
      clock,
      everyMs: roundMs,
      run: async () => {
        for (let waitMs = firstWaitMs; ; ) {
          const startMs = clock.monotonicMs();
          const { passed, isWaiting } = await rounds.round();
          if (stopping.signal.aborted) return;
          if (passed >= eventsPerRound) continue;
          const restMs = passed > busyEvents ? startMs + pauseMs - clock.monotonicMs() : 0;
          if (restMs > 0) await clock.sleep(restMs, stopping.signal);
          if (!isWaiting || waitMs >= roundMs) return;
          await clock.sleep(waitMs, stopping.signal);
          waitMs *= 2;
        }
      },
      onError: (error) => log.warn({ err: error }, 'relay round failed'),
    });
    wake = loop.wake;
    return {
      stop: async () => {
        stopping.abort();
        await loop.stop();
        await rounds.cursors
          .release()
          .catch((error: unknown) => log.warn({ err: error }, 'the leases were not released'));
      },
    };
  };

  return {
    subscribe: (consumer) => {
      const delivery = makeDelivery({ ...deps, died, cursors: rounds.cursors }, consumer);
      deliveries.set(consumer.name, delivery);
      bus.subscribe(delivery.hear);
    },
    start,
    wake: () => wake(),
    round: rounds.round,
    deadLetters: (limit) => listDeadLetters(db, limit),
    replay: (name, eventId) =>
      replayDeadLetter(deps, deliveries.get(name)?.consumer, name, eventId),
  };
};
