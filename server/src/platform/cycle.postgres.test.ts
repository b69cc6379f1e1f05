import { makeTestDatabase } from '@usher/tests/support/postgres.ts';
import { until } from '@usher/tests/support/until.ts';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from './clock.ts';
import { type CycleKind, makeCycle } from './cycle.ts';
import { type Log, silentLog } from './log.ts';
import { type Metrics, makeMetrics } from './metrics.ts';
import { type Database, openDatabase } from './postgres/sql.ts';
import { openTestProxy } from './postgres/test-proxy.ts';

const { url } = await makeTestDatabase();
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});
type More = Partial<Parameters<typeof openDatabase>[0]>;
const openOne = (more: More = {}): Database => {
  const db = openDatabase({ url, name: 'tested', log: silentLog, poolMax: 4, ...more });
  closers.push(db.close);
  return db;
};
const openMetrics = (): Metrics => {
  const metrics = makeMetrics();
  closers.push(async () => metrics.close());
  return metrics;
};
const open = (more: More = {}, lockFunction?: string) => {
  const db = openOne(more);
  const cycle = makeCycle({
    db,
    clock: systemClock,
    metrics: openMetrics(),
    batchSizeMax: 256,
    ...(lockFunction === undefined ? {} : { lockFunction }),
  });
  closers.push(cycle.close);
  return { db, cycle };
};

/** A kind whose calls and results go through as they are. */
const kind = <Call, Result>(
  functionName: string,
  rank: number,
  more: Partial<CycleKind<Call, Result, { results: Result[] }>> = {},
): CycleKind<Call, Result, { results: Result[] }> => ({
  name: functionName.replace('toys.', '').replaceAll('_', '-'),
  functionName,
  rank,
  encode: (calls) => calls,
  decode: (result) => result,
  ...more,
});

/** Writes that it ran; each result is what ran before it in the same transaction. */
const noteFunction = (name: string) => `
  CREATE FUNCTION toys.${name}(calls json) RETURNS json LANGUAGE plpgsql AS $$
  DECLARE
    before json := toys.read_notes();
  BEGIN
    INSERT INTO toys.notes (name) VALUES ('${name}');
    RETURN json_build_object('results', (SELECT json_agg(before) FROM json_array_elements(calls)));
  END $$`;

/** Buys toys. Each call of the function is counted in a sequence, which no rollback resets. */
const buyFunction = (name: string) => `
  CREATE FUNCTION toys.${name}(calls json) RETURNS json LANGUAGE plpgsql AS $$
  BEGIN
    PERFORM nextval('toys.${name}_runs');
    INSERT INTO toys.bought (toy, won) SELECT c ->> 'toy', (c ->> 'won')::integer
    FROM json_array_elements(calls) c;
    RETURN json_build_object('results', (
      SELECT json_agg(pg_current_xact_id()::text) FROM json_array_elements(calls)));
  END $$`;

/**
 * Takes the rows that its calls name. The first two sessions that come here wait for each other:
 * until both have taken their first rows, or one waits for the rows of the other.
 */
const grabFunction = (name: string) => `
  CREATE FUNCTION toys.${name}(calls json) RETURNS json LANGUAGE plpgsql AS $$
  BEGIN
    UPDATE toys.shelves SET grabs = grabs + 1
    WHERE id IN (SELECT json_array_elements_text(calls));
    PERFORM nextval('toys.meeting');
    WHILE (SELECT last_value FROM toys.meeting) < 2 AND NOT EXISTS (
      SELECT FROM pg_locks l
      WHERE NOT l.granted AND pg_backend_pid() = ANY (pg_blocking_pids(l.pid)))
    LOOP PERFORM pg_sleep(0.01); END LOOP;
    RETURN json_build_object('results', calls);
  END $$`;

