import { makeTestDatabase } from '@usher/tests/support/postgres.ts';
import { until } from '@usher/tests/support/until.ts';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../clock.ts';
import type { Database, Sql } from '../postgres/sql.ts';
import { makeHorizon } from './horizon.ts';
import { append, type JournalBed, openJournalBed, type TestEvent, testEvent } from './test-bed.ts';

let bed: JournalBed;
let url: string;
beforeEach(async () => {
  ({ url } = await makeTestDatabase());
  bed = await openJournalBed(url);
});
afterEach(() => bed.close());

const namesOf = (events: readonly TestEvent[]): string[] => events.map((event) => event.name);
/** A relay whose first round, which starts by itself, has ended. */
const openRelay = async (...given: Parameters<JournalBed['relay']>) => {
  const relay = bed.relay(...given);
  await until('the relay sleeps', () => relay.clock.sleeping === 1);
  return relay;
};

describe('an event that was written with an effect', () => {
  test('reaches every consumer of its type in the order of writing, once', async () => {
    const relay = await openRelay([bed.consumer('mails'), bed.consumer('ranking')]);
    const events = Array.from({ length: 20 }, (_, i) => testEvent(`show ${i % 3}`));
    await append(bed.db, ...events, testEvent('show 1', { type: 'nobody.asked' }));
    expect(await relay.round()).toBe(21);
    expect(await relay.round()).toBe(0);
    expect(await bed.effects('mails')).toEqual(namesOf(events));
    expect(await bed.effects('ranking')).toEqual(namesOf(events));
    expect(await bed.waiting()).toEqual([]);
    expect(await relay.metric('usher_journal_events_total')).toBe('usher_journal_events_total 21');
  });

  test('is not delivered if its transaction was rolled back', async () => {
    const relay = await openRelay([bed.consumer('mails')]);
    const undone = bed.db.transaction(async (tx) => {
      await append(tx, testEvent('show 1'));
      throw new Error('undone');
    });
    await expect(undone).rejects.toThrow('undone');
    expect(await relay.round()).toBe(0);
  });

  test('is passed on by the next round, and at once if the relay is woken', async () => {
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

  test('waits for the pause after a round with many, and is not forgotten', async () => {
    const relay = await openRelay([bed.consumer('mails')]);
    const crowd = Array.from({ length: 9 }, () => testEvent('show 1'));
    await append(bed.db, ...crowd);
    relay.wake();
    await until('the crowd', async () => (await bed.effects('mails')).length === 9);
    // Nobody sleeps until the round has ended; then the relay does, and a wake does not end that.
    await until('the pause', () => relay.clock.sleeping === 1);
    const late = testEvent('show 1');
    await append(bed.db, late);
    relay.wake();
    expect(relay.clock.sleeping).toBe(1);
    expect(await bed.effects('mails')).toEqual(namesOf(crowd));
    await relay.clock.advance(100);
    await until('the late one', async () => (await bed.effects('mails')).length === 10);
    expect(relay.clock.nowMs()).toBe(100);
  });

  test('is passed on completely, however many there are', async () => {
    const relay = await openRelay([bed.consumer('mails')]);
    const events = Array.from({ length: 1200 }, (_, i) => testEvent(`show ${i % 7}`));
    await append(bed.db, ...events);
    relay.wake();
    await until('all', async () => (await bed.waiting()).length === 0);
    expect(await bed.effects('mails')).toEqual(namesOf(events));
  });
});

describe('an event whose transaction still runs', () => {
  /** A writer that has written, and commits or rolls back when the test says so. */
  const openWriter = async (event: TestEvent) => {
    const written = Promise.withResolvers<void>();
    const told = Promise.withResolvers<'commit' | 'undo'>();
    const ended = bed.db.transaction(async (tx) => {
      await append(tx, event);
      written.resolve();
      if ((await told.promise) === 'undo') throw new Error('undone');
    });
    await written.promise;
    return {
      commit: async () => {
        told.resolve('commit');
        await ended;
      },
      undo: async () => {
        told.resolve('undo');
        await expect(ended).rejects.toThrow('undone');
      },
    };
  };
  const openReal = () => openRelay([bed.consumer('mails')], { horizon: makeHorizon(bed.db) });
  /** Waits until nothing is pending: other tests write on the same server. */
  const passAll = (relay: Awaited<ReturnType<typeof openReal>>) =>
    until('everything is final', async () => !(await relay.look()).isWaiting);

  test('holds back later events, whichever commits first, and is not lost', async () => {
    const relay = await openReal();
    const [first, second, third] = [testEvent('show 1'), testEvent('show 2'), testEvent('show 3')];
    const late = await openWriter(first);
    const early = await openWriter(second);
    await early.commit();
    await append(bed.db, third);
    for (let rounds = 0; rounds < 3; rounds++)
      expect(await relay.look()).toEqual({ passed: 0, isWaiting: true });
    await late.commit();
    await passAll(relay);
    expect(await bed.effects('mails')).toEqual(namesOf([first, second, third]));
  });

  test('is lost if a later one is passed on without waiting: the race is real', async () => {
    const relay = await openRelay([bed.consumer('mails')]);
    const [first, second] = [testEvent('show 1'), testEvent('show 2')];
    const late = await openWriter(first);
    await append(bed.db, second);
    await relay.round();
    await late.commit();
    await relay.round();
    expect(await bed.effects('mails')).toEqual([second.name]);
  });

  test('is waited for even if its transaction has a higher id than all that ended', async () => {
    const relay = await openReal();
    const [first, second] = [testEvent('show 1'), testEvent('show 2')];
    // Nothing ends between the two: a snapshot's upper end is below both of them.
    const lower = await openWriter(first);
    const higher = await openWriter(second);
    expect(await relay.look()).toEqual({ passed: 0, isWaiting: true });
    await lower.commit();
    expect(await relay.look()).toEqual({ passed: 0, isWaiting: true });
    await higher.commit();
    await passAll(relay);
    expect(await bed.effects('mails')).toEqual(namesOf([first, second]));
  });

  /** Another connection of the server, in a transaction that the test leaves open. */
  const openTransaction = async (begin: string) => {
    const client = new pg.Client({ connectionString: url });
    // The server may cut it off.
    client.on('error', () => undefined);
    await client.connect();
    await client.query(begin);
    const sql: Sql = {
      query: async <Row>(text: string, params: readonly unknown[] = []) =>
        (await client.query(text, [...params])).rows as Row[],
    };
    return { sql, end: () => client.end() };
  };

  test('is not waited for after a rollback, or after its hanging writer was cut off', async () => {
    const relay = await openReal();
    const [hung, kept] = [testEvent('show 1'), testEvent('show 2')];
    const writer = await openWriter(testEvent('show 3'));
    const { sql } = await openTransaction('BEGIN');
    const [backend] = await sql.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    await append(sql, hung);
    await append(bed.db, kept);
    await writer.undo();
    expect(await relay.look()).toEqual({ passed: 0, isWaiting: true });
    await bed.db.query('SELECT pg_terminate_backend($1, 10000)', [backend?.pid]);
    await passAll(relay);
    expect(await bed.effects('mails')).toEqual([kept.name]);
  });

  test('is waited for while its writer hangs, until the timeout ends the writer', async () => {
    const relay = await openReal();
    const [hung, kept] = [testEvent('show 1'), testEvent('show 2')];
    const { sql } = await openTransaction('BEGIN');
    await append(sql, hung);
    await append(bed.db, kept);
    for (let rounds = 0; rounds < 3; rounds++)
      expect(await relay.look()).toEqual({ passed: 0, isWaiting: true });
    await sql.query("SET LOCAL idle_in_transaction_session_timeout = '1ms'");
    await passAll(relay);
    expect(await bed.effects('mails')).toEqual([kept.name]);
    // The program's own connections have the limit that running.md names.
    const limit = await bed.db.query('SHOW idle_in_transaction_session_timeout');
    expect(limit).toEqual([{ idle_in_transaction_session_timeout: '10s' }]);
  });

  test('is all that is waited for: a dump, which only reads, holds back nothing', async () => {
    const relay = await openReal();
    const event = testEvent('show 1');
    const dump = await openTransaction('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await dump.sql.query('SELECT FROM platform.journal');
    await append(bed.db, event);
    await passAll(relay);
    expect(await bed.effects('mails')).toEqual([event.name]);
    // It was there all the time: the server has not cut it off meanwhile.
    await dump.sql.query('SELECT FROM platform.journal');
    await dump.end();
  });

  describe('that has taken its number but not yet written its row', () => {
    /** Appends an event; its transaction stops between number and row until it may go on. */
    const openPaused = async (event: TestEvent) => {
      // The first number of a sequence takes a transaction id by itself; later ones do not.
      await append(bed.db, testEvent('show 1'));
      await bed.db.query(`CREATE FUNCTION pause() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN NEW; END $$`);
      await bed.db.query(`CREATE TRIGGER pause BEFORE INSERT ON platform.journal
        FOR EACH ROW EXECUTE FUNCTION pause()`);
      const gate = await openTransaction('SELECT pg_advisory_lock(1)');
      const written = append(bed.db, event);
      await until('the writer has its number', async () => {
        const waiting = await bed.db.query(
          `SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database
           WHERE d.datname = current_database() AND l.locktype = 'advisory' AND NOT l.granted`,
        );
        return waiting.length === 1;
      });
      return async (): Promise<void> => {
        await gate.end();
        await written;
      };
    };

    test('is waited for, because its transaction took an id before the number', async () => {
      const relay = await openReal();
      const event = testEvent('show 1');
      const goOn = await openPaused(event);
      for (let rounds = 0; rounds < 3; rounds++) expect((await relay.look()).isWaiting).toBe(true);
      await goOn();
      await passAll(relay);
      expect(await bed.effects('mails')).toContain(event.name);
    });

    test('is lost if its transaction has no id yet: the order is needed', async () => {
      const [door] = await bed.db.query<{ text: string }>(
        `SELECT pg_get_functiondef('platform.append_journal'::regproc) AS text`,
      );
      const careless = door?.text.replace('PERFORM pg_current_xact_id();', '') ?? '';
      expect(careless).not.toBe(door?.text);
      await bed.db.query(careless);
      const relay = await openReal();
      const event = testEvent('show 1');
      const goOn = await openPaused(event);
      await passAll(relay);
      await goOn();
      await passAll(relay);
      expect(await bed.effects('mails')).not.toContain(event.name);
    });
  });
});

describe('a crash', () => {
  const never = new Promise<never>(() => undefined);
  /** The database of a process that dies as soon as the effect is committed. */
  const dyingAfterCommit = (): Database & { isDead(): boolean } => {
    let isDead = false;
    return {
      ...bed.db,
      isDead: () => isDead,
      transaction: async (work) => {
        await bed.db.transaction(work);
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

  test('after the effect is committed causes no second effect', async () => {
    const events = [testEvent('show 1'), testEvent('show 1')];
    await append(bed.db, ...events);
    const db = dyingAfterCommit();
    bed.relay([bed.consumer('mails')], { db }, true);
    await until('it is dead', db.isDead);
    expect(await bed.effects('mails')).toEqual(namesOf(events));
    expect(await bed.waiting()).toEqual([]);
    await bed.loseLeases();
    const next = await openRelay([bed.consumer('mails')]);
    await next.round();
    expect(await bed.effects('mails')).toEqual(namesOf(events));
  });

  test('before the effect is committed leaves the effect to the next relay', async () => {
    const event = testEvent('show 1');
    await append(bed.db, event);
    const db = dyingBeforeCommit();
    bed.relay([bed.consumer('mails')], { db }, true);
    await until('it is dead', db.isDead);
    expect(await bed.effects('mails')).toEqual([]);
    await bed.loseLeases();
    await openRelay([bed.consumer('mails')]);
    expect(await bed.effects('mails')).toEqual([event.name]);
  });
});

describe('relays of several processes', () => {
  test('work one at a time: one without a lease passes on nothing', async () => {
    await openRelay([bed.consumer('mails')]);
    const second = await openRelay([bed.consumer('mails')]);
    await append(bed.db, testEvent('show 1'));
    expect(await second.round()).toBe(0);
    await bed.loseLeases();
    expect(await second.round()).toBe(1);
  });

  test('release their leases when they close, so that another takes over at once', async () => {
    const first = await openRelay([bed.consumer('mails')]);
    const second = await openRelay([bed.consumer('mails')]);
    await append(bed.db, testEvent('show 1'));
    await first.close();
    await until('the second has taken over', async () => (await second.round()) === 1);
  });

  /**
   * One was suspended between reading and delivering, for longer than its lease; the other delivers
   * meanwhile, then the first continues.
   */
  const overtake = async (change: (text: string) => string = (text) => text) => {
    const stopped = Promise.withResolvers<void>();
    let isStopped = false;
    const db: Database = {
      ...bed.db,
      transaction: async (work) => {
        isStopped = true;
        await stopped.promise;
        return bed.db.transaction((tx) =>
          work({ query: (text, params) => tx.query(change(text), params) }),
        );
      },
    };
    const events = [testEvent('show 1'), testEvent('show 2'), testEvent('show 1')];
    await append(bed.db, ...events);
    const old = bed.relay([bed.consumer('mails')], { db });
    await until('it is stopped', () => isStopped);
    await bed.loseLeases();
    await openRelay([bed.consumer('mails')]);
    expect(await bed.effects('mails')).toEqual(namesOf(events));
    stopped.resolve();
    await until('it goes on', () => old.clock.sleeping === 1);
    return { events: namesOf(events), effects: await bed.effects('mails'), old };
  };

  test('deliver nothing twice if one was suspended for longer than its lease', async () => {
    const { events, effects, old } = await overtake();
    expect(effects).toEqual(events);
    expect(await old.round()).toBe(0);
  });

  test('would deliver twice if the cursor were not compared: the race is real', async () => {
    const { events, effects } = await overtake((text) =>
      text.replace('owner = $2 AND seq = $3', '$2::text IS NOT NULL AND $3::bigint IS NOT NULL'),
    );
    expect(effects).toEqual([...events, ...events]);
  });

  test('leave a consumer to the relay that is in the middle of an effect', async () => {
    const inside = Promise.withResolvers<void>();
    let isInside = false;
    const slow = bed.consumer('mails', () => {
      isInside = true;
      return inside.promise;
    });
    const event = testEvent('show 1');
    const a = await openRelay([slow]);
    const b = await openRelay([bed.consumer('mails')]);
    await append(bed.db, event);
    const first = a.round();
    await until('it is inside', () => isInside);
    // A lease cannot be taken while its owner has the cursor locked in a transaction.
    expect(await b.round()).toBe(0);
    inside.resolve();
    await first;
    expect(await bed.effects('mails')).toEqual([event.name]);
  });
});

describe('processes that serve other consumers', () => {
  test('never skip an event for consumers that they do not know', async () => {
    const old = await openRelay([bed.consumer('mails')]);
    const [first, second] = [testEvent('show 1'), testEvent('show 1')];
    await append(bed.db, first);
    await old.round();
    expect(await bed.effects('mails')).toEqual([first.name]);
    const young = await openRelay([bed.consumer('mails'), bed.consumer('ranking')]);
    await young.round();
    expect(await bed.effects('ranking')).toEqual([first.name]);
    await append(bed.db, second);
    // Each of the two delivers to its own consumers, and the old one has the lease of `mails`.
    await old.round();
    await young.round();
    expect(await bed.effects('mails')).toEqual(namesOf([first, second]));
    expect(await bed.effects('ranking')).toEqual(namesOf([first, second]));
  });

  test('take over a consumer from each other where it stood', async () => {
    const events = [testEvent('show 1'), testEvent('show 1')] as const;
    const one = await openRelay([bed.consumer('mails'), bed.consumer('ranking')]);
    await append(bed.db, events[0]);
    await one.round();
    await one.close();
    const other = await openRelay([bed.consumer('mails')]);
    await append(bed.db, events[1]);
    await other.round();
    expect(await bed.effects('mails')).toEqual(namesOf(events));
    expect(await bed.effects('ranking')).toEqual([events[0].name]);
    const again = await openRelay([bed.consumer('ranking')]);
    await again.round();
    expect(await bed.effects('ranking')).toEqual(namesOf(events));
  });
});

test('the lag of the relay is reported, and only by the relay that delivers', async () => {
  const relay = await openRelay([bed.consumer('mails')]);
  const other = await openRelay([bed.consumer('mails')]);
  await append(bed.db, testEvent('show 1', { atMs: systemClock.nowMs() - 3_600_000 }));
  await Promise.all([relay.round(), other.round()]);
  const lag = async (of: typeof relay) =>
    Number((await of.metric('usher_journal_lag_seconds'))?.split(' ')[1]);
  expect(await lag(relay)).toBeGreaterThanOrEqual(3600);
  expect(await lag(other)).toBe(0);
  await relay.round();
  expect(await lag(relay)).toBe(0);
});

describe('on the day after the migration from marks to cursors', () => {
  const inMigration = (seen: readonly TestEvent[]) =>
    bed.db.query(
      `WITH seen AS (INSERT INTO platform.inbox (consumer, seq)
         SELECT 'mails', seq FROM platform.journal WHERE payload->>'name' = ANY ($1))
       INSERT INTO platform.cursors (consumer, seq, inbox_until)
       SELECT name, 0, clock_timestamp() + interval '1 day'
       FROM unnest(ARRAY['mails', 'looks']) AS c (name)`,
      [namesOf(seen)],
    );
  test('what a consumer has seen has no second effect, unless it is repeatable', async () => {
    const [seen, unseen] = [testEvent('show 1'), testEvent('show 1')];
    await append(bed.db, seen, unseen);
    await inMigration([seen]);
    const looks = { ...bed.consumer('looks'), isRepeatable: true };
    await openRelay([bed.consumer('mails'), looks]);
    expect(await bed.effects('mails')).toEqual([unseen.name]);
    expect(await bed.effects('looks')).toEqual(namesOf([seen, unseen]));
  });
  test('the inbox is checked for one day only: afterwards the cursor alone decides', async () => {
    const event = testEvent('show 1');
    await append(bed.db, event);
    await inMigration([event]);
    await bed.db.query(
      "UPDATE platform.cursors SET inbox_until = clock_timestamp() - '1 s'::interval",
    );
    await openRelay([bed.consumer('mails')]);
    expect(await bed.effects('mails')).toEqual([event.name]);
  });
});
