import { makeTestDatabase } from '@usher/tests/support/postgres.ts';
import { until } from '@usher/tests/support/until.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Failure } from '../failure.ts';
import { makeLog } from '../log.ts';
import type { Database } from '../postgres/sql.ts';
import { inTraces } from '../trace-scope.ts';
import type { Tracing } from '../tracing.ts';
import { type JournalEvent, makeEventId } from './consumer.ts';
import {
  append,
  findEventId,
  type JournalBed,
  openJournalBed,
  readName,
  testEvent,
} from './test-bed.ts';

let bed: JournalBed;
beforeEach(async () => {
  bed = await openJournalBed((await makeTestDatabase()).url);
});
afterEach(() => bed.close());

type Relay = ReturnType<JournalBed['relay']>;
const asleep = (relay: Relay) => until('the relay sleeps', () => relay.clock.sleeping === 1);
/** Advances the clock, round after round. */
const pass = async (relay: Relay, ms: number): Promise<void> => {
  for (let passed = 0; passed < ms; passed += 500) {
    await asleep(relay);
    await relay.clock.advance(500);
  }
  await asleep(relay);
};

const healthy = testEvent('show 2');
const [before, after] = [testEvent('show 1'), testEvent('show 1')];
const poison = testEvent('show 1', { atMs: Date.parse('2026-11-01T00:00:00.000Z') });
/** A relay with a consumer that fails on one event, and when it was called. */
const openPoisoned = async (options: { isCured?: () => boolean } = {}) => {
  const asked: number[] = [];
  const mails = bed.consumer('mails', (events) => {
    if (!events.some((event) => readName(event) === poison.name)) return;
    if (options.isCured?.()) return;
    asked.push(relay.clock.nowMs());
    throw new Error('cannot take it');
  });
  const relay = bed.relay([mails, bed.consumer('ranking')]);
  await asleep(relay);
  return { relay, asked };
};

describe('an event on which a consumer fails', () => {
  test('is tried five times with growing pauses, then its show continues without it', async () => {
    const { relay, asked } = await openPoisoned();
    await append(bed.db, poison, after);
    await pass(relay, 20_000);
    // Together with the other first, then alone.
    expect(asked).toEqual([500, 500, 1500, 3500, 7500, 15_500]);
    expect(await bed.effects('mails')).toEqual([after.name]);
    expect(await bed.waiting()).toEqual([]);
  });

  test('is tried only five times if it is alone', async () => {
    const { relay, asked } = await openPoisoned();
    await append(bed.db, poison);
    await pass(relay, 20_000);
    expect(asked).toEqual([500, 1500, 3500, 7500, 15_500]);
  });

  test('delays later events of its show, and of no other show', async () => {
    const { relay } = await openPoisoned();
    await append(bed.db, before, poison, healthy, after);
    await pass(relay, 10_000);
    expect(await bed.effects('mails')).toEqual([before.name, healthy.name]);
    const later = testEvent('show 2');
    await append(bed.db, later);
    await pass(relay, 500);
    expect(await bed.effects('mails')).toEqual([before.name, healthy.name, later.name]);
    await pass(relay, 10_000);
    expect((await bed.effects('mails')).at(-1)).toBe(after.name);
  });

  test('reaches the other consumers at once, and once', async () => {
    const { relay } = await openPoisoned();
    await append(bed.db, poison);
    await pass(relay, 500);
    expect(await bed.effects('ranking')).toEqual([poison.name]);
    await pass(relay, 20_000);
    expect(await bed.effects('ranking')).toEqual([poison.name]);
  });

  test('but succeeds at the third try is no dead letter, and has its effect once', async () => {
    let tries = 0;
    const { relay } = await openPoisoned({ isCured: () => ++tries > 2 });
    await append(bed.db, poison);
    await pass(relay, 20_000);
    expect(await bed.effects('mails')).toEqual([poison.name]);
    expect(await relay.deadLetters(10)).toEqual([]);
  });

  test('is retried by another relay that takes over, with the remaining tries', async () => {
    const { relay, asked } = await openPoisoned();
    await append(bed.db, poison, after);
    await pass(relay, 4000);
    expect(asked).toHaveLength(4);
    await relay.close();
    const next = await openPoisoned();
    await pass(next.relay, 20_000);
    expect(next.asked).toHaveLength(2);
    expect(await next.relay.deadLetters(10)).toHaveLength(1);
    expect(await bed.effects('mails')).toEqual([after.name]);
  });
});

/** The event has failed five times. */
const openDead = async (options: { isCured?: () => boolean } = {}) => {
  const { relay, asked } = await openPoisoned(options);
  await append(bed.db, poison);
  await pass(relay, 20_000);
  return { relay, asked, eventId: await findEventId(bed.db, poison) };
};