beforeAll(async () => {
  const db = openDatabase({ url, name: 'setup', log: silentLog, poolMax: 1 });
  await db.query('CREATE SCHEMA toys');
  await db.query(`CREATE TABLE toys.notes (
    no bigint GENERATED ALWAYS AS IDENTITY, name text, xid xid8 DEFAULT pg_current_xact_id())`);
  await db.query(`CREATE FUNCTION toys.read_notes() RETURNS json LANGUAGE sql STABLE AS $$
    SELECT coalesce(json_agg(n.name ORDER BY n.no), '[]') FROM toys.notes n
    WHERE n.xid = pg_current_xact_id() $$`);
  await db.query(`CREATE FUNCTION toys.note_locks(keys text[]) RETURNS void LANGUAGE sql AS $$
    INSERT INTO toys.notes (name) VALUES ('locks ' || array_to_string(keys, ',')) $$`);
  for (const name of ['first', 'second', 'third']) await db.query(noteFunction(name));
  for (const [name, volatility] of [
    ['look', 'VOLATILE'],
    ['look_stable', 'STABLE'],
  ])
    await db.query(`CREATE FUNCTION toys.${name}(calls json) RETURNS json LANGUAGE plpgsql
      ${volatility} AS $$
      BEGIN
        RETURN json_build_object('results', json_build_array(toys.read_notes()));
      END $$`);

  await db.query(`CREATE TABLE toys.bought (toy text PRIMARY KEY, won integer CHECK (won > 0))`);
  for (const name of ['buy', 'order_ahead']) {
    await db.query(`CREATE SEQUENCE toys.${name}_runs`);
    await db.query(buyFunction(name));
  }
  await db.query(`CREATE FUNCTION toys.hang_up(calls json) RETURNS json LANGUAGE sql AS $$
    SELECT pg_terminate_backend(pg_backend_pid())::text::json $$`);

  await db.query('CREATE TABLE toys.shelves (id text PRIMARY KEY, grabs integer NOT NULL)');
  await db.query("INSERT INTO toys.shelves VALUES ('a', 0), ('b', 0)");
  await db.query('CREATE SEQUENCE toys.meeting');
  for (const name of ['grab', 'grab_more']) await db.query(grabFunction(name));
  await db.query(`CREATE FUNCTION toys.lock_shelves(keys text[]) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM FROM toys.shelves WHERE id = ANY (keys) ORDER BY id FOR UPDATE;
    END $$`);
  await db.close();
});

type Toy = { toy: string; won: number };
const reset = async (db: Database): Promise<void> => {
  await db.query('TRUNCATE toys.bought');
  await db.query('UPDATE toys.shelves SET grabs = 0');
  await db.query('ALTER SEQUENCE toys.meeting RESTART');
  await db.query(
    "SELECT setval('toys.buy_runs', 1, false), setval('toys.order_ahead_runs', 1, false)",
  );
};
const runsOf = async (db: Database, name: string): Promise<number> => {
  const [row] = await db.query<{ runs: number }>(
    `SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS runs FROM toys.${name}_runs`,
  );
  return row?.runs ?? -1;
};
const bought = async (db: Database): Promise<string[]> =>
  (await db.query<{ toy: string }>('SELECT toy FROM toys.bought ORDER BY toy')).map(
    ({ toy }) => toy,
  );
const toys = (prefix: string, count: number): Toy[] =>
  Array.from({ length: count }, (_, i) => ({ toy: `${prefix}${i}`, won: 100 }));
const codesOf = async (calls: readonly Promise<unknown>[]) =>
  (await Promise.allSettled(calls)).map((settled) =>
    settled.status === 'fulfilled' ? 'done' : (settled.reason as { code?: string }).code,
  );

