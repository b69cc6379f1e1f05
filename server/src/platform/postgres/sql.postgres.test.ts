import { makeTestDatabase } from '@usher/tests/support/postgres.ts';
import { until } from '@usher/tests/support/until.ts';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Failure } from '../failure.ts';
import { type Log, silentLog } from '../log.ts';
import { type Database, isRolledBack, openDatabase, type Sql } from './sql.ts';
import { openTestProxy } from './test-proxy.ts';

const { url } = await makeTestDatabase();
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});
type More = Partial<Parameters<typeof openDatabase>[0]>;
const open = (more: More = {}): Database => {
  const db = openDatabase({ url, name: 'tested', log: silentLog, poolMax: 4, ...more });
  closers.push(db.close);
  return db;
};
const warned = () => {
  const lines: object[] = [];
  const warn = (fields: object, text: string) => void lines.push({ ...fields, text });
  return { lines, log: { ...silentLog, warn } as unknown as Log };
};
const failureOf = (promise: Promise<unknown>): Promise<Failure> =>
  promise.then(
    () => expect.unreachable(),
    (error: unknown) => {
      if (!(error instanceof Failure)) throw error;
      return error;
    },
  );

beforeAll(async () => {
  const db = openDatabase({ url, name: 'setup', log: silentLog, poolMax: 1 });
  await db.query('CREATE TABLE tills (id integer PRIMARY KEY, won bigint NOT NULL)');
  await db.query('INSERT INTO tills VALUES (1, 0), (2, 0)');
  await db.query('CREATE SEQUENCE calls');
  // Fails with a state as many times as requested; calls are counted in a sequence, which no
  // rollback resets.
  await db.query(`
    CREATE FUNCTION failing(state text, times integer) RETURNS integer LANGUAGE plpgsql AS $$
    BEGIN
      IF nextval('calls') <= times THEN RAISE 'planted' USING ERRCODE = state; END IF;
      RETURN currval('calls');
    END $$`);
  // Updates one till, waits until another session has updated one, then updates the other: a
  // deadlock, once. The first session waits, so that both rarely detect it and give up at once.
  await db.query(`
    CREATE FUNCTION crosswise(first integer, second integer) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
      UPDATE tills SET won = won + 1 WHERE id = first;
      PERFORM nextval('calls');
      WHILE (SELECT last_value FROM calls) < 2 LOOP PERFORM pg_sleep(0.01); END LOOP;
      IF currval('calls') = 1 THEN PERFORM pg_sleep(0.2); END IF;
      UPDATE tills SET won = won + 1 WHERE id = second;
    END $$`);
  await db.close();
});
const reset = async (db: Database): Promise<void> => {
  await db.query("SELECT setval('calls', 1, false)");
  await db.query('UPDATE tills SET won = 0');
};
const tills = (db: Sql) => db.query<{ won: number }>('SELECT won FROM tills ORDER BY id');
const callsOf = async (db: Database): Promise<number> =>
  (await db.query<{ n: number }>('SELECT last_value AS n FROM calls'))[0]?.n ?? 0;

const pidOf = async (sql: Sql): Promise<number> =>
  (await sql.query<{ pid: number }>('SELECT pg_backend_pid() AS pid'))[0]?.pid ?? 0;

describe('a statement', () => {
  test('returns its rows, with counts and amounts as numbers', async () => {
    const db = open();
    expect(await db.query('SELECT 9007199254740991::bigint AS n, $1::text AS t', ['a'])).toEqual([
      { n: 9007199254740991, t: 'a' },
    ]);
    expect(await db.query('UPDATE tills SET won = 0')).toEqual([]);
  });

  test('that fails reports its own error, is not retried, and keeps the connection', async () => {
    const db = open({ poolMax: 1 });
    await reset(db);
    const before = await pidOf(db);
    await expect(db.query("SELECT failing('23505', 9)")).rejects.toMatchObject({ code: '23505' });
    expect(await callsOf(db)).toBe(1);
    await expect(db.query('SELEKT')).rejects.toMatchObject({ code: '42601' });
    await expect(db.transaction((tx) => tx.query('SELEKT'))).rejects.toThrow('SELEKT');
    expect(await pidOf(db)).toBe(before);
  });
});

