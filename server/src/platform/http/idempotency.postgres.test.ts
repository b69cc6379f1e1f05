import { randomBytes } from 'node:crypto';
import { makeTestDatabase } from '@usher/tests/support/postgres.ts';
import { afterAll, describe, expect, test } from 'vitest';
import { silentLog } from '../log.ts';
import { makeMetrics } from '../metrics.ts';
import { type Database, openDatabase } from '../postgres/sql.ts';
import { fingerprintOf, type Idempotency, makeIdempotency } from './idempotency.ts';

const { url } = await makeTestDatabase();
const db = openDatabase({ url, name: 'test', log: silentLog, poolMax: 6 });
const opened: Idempotency[] = [];
/** A separate process, with nothing in memory. */
const open = (on: Database = db): Idempotency => {
  const idempotency = makeIdempotency(on, makeMetrics(), 256);
  opened.push(idempotency);
  return idempotency;
};
afterAll(async () => {
  for (const each of opened) await each.close();
  await db.close();
});

const call = (more: Partial<{ scope: string; key: string; fingerprint: string }> = {}) => ({
  scope: 'holdSeats acc_1',
  key: randomBytes(12).toString('hex'),
  fingerprint: fingerprintOf('/holds', '{"seats":[1]}'),
  ...more,
});
const answer = (body: string, status = 201) => ({
  status,
  contentType: 'application/json',
  body,
});
/** Work that counts its runs; every run answers something else. */
const counted = (status = 201) => {
  const work = async () => answer(`done ${++work.done}`, status);
  work.done = 0;
  return work;
};

describe('a retry with the same key', () => {
  test('gets the first response unchanged, and nothing is done again', async () => {
    const [asked, work] = [call(), counted()];
    const first = await open().once(asked, work);
    const repeat = await open().once(asked, work);
    expect(first).toMatchObject({ outcome: 'answered', isReplayed: false });
    expect(repeat).toMatchObject({
      outcome: 'answered',
      isReplayed: true,
      answer: { status: 201, contentType: 'application/json', body: 'done 1' },
    });
    expect(work.done).toBe(1);
  });

  test('but with another body is refused, and nothing is done', async () => {
    const [asked, work] = [call(), counted()];
    await open().once(asked, work);
    const other = { ...asked, fingerprint: fingerprintOf('/holds', '{"seats":[2]}') };
    expect(await open().once(other, work)).toEqual({ outcome: 'reused' });
    expect(work.done).toBe(1);
  });

  test('by another caller or to another route is a separate call', async () => {
    const [asked, work] = [call(), counted()];
    for (const scope of ['holdSeats acc_1', 'holdSeats acc_2', 'placeOrder acc_1'])
      expect(await open().once({ ...asked, scope }, work)).toMatchObject({ isReplayed: false });
    expect(work.done).toBe(3);
  });

  test('is refused while the first is still running; afterwards it gets the response', async () => {
    const [asked, work, idempotency] = [call(), counted(), open()];
    let end = (): void => expect.unreachable();
    let begun = (): void => undefined;
    const hasBegun = new Promise<void>((resolve) => (begun = resolve));
    const first = idempotency.once(asked, async () => {
      begun();
      await new Promise<void>((resolve) => (end = resolve));
      return work();
    });
    await hasBegun;
    expect(await idempotency.once(asked, work)).toEqual({ outcome: 'running' });
    end();
    await first;
    expect(await idempotency.once(asked, work)).toMatchObject({ isReplayed: true });
    expect(work.done).toBe(1);
  });

  test('runs again after the first one failed, which does not count as still running', async () => {
    const [asked, work, idempotency] = [call(), counted(), open()];
    const broken = () => Promise.reject(new Error('lost'));
    await expect(idempotency.once(asked, broken)).rejects.toThrow('lost');
    expect(await idempotency.once(asked, work)).toMatchObject({ isReplayed: false });
  });
});

describe('a crash between the effect and the stored response', () => {
  /** The effect of a call whose id is derived from its key: applied once, however often it runs. */
  const effects = new Map<string, string>();
  const takeSeats = (id: string) => async () => {
    if (!effects.has(id)) effects.set(id, `hold of ${id}, effect ${effects.size + 1}`);
    return answer(effects.get(id) ?? '');
  };

  test('lets the call run again, with the same effect and the same response', async () => {
    const asked = call();
    let isKeeping = (): void => undefined;
    const keeping = new Promise<void>((resolve) => (isKeeping = resolve));
    // The process dies while its response is being stored: nobody ever receives it.
    const dying: Database = {
      ...db,
      query: (text, params) => {
        if (!text.includes('INSERT')) return db.query(text, params);
        isKeeping();
        return new Promise(() => undefined);
      },
    };
    void makeIdempotency(dying, makeMetrics(), 256).once(asked, takeSeats(asked.key));
    await keeping;
    const repeat = await open().once(asked, takeSeats(asked.key));
    expect(repeat).toMatchObject({ isReplayed: false, answer: { body: effects.get(asked.key) } });
    expect(effects.size).toBe(1);
    expect(await open().once(asked, takeSeats(asked.key))).toMatchObject({ isReplayed: true });
  });
});