describe('the functions of a statement', () => {
  const orders = [
    ['first', 'second', 'third'],
    ['first', 'third', 'second'],
    ['second', 'first', 'third'],
    ['second', 'third', 'first'],
    ['third', 'first', 'second'],
    ['third', 'second', 'first'],
  ];
  test.each(orders)('run as they are ranked (%s, %s, %s), after the locks', async (...order) => {
    const { cycle } = open({}, 'toys.note_locks');
    const locksItself = { readLock: (key: string) => key };
    const kinds = order.map((name, i) =>
      cycle.register(kind<string, string[]>(`toys.${name}`, i, locksItself)),
    );
    const calls = kinds.flatMap(({ add }) => ['y', 'x'].map(add));
    const [one = '', two = ''] = order;
    const locks = 'locks x,y';
    expect(await Promise.all(calls)).toEqual([
      [locks],
      [locks],
      [locks, one],
      [locks, one],
      [locks, one, two],
      [locks, one, two],
    ]);
  });

  test('see what those before them wrote only if they are VOLATILE', async () => {
    const { cycle } = open();
    const first = cycle.register(kind<string, string[]>('toys.first', 1));
    const second = cycle.register(kind<string, string[]>('toys.second', 2));
    const look = cycle.register(kind<string, string[]>('toys.look', 3));
    const lookStable = cycle.register(kind<string, string[]>('toys.look_stable', 4));
    const [, , seen, seenStable] = await Promise.all(
      [first, second, look, lookStable].map(({ add }) => add('')),
    );
    expect({ seen, seenStable }).toEqual({ seen: ['first', 'second'], seenStable: [] });
  });

  test('commit together: the calls of all kinds are in one transaction', async () => {
    const { db, cycle } = open();
    await reset(db);
    const buys = cycle.register(kind<Toy, string>('toys.buy', 1));
    const orders = cycle.register(kind<Toy, string>('toys.order_ahead', 2));
    const calls = [...toys('bear', 20).map(buys.add), ...toys('train', 20).map(orders.add)];
    expect(new Set(await Promise.all(calls)).size).toBe(1);
    expect(await bought(db)).toHaveLength(40);
    expect(await runsOf(db, 'buy')).toBe(1);
  });
});

describe('one call that the database refuses', () => {
  const causes: [string, Toy, string][] = [
    ['a text', { toy: 'bad\0toy', won: 100 }, '22P05'],
    ['a number out of range', { toy: 'bad', won: 3_000_000_000 }, '22003'],
    ['a constraint', { toy: 'bad', won: 0 }, '23514'],
  ];
  /** How many good calls its kind has besides, and how often the function of its kind runs then. */
  const sizes: [number, number][] = [
    // The cycle, and the kind alone.
    [0, 2],
    // Then each call singly.
    [1, 4],
    // Then the bad half of 8, of 4 and of 2, each with the good one.
    [7, 8],
  ];
  const cases = causes.flatMap(([cause, bad, state]) =>
    sizes.map(([good, runs]) => ({ cause, bad, state, good, runs })),
  );

  test.each(cases)(
    'because of $cause, with $good others of its kind, fails alone',
    async ({ bad, state, good, runs }) => {
      const { db, cycle } = open();
      await reset(db);
      const buys = cycle.register(kind<Toy, string>('toys.buy', 1));
      const orders = cycle.register(kind<Toy, string>('toys.order_ahead', 2));
      const trains = toys('train', 3);
      const bears = toys('bear', good);
      const calls = [...trains.map(orders.add), ...bears.map(buys.add), buys.add(bad)];
      expect(await codesOf(calls)).toEqual([...[...trains, ...bears].map(() => 'done'), state]);
      expect(await bought(db)).toEqual([...bears, ...trains].map(({ toy }) => toy));
      expect(await runsOf(db, 'buy')).toBe(runs);
    },
  );

  test('fails the others of its cycle, too, if nothing is repeated', async () => {
    const db = openOne();
    await reset(db);
    const cycle = makeCycle({
      // As if the error could mean anything.
      db: {
        query: (text, params) =>
          db.query<never>(text, params).catch((error: Error) => {
            throw new Error(error.message);
          }),
      },
      clock: systemClock,
      metrics: openMetrics(),
      batchSizeMax: 256,
    });
    const buys = cycle.register(kind<Toy, string>('toys.buy', 1));
    const calls = [...toys('bear', 3), { toy: 'bad', won: 0 }].map(buys.add);
    const ended = await Promise.allSettled(calls);
    expect(ended.map(({ status }) => status)).toEqual(calls.map(() => 'rejected'));
    expect(await bought(db)).toEqual([]);
  });
});

