import type { Batch } from '../bus/bus.ts';
import type { Clock } from '../clock.ts';
import { Failure } from '../failure.ts';
import type { Log } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import type { Database, Sql } from '../postgres/sql.ts';
import type { Tracing } from '../tracing.ts';
import {
  type Consumer,
  type EventRow,
  eventColumns,
  type JournalEvent,
  toEvent,
} from './consumer.ts';
import { CursorElsewhere, type Cursors } from './cursors.ts';
import { bury } from './dead-letters.ts';

/** 5 tries with 1, 2, 4, 8 s between them: a poison message stops its show for 15 s at most. */
const triesMax = 5;
const pauseMs = (tries: number): number => 1000 * 2 ** (tries - 1);

/** Failures of the database are not caused by an event: no try is counted, the round ends. */
const storeFailures = new Set([
  'STORE_UNREACHABLE',
  'STORE_CONFLICT',
  'STORE_TIMEOUT',
  'OVERLOADED',
]);
const isOfTheStore = (error: unknown): boolean =>
  error instanceof Failure && storeFailures.has(error.code);

type Deps = {
  db: Database;
  clock: Clock;
  log: Log;
  /** Counts dead letters, by consumer. */
  died: ReturnType<Metrics['counter']>;
  tracing: Tracing;
  cursors: Cursors;
};

/** A text of PostgreSQL cannot hold a NUL. */
const textOf = (error: unknown): string => String(error).replaceAll('\0', ' ').slice(0, 2000);

/** Without the events that an older version's relay has delivered to the consumer. */
const leaveOutSeen = async (
  tx: Sql,
  consumer: Consumer,
  events: readonly JournalEvent[],
): Promise<readonly JournalEvent[]> => {
  if (consumer.isRepeatable) return events;
  const seen = await tx.query<{ seq: number }>(
    'SELECT seq FROM platform.inbox WHERE consumer = $1 AND seq = ANY ($2)',
    [consumer.name, events.map((event) => event.seq)],
  );
  const seqs = new Set(seen.map((row) => row.seq));
  return events.filter((event) => !seqs.has(event.seq));
};

/**
 * Delivers to one consumer: the effect and the cursor's move are one transaction, so that an event
 * that arrives twice has its effect once. An event that fails is parked together with all later
 * ones of its show, in order, and the cursor moves on: other shows do not wait.
 */