/** The same call in two processes that both work on it at the same time. */
const askedTwice = async (on: Database) => {
  const asked = call();
  let meet = (): void => undefined;
  const both = new Promise<void>((resolve) => (meet = resolve));
  let working = 0;
  const work = async () => {
    const n = ++working;
    if (n === 2) meet();
    await both;
    return answer(`process ${n}`);
  };
  const answers = await Promise.all([open(on).once(asked, work), open(on).once(asked, work)]);
  const later = await open().once(asked, work);
  return [...answers, later].map((each) => (each.outcome === 'answered' ? each.answer.body : ''));
};

describe('two processes that get the same call at once', () => {
  test('give the same response, the one that was stored first', async () => {
    const bodies = await askedTwice(db);
    expect(new Set(bodies).size).toBe(1);
  });

  test('would give two responses if they did not check which was stored first', async () => {
    const careless: Database = {
      ...db,
      query: async (text, params = []) => {
        const rows = await db.query(text, params);
        if (!text.includes('INSERT')) return rows as never;
        const [scopes, keys] = params as string[][];
        return (scopes ?? []).map((scope, i) => ({ scope, key: keys?.[i] })) as never;
      },
    };
    const bodies = await askedTwice(careless);
    expect(new Set(bodies).size).toBe(2);
  });

  test('do not deadlock on a crowd of the same keys in different orders', async () => {
    const calls = Array.from({ length: 200 }, () => call());
    const [a, b] = [open(), open()];
    const asked = await Promise.all([
      ...calls.map((each) => a.once(each, async () => answer('a'))),
      ...calls.toReversed().map((each) => b.once(each, async () => answer('b'))),
    ]);
    const bodies = asked.map((each) => (each.outcome === 'answered' ? each.answer.body : ''));
    expect(bodies.slice(0, 200)).toEqual(bodies.slice(200).toReversed());
  });
});

describe('not stored, because it changed nothing,', () => {
  test.each([
    ['a field that is wrong', 400],
    ['a sale that is not open yet', 403],
    ['something that does not exist', 404],
    ['a conflict', 409],
    ['a file with errors', 422],
    ['too many requests', 429],
    ['a bug', 500],
    ['a provider that refuses us', 502],
    ['an overload', 503],
  ])('is the response to %s', async (_, status) => {
    const [asked, work] = [call(), counted(status)];
    await open().once(asked, work);
    expect(await open().once(asked, work)).toMatchObject({ isReplayed: false });
    expect(work.done).toBe(2);
    expect(
      await db.query('SELECT FROM platform.answers WHERE scope = $1 AND key = $2', [
        asked.scope,
        asked.key,
      ]),
    ).toEqual([]);
  });

  test.each([200, 201, 202, 204])(
    'is not the success %i, which a retry gets again',
    async (status) => {
      const [asked, work] = [call(), counted(status)];
      await open().once(asked, work);
      expect(await open().once(asked, work)).toMatchObject({
        isReplayed: true,
        answer: { status },
      });
      expect(work.done).toBe(1);
    },
  );
});

describe('a response that cannot be stored fails its own call alone:', () => {
  test.each([
    ['a text with a NUL', { ...answer('a\0b') }],
    ['a number out of range', answer('b', 200 - 2 ** 31 - 400)],
    ['a value that a constraint forbids', { ...answer('c'), contentType: null as never }],
  ])('%s', async (_, bad) => {
    const idempotency = open();
    const work = async () => answer('good');
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, (_each, i) =>
        idempotency.once(call(), i === 7 ? async () => bad : work),
      ),
    );
    expect(results.map(({ status }, i) => [i, status]).filter(([, s]) => s === 'rejected')).toEqual(
      [[7, 'rejected']],
    );
  });
});

test('a crowd of calls is looked up and stored in few statements', async () => {
  let statements = 0;
  const counting = {
    ...db,
    query: (text: string, params?: readonly unknown[]) => {
      statements++;
      return db.query(text, params);
    },
  } as Database;
  const idempotency = open(counting);
  await Promise.all(
    Array.from({ length: 500 }, () => idempotency.once(call(), async () => answer('done'))),
  );
  expect(statements).toBeLessThan(20);
});

test('if the response cannot be stored, the caller gets an error and a retry runs', async () => {
  const [asked, work] = [call(), counted()];
  const lost = {
    ...db,
    query: (text: string, params?: readonly unknown[]) =>
      text.includes('INSERT') ? Promise.reject(new Error('lost')) : db.query(text, params),
  } as Database;
  await expect(open(lost).once(asked, work)).rejects.toThrow('lost');
  expect(await open().once(asked, work)).toMatchObject({ isReplayed: false });
});
