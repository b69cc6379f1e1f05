import { makeTestDatabase } from '@usher/tests/support/postgres.ts';
import { until } from '@usher/tests/support/until.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Database, Sql } from '../postgres/sql.ts';
import { append, type OutboxBed, openOutboxBed, type TestEvent, testEvent } from './test-bed.ts';

let bed: OutboxBed;
beforeEach(async () => {
  bed = await openOutboxBed((await makeTestDatabase()).url);
});
afterEach(() => bed.close());

const idsOf = (events: readonly TestEvent[]): string[] => events.map((event) => event.id);
/** A relay whose first round, of its own, is over. */
const openRelay = async (...given: Parameters<OutboxBed['relay']>) => {
  const relay = bed.relay(...given);
  await until('the relay sleeps', () => relay.clock.sleeping === 1);
  return relay;
};

describe('what was written with an effect', () => {
  test('reaches every consumer of its type in the order of writing, once', async () => {
    const relay = await openRelay([bed.consumer('mails'), bed.consumer('ranking')]);
    const events = Array.from({ length: 20 }, (_, i) => testEvent(`show ${i % 3}`));
    await append(bed.db, ...events, testEvent('show 1', { type: 'nobody.asked' }));
    expect(await relay.round()).toBe(21);
    expect(await relay.round()).toBe(0);
    expect(await bed.effects('mails')).toEqual(idsOf(events));
    expect(await bed.effects('ranking')).toEqual(idsOf(events));
    expect(await bed.waiting()).toEqual([]);
    expect(await relay.metric('usher_outbox_events_total')).toBe('usher_outbox_events_total 21');
  });

  test('is not heard of when its transaction was undone', async () => {
    const relay = await openRelay([bed.consumer('mails')]);
    const undone = bed.db.transaction(async (tx) => {
      await append(tx, testEvent('show 1'));
      throw new Error('undone');
    });
    await expect(undone).rejects.toThrow('undone');
    expect(await relay.round()).toBe(0);
  });

  test('is passed on by the next round, and at once when somebody wakes the relay', async () => {
    const relay = await openRelay([bed.consumer('mails')]);
    await append(bed.db, testEvent('show 1'));
    await relay.clock.advance(500);
    await until('the first', async () => (await bed.effects('mails')).length === 1);
    await until('the relay sleeps', () => relay.clock.sleeping === 1);
    await append(bed.db, testEvent('show 1'));
    relay.wake();
    await until('the second', async () => (await bed.effects('mails')).length === 2);
    expect(relay.clock.nowMs()).toBe(500);
  });

  test('is passed on to its end, however much there is', async () => {
    const relay = await openRelay([bed.consumer('mails')]);
    const events = Array.from({ length: 1200 }, (_, i) => testEvent(`show ${i % 7}`));
    await append(bed.db, ...events);
    relay.wake();
    await until('all', async () => (await bed.waiting()).length === 0);
    expect(await bed.effects('mails')).toEqual(idsOf(events));
  });

  test('by a transaction that ends late is not lost, though later ones went', async () => {
    const relay = await openRelay([bed.consumer('mails')]);
    const [late, early] = [testEvent('show 1'), testEvent('show 2')];
    await bed.db.transaction(async (tx) => {
      await append(tx, late);
      await append(bed.db, early);
      expect(await relay.round()).toBe(1);
    });
    expect(await relay.round()).toBe(1);
    expect(await bed.effects('mails')).toEqual(idsOf([early, late]));
    const order = await bed.db.query<{ id: string }>('SELECT id FROM platform.outbox ORDER BY seq');
    expect(order.map(({ id }) => id)).toEqual(idsOf([late, early]));
  });
});

describe('a crash', () => {
  const never = new Promise<never>(() => undefined);
  /** The database of a process that dies before it has marked what it passed on. */
  const dyingBeforeMark = (): Database & { isDead(): boolean } => {
    let isDead = false;
    return {
      ...bed.db,
      isDead: () => isDead,
      query: (text, params) => {
        if (!text.startsWith('UPDATE platform.outbox')) return bed.db.query(text, params);
        isDead = true;
        return never;
      },
    };
  };
  /** The database of a process that dies before the effect is committed. */
  const dyingBeforeCommit = (): Database & { isDead(): boolean } => {
    let isDead = false;
    return {
      ...bed.db,
      isDead: () => isDead,
      transaction: async (work) => {
        const dying = bed.db.transaction(async (tx: Sql) => {
          await work(tx);
          isDead = true;
          throw new Error('died');
        });
        await dying.catch(() => never);
        return never;
      },
    };
  };

  test('between the effect and its mark is followed by no second effect', async () => {
    const events = [testEvent('show 1'), testEvent('show 1')];
    await append(bed.db, ...events);
    const db = dyingBeforeMark();
    bed.relay([bed.consumer('mails')], { db }, true);
    await until('it is dead', db.isDead);
    expect(await bed.effects('mails')).toEqual(idsOf(events));
    expect(await bed.waiting()).toEqual(idsOf(events));
    await bed.loseLease();
    await openRelay([bed.consumer('mails')]);
    expect(await bed.effects('mails')).toEqual(idsOf(events));
    expect(await bed.waiting()).toEqual([]);
  });

  test('before the effect is committed leaves the effect to the next relay', async () => {
    const event = testEvent('show 1');
    await append(bed.db, event);
    const db = dyingBeforeCommit();
    bed.relay([bed.consumer('mails')], { db }, true);
    await until('it is dead', db.isDead);
    expect(await bed.effects('mails')).toEqual([]);
    await bed.loseLease();
    await openRelay([bed.consumer('mails')]);
    expect(await bed.effects('mails')).toEqual([event.id]);
  });
});