describe('an error with an unknown outcome, or that would take as long again', () => {
  test('like a lost connection goes to all callers, and nothing is repeated', async () => {
    const { db, cycle } = open();
    await reset(db);
    const buys = cycle.register(kind<Toy, string>('toys.buy', 1));
    const hangUps = cycle.register(kind<null, string>('toys.hang_up', 2));
    const calls = [...toys('bear', 3).map(buys.add), hangUps.add(null)];
    expect(await codesOf(calls)).toEqual(calls.map(() => 'STORE_UNREACHABLE'));
    expect(await runsOf(db, 'buy')).toBe(1);
    expect(await bought(db)).toEqual([]);
    await buys.add({ toy: 'car', won: 1 });
    expect(await bought(db)).toEqual(['car']);
  });

  test('like a lost answer is not repeated: what was committed stays committed once', async () => {
    const proxy = await openTestProxy(url);
    closers.push(proxy.close);
    const { cycle } = open({ url: proxy.url, statementTimeoutMs: 500, poolMax: 1 });
    const db = openOne();
    await reset(db);
    const buys = cycle.register(kind<Toy, string>('toys.buy', 1));
    await buys.add({ toy: 'car', won: 1 });
    proxy.swallow(true);
    const calls = toys('bear', 3).map(buys.add);
    expect(await codesOf(calls)).toEqual(calls.map(() => 'STORE_TIMEOUT'));
    expect(await bought(db)).toEqual(['bear0', 'bear1', 'bear2', 'car']);
    expect(await runsOf(db, 'buy')).toBe(2);
  });

  test('like a lock that is not released is not repeated: no part waits for it again', async () => {
    const { db, cycle } = open({ lockTimeoutMs: 50 });
    await reset(db);
    const buys = cycle.register(kind<Toy, string>('toys.buy', 1));
    await db.transaction(async (tx) => {
      await tx.query("INSERT INTO toys.bought VALUES ('bear1', 1)");
      const calls = toys('bear', 3).map(buys.add);
      expect(await codesOf(calls)).toEqual(calls.map(() => 'STORE_TIMEOUT'));
    });
    expect(await runsOf(db, 'buy')).toBe(1);
    expect(await bought(db)).toEqual(['bear1']);
  });
});

describe('the cycles of two processes that need the same rows in opposite order', () => {
  /** Each has two kinds: what the first locks in one process, the second locks in the other. */
  const runBoth = async (lockFunction?: string) => {
    const conflicts: unknown[] = [];
    const warn = (fields: { state?: unknown }) => void conflicts.push(fields.state);
    const log = { ...silentLog, warn } as unknown as Log;
    const readLock = lockFunction === undefined ? {} : { readLock: (key: string) => key };
    const processes = ['ab', 'ba'].map(([first = '', second = '']) => {
      const { cycle } = open({ log }, lockFunction);
      const grabs = cycle.register(kind<string, string>('toys.grab', 1, readLock));
      const more = cycle.register(kind<string, string>('toys.grab_more', 2, readLock));
      return () => [grabs.add(first), more.add(second)];
    });
    const db = openOne();
    await reset(db);
    expect(await Promise.all(processes.flatMap((run) => run()))).toEqual(['a', 'b', 'b', 'a']);
    const shelves = await db.query('SELECT id, grabs FROM toys.shelves ORDER BY id');
    expect(shelves).toEqual([
      { id: 'a', grabs: 2 },
      { id: 'b', grabs: 2 },
    ]);
    return conflicts;
  };

  test('do not deadlock if both lock first what all their calls need', async () => {
    expect(await runBoth('toys.lock_shelves')).toEqual([]);
  });

  test('would deadlock without that: the conflict is real, and repeating resolves it', async () => {
    expect(await runBoth()).toContain('40P01');
  });
});

test('a cycle that waits for a lock collects the calls that arrive meanwhile', async () => {
  const { db, cycle } = open();
  await reset(db);
  const buys = cycle.register(kind<Toy, string>('toys.buy', 1));
  const orders = cycle.register(kind<Toy, string>('toys.order_ahead', 2));
  const calls: Promise<string>[] = [];
  await db.transaction(async (tx) => {
    await tx.query("INSERT INTO toys.bought VALUES ('bear0', 1)");
    calls.push(buys.add({ toy: 'bear0', won: 1 }).catch(String));
    const isWaiting = async () => {
      const waiting = await db.query(
        `SELECT FROM pg_stat_activity
         WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      return waiting.length > 0;
    };
    await until('the cycle waits', isWaiting);
    calls.push(...toys('train', 5).map(orders.add), ...toys('car', 5).map(buys.add));
  });
  const ended = await Promise.all(calls);
  expect(ended[0]).toContain('duplicate key');
  expect(new Set(ended.slice(1)).size).toBe(1);
  expect(await bought(db)).toHaveLength(11);
});