describe('two sessions that lock the same rows in opposite order', () => {
  const both = (run: (first: number, second: number) => Promise<unknown>) =>
    Promise.allSettled([run(1, 2), run(2, 1)]);
  const statuses = (settled: PromiseSettledResult<unknown>[]) => settled.map((s) => s.status);

  test('both succeed with one statement each: the victim’s is retried', async () => {
    const db = open();
    await reset(db);
    const settled = await both((a, b) => db.query('SELECT crosswise($1, $2)', [a, b]));
    expect(statuses(settled)).toEqual(['fulfilled', 'fulfilled']);
    expect(await tills(db)).toEqual([{ won: 2 }, { won: 2 }]);
    expect(await callsOf(db)).toBeGreaterThan(2);
  });

  test('both succeed with a transaction each: the victim’s function is retried', async () => {
    const db = open();
    await reset(db);
    let runs = 0;
    const settled = await both((a, b) =>
      db.transaction(async (tx) => {
        runs++;
        await tx.query('SELECT crosswise($1, $2)', [a, b]);
      }),
    );
    expect(statuses(settled)).toEqual(['fulfilled', 'fulfilled']);
    expect(runs).toBeGreaterThan(2);
    expect(await tills(db)).toEqual([{ won: 2 }, { won: 2 }]);
  });

  test('would not both succeed without the retry: the conflict is real', async () => {
    const db = open();
    await reset(db);
    // A transaction repeats only what it throws.
    const dropped: unknown[] = [];
    const settled = await both((a, b) =>
      db.transaction((tx) =>
        tx.query('SELECT crosswise($1, $2)', [a, b]).catch((error: unknown) => {
          dropped.push(error);
          throw new Error('not repeated');
        }),
      ),
    );
    expect(statuses(settled).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect(dropped).toMatchObject([{ code: '40P01' }]);
    expect(await tills(db)).toEqual([{ won: 1 }, { won: 1 }]);
  });
});

describe('a statement that the database rolls back repeatedly', () => {
  test.each(['40001', '40P01'])(
    'is tried three times with state %s, and that is logged',
    async (state) => {
      const { log, lines } = warned();
      const db = open({ log });
      await reset(db);
      const rows = await db.query<{ failing: number }>('SELECT failing($1, 2)', [state]);
      expect(rows).toEqual([{ failing: 3 }]);
      expect(lines).toMatchObject([
        { state, tries: 1 },
        { state, tries: 2 },
      ]);
    },
  );

  test('fails after the third try with a retryable failure', async () => {
    const db = open();
    for (const run of [
      () => db.query("SELECT failing('40001', 9)"),
      () => db.transaction((tx) => tx.query("SELECT failing('40001', 9)")),
    ]) {
      await reset(db);
      expect(await failureOf(run())).toMatchObject({ code: 'STORE_CONFLICT', retryable: true });
      expect(await callsOf(db)).toBe(3);
    }
  });
});

describe('an external failure', () => {
  const planted = ['08006', '53100', '53200', '53300', '57P01', '57P03', '58030', '25006'];
  test.each([
    ...planted.map((state) => [state, 'STORE_UNREACHABLE']),
    ...['55P03', '57014', '25P03'].map((state) => [state, 'STORE_TIMEOUT']),
  ])('with state %s becomes %s, and keeps its cause', async (state, code) => {
    const db = open();
    await reset(db);
    const failure = await failureOf(db.query('SELECT failing($1, 9)', [state]));
    expect(failure).toMatchObject({ code, retryable: true, cause: { code: state } });
    expect(await callsOf(db)).toBe(1);
  });

  test('is thrown if a statement takes too long, or a lock is not released', async () => {
    const db = open({ statementTimeoutMs: 100, lockTimeoutMs: 50, poolMax: 1 });
    const before = await pidOf(db);
    const code = 'STORE_TIMEOUT';
    expect(await failureOf(db.query('SELECT pg_sleep(30)'))).toMatchObject({ code });
    const other = open();
    await other.transaction(async (tx) => {
      await tx.query('UPDATE tills SET won = won WHERE id = 1');
      const waiting = db.query('UPDATE tills SET won = won WHERE id = 1');
      expect(await failureOf(waiting)).toMatchObject({ code, cause: { code: '55P03' } });
    });
    expect(await pidOf(db)).toBe(before);
  });

  test('is thrown if the database is unreachable', async () => {
    const gone = await openTestProxy(url);
    await gone.close();
    const db = open({ url: gone.url });
    for (const run of [db.query('SELECT 1'), db.transaction((tx) => tx.query('SELECT 1'))])
      expect(await failureOf(run)).toMatchObject({ code: 'STORE_UNREACHABLE' });
  });

  test('is thrown soon if the database no longer responds', async () => {
    const proxy = await openTestProxy(url);
    closers.push(proxy.close);
    const db = open({ url: proxy.url, statementTimeoutMs: 1500 });
    await Promise.all([db.query('SELECT pg_sleep(0.01)'), db.query('SELECT 1')]);
    proxy.swallow(true);
    const unheard = [db.query('SELECT 1'), db.transaction((tx) => tx.query('SELECT 1'))];
    for (const each of unheard)
      expect(await failureOf(each)).toMatchObject({ code: 'STORE_TIMEOUT' });
    proxy.swallow(false);
    expect(await db.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });
});

describe('an error says whether its statement may be sent again in parts', () => {
  const thrownBy = (run: Promise<unknown>): Promise<unknown> =>
    run.then(
      () => expect.unreachable(),
      (error: unknown) => error,
    );

  test.each([
    ...['22P05', '22003', '23505', '23514', '40001', '40P01', '42883', 'P0001', 'XX000'].map(
      (state) => [state, true] as const,
    ),
    ...['08006', '53100', '55P03', '57014', '57P01'].map((state) => [state, false] as const),
  ])('with state %s: %s', async (state, isIt) => {
    const db = open();
    await reset(db);
    expect(isRolledBack(await thrownBy(db.query('SELECT failing($1, 9)', [state])))).toBe(isIt);
  });

  test('a lost connection and a bug do not', async () => {
    const db = open({ poolMax: 1 });
    const lost = thrownBy(db.query('SELECT pg_terminate_backend(pg_backend_pid())'));
    const errors = [
      await lost,
      new Error('lost'),
      Object.assign(new Error(), { code: 'ENOTFOUND' }),
    ];
    expect(errors.map(isRolledBack)).toEqual([false, false, false]);
  });
});

describe('a connection that is lost', () => {
  const terminate = async (victim: number): Promise<void> => {
    const db = open({ name: 'killer' });
    await db.query('SELECT pg_terminate_backend($1)', [victim]);
    const isGone = async () =>
      (await db.query('SELECT FROM pg_stat_activity WHERE pid = $1', [victim])).length === 0;
    await until('it is gone', isGone);
  };

  test('during a statement is a failure, and the next statement gets another', async () => {
    const db = open({ poolMax: 1 });
    const killed = failureOf(db.query('SELECT pg_terminate_backend(pg_backend_pid())'));
    expect(await killed).toMatchObject({ code: 'STORE_UNREACHABLE', retryable: true });
    expect(await db.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  test('between two statements ends their transaction but not the process', async () => {
    const db = open({ poolMax: 1 });
    await reset(db);
    const lost = db.transaction(async (tx) => {
      await tx.query('UPDATE tills SET won = 7');
      await terminate(await pidOf(tx));
      await tx.query('UPDATE tills SET won = 8');
    });
    expect(await failureOf(lost)).toMatchObject({ code: 'STORE_UNREACHABLE' });
    expect(await tills(db)).toEqual([{ won: 0 }, { won: 0 }]);
  });

  test('just before COMMIT is a failure, never a success', async () => {
    const db = open({ poolMax: 1 });
    await reset(db);
    const lost = db.transaction(async (tx) => {
      await tx.query('UPDATE tills SET won = 7');
      await terminate(await pidOf(tx));
    });
    expect(await failureOf(lost)).toMatchObject({ code: 'STORE_UNREACHABLE' });
    expect(await tills(db)).toEqual([{ won: 0 }, { won: 0 }]);
  });

  test('while it was idle is logged, and nobody notices', async () => {
    const { log, lines } = warned();
    const db = open({ poolMax: 1, log });
    await terminate(await pidOf(db));
    await until('the loss is told', () => lines.length > 0);
    expect(lines).toMatchObject([{ text: 'idle database connection lost' }]);
    expect(await db.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });
});

describe('a transaction', () => {
  test('that throws is rolled back, and its caller gets the error', async () => {
    const db = open();
    await reset(db);
    const thrown = db.transaction(async (tx) => {
      await tx.query('UPDATE tills SET won = 7');
      throw new Error('changed my mind');
    });
    await expect(thrown).rejects.toThrow('changed my mind');
    expect(await tills(db)).toEqual([{ won: 0 }, { won: 0 }]);
  });

  test('that swallows a statement’s error is a bug: it never reports success', async () => {
    const db = open();
    await reset(db);
    const careless = db.transaction(async (tx) => {
      await tx.query('UPDATE tills SET won = 7');
      await tx.query('SELEKT').catch(() => 'never mind');
    });
    await expect(careless).rejects.toThrow('assertion failed');
    expect(await tills(db)).toEqual([{ won: 0 }, { won: 0 }]);
  });

  test('keeps no connection, however it ends', async () => {
    const db = open({ name: 'leaking', poolMax: 3 });
    const ways: ((tx: Sql) => Promise<unknown>)[] = [
      (tx) => tx.query('SELECT 1'),
      (tx) => tx.query('SELEKT'),
      () => Promise.reject(new Error('changed my mind')),
      (tx) => tx.query('SELEKT').catch(() => 'never mind'),
      (tx) => tx.query("SELECT failing('40001', 1000000)"),
      (tx) => tx.query('SELECT pg_terminate_backend(pg_backend_pid())'),
      async (tx) => {
        await tx.query('COMMIT');
        await tx.query('SELECT 1');
      },
    ];
    const all = Array.from({ length: 10 }, () => ways).flat();
    await Promise.allSettled(all.map((way) => db.transaction(way)));
    const states = () =>
      open().query<{ state: string }>(
        "SELECT state FROM pg_stat_activity WHERE application_name = 'usher leaking'",
      );
    await until('no more than three, all idle', async () => {
      const found = await states();
      return found.length <= 3 && found.every(({ state }) => state === 'idle');
    });
    // All three can still be used at once.
    let inside = 0;
    let meet = (): void => undefined;
    const together = new Promise<void>((resolve) => (meet = resolve));
    await Promise.all(
      [1, 2, 3].map(() =>
        db.transaction(async () => {
          if (++inside === 3) meet();
          await together;
        }),
      ),
    );
  });
});

describe('when all connections are in use', () => {
  /** A database whose only connection is held until the test lets go. */
  const exhausted = async (more: More) => {
    const db = open({ poolMax: 1, ...more });
    let letGo = (): void => undefined;
    const held = new Promise<void>((resolve) => (letGo = resolve));
    let isHeld = false;
    const holding = db.transaction(async () => {
      isHeld = true;
      await held;
    });
    await until('the connection is held', () => isHeld);
    const end = async (): Promise<void> => {
      letGo();
      await holding;
    };
    return { db, end };
  };

  test('a caller that waits too long for one is refused, with nothing done', async () => {
    const { db, end } = await exhausted({ connectTimeoutMs: 100 });
    for (const run of [db.query('SELECT 1'), db.transaction(async () => expect.unreachable())])
      expect(await failureOf(run)).toMatchObject({ code: 'OVERLOADED', retryable: true });
    await end();
    expect(await db.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  test('at most 50 callers wait per connection; later ones are refused at once', async () => {
    const { db, end } = await exhausted({});
    const waiting = Array.from({ length: 50 }, () => db.query('SELECT 1 AS one'));
    for (const run of [db.query('SELECT 1'), db.transaction(async () => expect.unreachable())])
      expect(await failureOf(run)).toMatchObject({ code: 'OVERLOADED', retryable: true });
    await end();
    expect(await Promise.all(waiting)).toHaveLength(50);
  });
});