describe('relays of several processes', () => {
  test('work one at a time: who has no lease passes on nothing', async () => {
    await openRelay([bed.consumer('mails')]);
    const second = await openRelay([bed.consumer('mails')]);
    await append(bed.db, testEvent('show 1'));
    expect(await second.round()).toBe(0);
    await bed.loseLease();
    expect(await second.round()).toBe(1);
  });

  test('that closes hands its work over at once', async () => {
    const first = await openRelay([bed.consumer('mails')]);
    const second = await openRelay([bed.consumer('mails')]);
    await append(bed.db, testEvent('show 1'));
    await first.close();
    await until('the second has taken over', async () => (await second.round()) === 1);
  });

  /** Two relays that both believe they have the lease, on the same events at the same time. */
  const race = async () => {
    const meeting = makeMeeting();
    const slow = bed.consumer('mails', () => meeting.come());
    // Both read the same events before either has marked them: the first waits in its handler.
    const [a, b] = [await openRelay([slow]), await openRelay([slow])];
    const events = Array.from({ length: 10 }, (_, i) => testEvent(`show ${i % 2}`));
    await append(bed.db, ...events);
    await bed.loseLease();
    const first = a.round();
    await until('the first is in its handler', meeting.isSomebodyThere);
    await bed.loseLease();
    const second = b.round();
    await until('the second waits for it, or is there too', async () => {
      const waiting = await bed.db.query(
        `SELECT FROM pg_stat_activity
         WHERE wait_event_type = 'Lock' AND datname = current_database()`,
      );
      return waiting.length > 0 || meeting.areBothThere();
    });
    meeting.end();
    await Promise.all([first, second]);
    return { effects: await bed.effects('mails'), events: idsOf(events) };
  };
  const makeMeeting = () => {
    let end = (): void => undefined;
    const over = new Promise<void>((resolve) => (end = resolve));
    let there = 0;
    const come = (): Promise<void> => {
      there++;
      return over;
    };
    return {
      come,
      end: () => end(),
      isSomebodyThere: () => there > 0,
      areBothThere: () => there > 1,
    };
  };

  test('that both work, one without a lease, have each effect once and in order', async () => {
    const { effects, events } = await race();
    expect(effects).toEqual(events);
  });

  test('without the note of what was seen would have it twice: the race is real', async () => {
    // The planted bug: every note is somebody else's.
    await bed.db.query(`
      CREATE FUNCTION forget() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN NEW.consumer := NEW.consumer || gen_random_uuid(); RETURN NEW; END $$;
      CREATE TRIGGER forget BEFORE INSERT ON platform.inbox
      FOR EACH ROW EXECUTE FUNCTION forget()`);
    const { effects, events } = await race();
    expect(effects.toSorted()).toEqual([...events, ...events].toSorted());
  });

  test('of which one was stopped for longer than its lease change nothing twice', async () => {
    let go = (): void => undefined;
    const stopped = new Promise<void>((resolve) => (go = resolve));
    let isStopped = false;
    // Stopped after it has read what is to do, before it does it.
    const db: Database = {
      ...bed.db,
      transaction: async (work) => {
        isStopped = true;
        await stopped;
        return bed.db.transaction(work);
      },
    };
    const events = [testEvent('show 1'), testEvent('show 2'), testEvent('show 1')];
    await append(bed.db, ...events);
    const old = bed.relay([bed.consumer('mails')], { db });
    await until('it is stopped', () => isStopped);
    await bed.loseLease();
    await openRelay([bed.consumer('mails')]);
    expect(await bed.effects('mails')).toEqual(idsOf(events));
    const published = () =>
      bed.db.query('SELECT id, published_at FROM platform.outbox ORDER BY seq');
    const before = await published();
    go();
    await until('it goes on', () => old.clock.sleeping === 1);
    expect(await bed.effects('mails')).toEqual(idsOf(events));
    expect((await published()).length).toBe(before.length);
    expect(await old.round()).toBe(0);
  });
});

test('how far the relay lags is told, and by nobody but who works', async () => {
  const relay = await openRelay([bed.consumer('mails')]);
  const other = await openRelay([bed.consumer('mails')]);
  await append(bed.db, testEvent('show 1'));
  await bed.db.query("UPDATE platform.outbox SET created_at = created_at - '1 h'::interval");
  await Promise.all([relay.round(), other.round()]);
  const lag = async (of: typeof relay) =>
    Number((await of.metric('usher_outbox_lag_seconds'))?.split(' ')[1]);
  expect(await lag(relay)).toBeGreaterThanOrEqual(3600);
  expect(await lag(other)).toBe(0);
  await relay.round();
  expect(await lag(relay)).toBe(0);
});

test('of a consumer for whom twice is as once no note is kept, and it hears again', async () => {
  const looks = { ...bed.consumer('looks'), isRepeatable: true };
  const relay = await openRelay([looks, bed.consumer('mails')]);
  const event = testEvent('show 1');
  await append(bed.db, event);
  await relay.round();
  // As when a process dies before it has written that the event was passed on.
  await bed.db.query('UPDATE platform.outbox SET published_at = NULL');
  await relay.round();
  expect(await bed.effects('looks')).toEqual([event.id, event.id]);
  expect(await bed.effects('mails')).toEqual([event.id]);
  const noted = await bed.db.query('SELECT DISTINCT consumer FROM platform.inbox');
  expect(noted).toEqual([{ consumer: 'mails' }]);
});