export const makeDelivery = (deps: Deps, consumer: Consumer) => {
  const { db, clock, log, died, cursors } = deps;
  const { name } = consumer;

  const park = async (tx: Sql, events: readonly JournalEvent[]): Promise<void> => {
    if (events.length === 0) return;
    await tx.query(
      `INSERT INTO platform.parked (consumer, show_id, seq, tries, again_at)
       SELECT $1, e.show_id, e.seq, 0, $4
       FROM unnest($2::text[], $3::bigint[]) AS e (show_id, seq)`,
      [
        name,
        events.map((event) => event.showId),
        events.map((event) => event.seq),
        new Date(clock.nowMs()),
      ],
    );
  };

  /** One transaction: moves the cursor, parks the events of parked shows, handles the others. */
  const deliver = (
    events: readonly JournalEvent[],
    fromSeq: number,
    toSeq: number,
  ): Promise<unknown> => {
    const traceIds = events.flatMap((event) => event.traceId ?? []);
    return deps.tracing.events(name, [...new Set(traceIds)], () =>
      db.transaction(async (tx) => {
        const { parkedShows, looksIntoInbox } = await cursors.move(tx, name, fromSeq, toSeq);
        await park(
          tx,
          events.filter((event) => parkedShows.has(event.showId)),
        );
        const free = events.filter((event) => !parkedShows.has(event.showId));
        const fresh = looksIntoInbox ? await leaveOutSeen(tx, consumer, free) : free;
        if (fresh.length > 0) await consumer.handle(tx, fresh);
      }),
    );
  };

  const noteFailure = (event: JournalEvent, error: unknown, tries: number): void => {
    const fields = { err: error, consumer: name, eventId: event.id, traceId: event.traceId };
    if (tries < triesMax) {
      log.warn({ ...fields, tries }, 'event handling failed; retrying');
      return;
    }
    died.inc({ consumer: name });
    log.error(fields, 'event given up: moved to dead letters');
  };

  /** An event that failed for the first time: it is parked, and the cursor moves past it. */
  const parkFailed = async (
    event: JournalEvent,
    error: unknown,
    fromSeq: number,
    toSeq: number,
  ): Promise<void> => {
    await db.transaction(async (tx) => {
      await cursors.move(tx, name, fromSeq, toSeq);
      await tx.query(
        `INSERT INTO platform.parked (consumer, show_id, seq, tries, again_at, error)
         VALUES ($1, $2, $3, 1, $4, $5)`,
        [name, event.showId, event.seq, new Date(clock.nowMs() + pauseMs(1)), textOf(error)],
      );
    });
    noteFailure(event, error, 1);
  };

  const deliverEach = async (
    events: readonly JournalEvent[],
    fromSeq: number,
    toSeq: number,
  ): Promise<void> => {
    let atSeq = fromSeq;
    for (const [i, event] of events.entries()) {
      const nextSeq = i === events.length - 1 ? toSeq : event.seq;
      try {
        await deliver([event], atSeq, nextSeq);
      } catch (error) {
        if (error instanceof CursorElsewhere || isOfTheStore(error)) throw error;
        await parkFailed(event, error, atSeq, nextSeq);
      }
      atSeq = nextSeq;
    }
  };

  const take = async ({ afterSeq, throughSeq, events }: Batch): Promise<void> => {
    const wanted = events.filter((event) => consumer.types.includes(event.type));
    if (wanted.length === 1) return deliverEach(wanted, afterSeq, throughSeq);
    try {
      await deliver(wanted, afterSeq, throughSeq);
    } catch (error) {
      if (error instanceof CursorElsewhere || isOfTheStore(error)) throw error;
      const fields = { err: error, consumer: name, events: wanted.length };
      log.warn(fields, 'event batch failed; delivering one by one');
      await deliverEach(wanted, afterSeq, throughSeq);
    }
  };

  type ParkedRow = EventRow & { tries: number };
  /** The first parked event of each show whose pause has ended. */
  const findDue = (): Promise<ParkedRow[]> =>
    db.query<ParkedRow>(
      `SELECT ${eventColumns}, p.tries FROM (
         SELECT DISTINCT ON (show_id) show_id, seq, tries, again_at
         FROM platform.parked WHERE consumer = $1 ORDER BY show_id, seq
       ) p JOIN platform.journal j ON j.seq = p.seq WHERE p.again_at <= $2 ORDER BY j.seq`,
      [name, new Date(clock.nowMs())],
    );
  const retry = async (event: JournalEvent, triesBefore: number): Promise<void> => {
    const isOurs = [name, event.showId, event.seq];
    const forget = 'DELETE FROM platform.parked WHERE consumer = $1 AND show_id = $2 AND seq = $3';
    try {
      await deps.tracing.events(name, event.traceId === null ? [] : [event.traceId], () =>
        db.transaction(async (tx) => {
          await cursors.confirm(tx, name);
          await tx.query(forget, isOurs);
          await consumer.handle(tx, [event]);
        }),
      );
    } catch (error) {
      if (error instanceof CursorElsewhere || isOfTheStore(error)) throw error;
      const tries = triesBefore + 1;
      await db.transaction(async (tx) => {
        await cursors.confirm(tx, name);
        if (tries < triesMax) {
          const againAt = new Date(clock.nowMs() + pauseMs(tries));
          await tx.query(
            `UPDATE platform.parked SET tries = $4, again_at = $5, error = $6
             WHERE consumer = $1 AND show_id = $2 AND seq = $3`,
            [...isOurs, tries, againAt, textOf(error)],
          );
        } else {
          await bury(tx, name, event, { tries, error: textOf(error) });
          await tx.query(forget, isOurs);
        }
      });
      noteFailure(event, error, tries);
    }
  };

  /** Silently leaves a consumer to the other process that delivers to it. */
  const unlessElsewhere = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof CursorElsewhere)) throw error;
    }
  };

  /** The cursor when the relay last read it; null: another process delivers. */
  let seenAt: number | null = null;
  return {
    consumer,
    /** What the relay knows of the cursor; saves a transaction for batches of other consumers. */
    standAt: (seq: number | null): void => {
      seenAt = seq;
    },
    /** Handles a batch of the bus, unless it starts elsewhere than this consumer's cursor. */
    hear: async (batch: Batch): Promise<void> => {
      if (batch.afterSeq === seenAt) await unlessElsewhere(() => take(batch));
    },
    /** Retries parked events that are due, in order per show. */
    retryParked: (): Promise<void> =>
      unlessElsewhere(async () => {
        for (;;) {
          const due = await findDue();
          if (due.length === 0) return;
          for (const row of due) await retry(toEvent(row), row.tries);
        }
      }),
  };
};
export type Delivery = ReturnType<typeof makeDelivery>;