describe('a dead letter', () => {
  test('is listed with its event and error, oldest first, and counted', async () => {
    const { relay, eventId } = await openDead();
    expect(await relay.deadLetters(10)).toEqual([
      {
        consumer: 'mails',
        eventId,
        showId: 'show 1',
        type: 'seat.sold',
        payload: { name: poison.name, at: '2026-11-01T00:00:00.000Z' },
        tries: 5,
        error: 'Error: cannot take it',
        diedAt: expect.any(Date),
      },
    ]);
    expect(await relay.deadLetters(0)).toEqual([]);
    expect(await relay.metric('usher_dead_letters_total')).toBe(
      'usher_dead_letters_total{consumer="mails"} 1',
    );
  });

  test('has its effect once when it is replayed, even by two operators at once', async () => {
    let isCured = false;
    const { relay, eventId } = await openDead({ isCured: () => isCured });
    await expect(relay.replay('mails', eventId)).rejects.toThrow('cannot take it');
    expect(await relay.deadLetters(10)).toHaveLength(1);
    isCured = true;
    const replays = await Promise.all([
      relay.replay('mails', eventId),
      relay.replay('mails', eventId),
    ]);
    expect(replays).toContain('replayed');
    expect(await relay.replay('mails', eventId)).toBe('unknown');
    expect(await bed.effects('mails')).toEqual([poison.name]);
    expect(await relay.deadLetters(10)).toEqual([]);
  });

  test('of a consumer that another process serves is replayed there', async () => {
    let isCured = false;
    const { relay, eventId } = await openDead({ isCured: () => isCured });
    const elsewhere = bed.relay([bed.consumer('ranking')]);
    isCured = true;
    expect(await elsewhere.replay('mails', eventId)).toBe('replayed');
    expect(await relay.deadLetters(10)).toEqual([]);
    await pass(relay, 1000);
    expect(await bed.effects('mails')).toEqual([poison.name]);
  });

  test('is listed again if it fails again', async () => {
    const { relay, asked, eventId } = await openDead();
    const elsewhere = bed.relay([bed.consumer('ranking')]);
    await elsewhere.replay('mails', eventId);
    await pass(relay, 20_000);
    expect(asked).toHaveLength(10);
    expect(await relay.deadLetters(10)).toHaveLength(1);
  });

  test('that does not exist is not replayed', async () => {
    const { relay, eventId } = await openDead();
    for (const [consumer, id] of [
      ['ranking', eventId],
      ['nobody', eventId],
      ['mails', makeEventId(1_000_000)],
      ['mails', 'evt_01jd8zk3v7q2m4x6t9w1y5b0ce'],
    ] as const)
      expect(await relay.replay(consumer, id)).toBe('unknown');
  });
});

describe('a database failure', () => {
  test.each(['STORE_UNREACHABLE', 'STORE_CONFLICT', 'OVERLOADED'])(
    '(%s) does not count as a try, and everything is delivered after it',
    async (code) => {
      let isAway = true;
      const db: Database = {
        ...bed.db,
        transaction: (work) =>
          isAway
            ? Promise.reject(new Failure(code, 'away', { retryable: true }))
            : bed.db.transaction(work),
      };
      const relay = bed.relay([bed.consumer('mails')], { db });
      await asleep(relay);
      await append(bed.db, before, poison, healthy);
      await pass(relay, 60_000);
      expect(await relay.deadLetters(10)).toEqual([]);
      isAway = false;
      await pass(relay, 500);
      expect(await bed.effects('mails')).toEqual([before.name, poison.name, healthy.name]);
    },
  );
});

describe('the trace of an event', () => {
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';

  test('is that of the request that caused it: in the event, the log and the span', async () => {
    const lines: string[] = [];
    const spans: unknown[] = [];
    const log = makeLog({
      level: 'info',
      service: 'test',
      destination: { write: (line) => lines.push(line) },
    });
    const tracing: Tracing = {
      request: (_name, _of, work) => work(),
      close: async () => undefined,
      events: (name, traceIds, work) => {
        spans.push([name, traceIds]);
        return inTraces(traceIds, work);
      },
    };
    const seen: (string | null)[] = [];
    const consumer = bed.consumer('mails', (events: readonly JournalEvent[]) => {
      seen.push(...events.map((event) => event.traceId));
      log.info('told');
    });
    const relay = bed.relay([consumer], { tracing, log });
    await asleep(relay);
    await append(
      bed.db,
      testEvent('show 1', { requestId: traceId }),
      testEvent('show 1', { requestId: traceId }),
      testEvent('show 1'),
      testEvent('show 1', { requestId: 'sweep' }),
    );
    await relay.round();
    expect(seen).toEqual([traceId, traceId, null, null]);
    expect(spans).toEqual([['mails', [traceId]]]);
    expect(JSON.parse(lines[0] ?? '{}')).toMatchObject({ msg: 'told', traceId });
  });
});
