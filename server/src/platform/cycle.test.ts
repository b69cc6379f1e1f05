import { until } from '@usher/tests/support/until.ts';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { manualClock } from './clock.ts';
import { type Cycle, type CycleKind, makeCycle } from './cycle.ts';
import { Failure } from './failure.ts';
import { type Metrics, makeMetrics } from './metrics.ts';
import type { Database } from './postgres/sql.ts';
import { currentTraceIds, inTraces } from './trace-scope.ts';

type Limits = { batchSizeMax?: number; waitingMax?: number; lockFunction?: string };
/** Calls by the name of their kind, as they arrive in the database. */
type Calls = Record<string, readonly number[]>;
type Statement = {
  text: string;
  calls: Calls;
  locks: unknown;
  end(): void;
  fail(e: unknown): void;
};
type Answer = { results: readonly number[]; note?: string };

/** The columns of a statement, each with its parameter. */
const readCalls = (text: string, params: readonly unknown[]): Calls =>
  Object.fromEntries(
    [...text.matchAll(/\(\$(\d+)\) AS "([a-z-]+)"/g)].map(([, number, name]) => [
      name ?? '',
      JSON.parse(String(params[Number(number) - 1])) as number[],
    ]),
  );
/** A result is ten times its call. */
const answerAll = (calls: Calls): Record<string, Answer> =>
  Object.fromEntries(
    Object.entries(calls).map(([name, values]) => [
      name,
      { results: values.map((value) => value * 10), note: `${name} done` },
    ]),
  );
/** What the driver throws when the server refuses a statement. */
const sqlError = (code: string): Error => Object.assign(new Error(`state ${code}`), { code });

type Kind = CycleKind<number, number, Answer>;
const kind = (name: string, rank: number, more: Partial<Kind> = {}): Kind => ({
  name,
  functionName: `toys.${name.replaceAll('-', '_')}`,
  rank,
  encode: (calls) => calls,
  decode: (result) => result,
  ...more,
});

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});
/** A cycle whose database answers by `query`. */
const openOn = (query: (text: string, params: readonly unknown[]) => unknown, limits: Limits) => {
  const clock = manualClock(0);
  const metrics = makeMetrics();
  closers.push(metrics.close);
  const db = {
    query: async (text: string, params: readonly unknown[] = []) => [await query(text, params)],
  } as unknown as Database;
  const cycle = makeCycle({ db, clock, metrics, batchSizeMax: 256, ...limits });
  return { cycle, clock, metrics };
};
/** A cycle in which every statement waits until the test ends it. */
const open = (limits: Limits = {}) => {
  const statements: Statement[] = [];
  const opened = openOn(
    (text, params) =>
      new Promise((resolve, reject) => {
        const calls = readCalls(text, params);
        const locks = text.startsWith('SELECT toys.lock') ? params[0] : undefined;
        const end = () => resolve(answerAll(calls));
        statements.push({ text, calls, locks, end, fail: reject });
      }),
    limits,
  );
  const started = (count: number) =>
    until(`statement ${count}`, () => statements.length === count).then(
      () => statements[count - 1] as Statement,
    );
  return { ...opened, statements, started };
};
/** A cycle whose database fails every statement with a call that `faultOf` knows. */
const openFaulty = (faultOf: (calls: Calls) => unknown, limits: Limits = {}) => {
  const tried: Calls[] = [];
  const opened = openOn((text, params) => {
    const calls = readCalls(text, params);
    tried.push(calls);
    const fault = faultOf(calls);
    if (fault !== null) throw fault;
    return answerAll(calls);
  }, limits);
  return { ...opened, tried };
};
const failsOn =
  (bad: number, error: unknown) =>
  (calls: Calls): unknown =>
    Object.values(calls).some((values) => values.includes(bad)) ? error : null;

const numbers = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);
/** Waits for one full turn of the event loop. */
const turn = () => new Promise((resolve) => setImmediate(resolve));
const outcomesOf = async (calls: readonly Promise<unknown>[]) =>
  (await Promise.allSettled(calls)).map((settled) =>
    settled.status === 'fulfilled' ? settled.value : settled.reason,
  );

describe('a cycle', () => {
  test('sends a single call without delay, in the same turn', async () => {
    const { cycle, statements } = open();
    const takes = cycle.register(kind('take', 1));
    const call = takes.add(1);
    await turn();
    expect(statements.map(({ calls }) => calls)).toEqual([{ take: [1] }]);
    statements[0]?.end();
    expect(await call).toBe(10);
  });

  test('puts all kinds into one statement by rank, and their calls in arrival order', async () => {
    const { cycle, started } = open();
    const places = cycle.register(kind('place-orders', 20));
    const settles = cycle.register(kind('settle', 30));
    const takes = cycle.register(kind('take-holds', 10));
    const calls = [settles.add(5), takes.add(1), places.add(3), takes.add(2), settles.add(4)];
    const statement = await started(1);
    expect(statement.text).toBe(
      'SELECT toys.take_holds($1) AS "take-holds", toys.place_orders($2) AS "place-orders", ' +
        'toys.settle($3) AS "settle"',
    );
    expect(statement.calls).toEqual({ 'take-holds': [1, 2], 'place-orders': [3], settle: [5, 4] });
    statement.end();
    expect(await Promise.all(calls)).toEqual([50, 10, 30, 20, 40]);
  });

  test('contains only the kinds that have calls', async () => {
    const { cycle, statements, started } = open();
    const takes = cycle.register(kind('take', 1));
    const places = cycle.register(kind('place', 2));
    for (const [i, queue] of [takes, places, takes].entries()) {
      const call = queue.add(i);
      (await started(i + 1)).end();
      await call;
    }
    expect(statements.map(({ calls }) => calls)).toEqual([
      { take: [0] },
      { place: [1] },
      { take: [2] },
    ]);
  });

  test('locks first what all its calls will change, once each, in ascending order', async () => {
    const { cycle, started } = open({ lockFunction: 'toys.lock' });
    const locksItself = { readLock: (call: number) => `stock-${call % 3}` };
    const takes = cycle.register(kind('take', 1, locksItself));
    const places = cycle.register(kind('place', 2));
    const settles = cycle.register(kind('settle', 3, locksItself));
    const calls = [takes.add(2), takes.add(5), places.add(0), settles.add(1), settles.add(2)];
    const statement = await started(1);
    expect(statement.text).toBe(
      'SELECT toys.lock($1), toys.take($2) AS "take", toys.place($3) AS "place", ' +
        'toys.settle($4) AS "settle"',
    );
    expect(statement.locks).toEqual(['stock-1', 'stock-2']);
    statement.end();
    await Promise.all(calls);

    const unlocked = places.add(7);
    const next = await started(2);
    expect(next.text).toBe('SELECT toys.place($1) AS "place"');
    next.end();
    expect(await unlocked).toBe(70);
  });

  test('collects what arrives while another is in flight: never two at a time', async () => {
    const { cycle, statements, started } = open();
    const takes = cycle.register(kind('take', 1));
    const places = cycle.register(kind('place', 2));
    const calls = [takes.add(1)];
    await started(1);
    for (const call of numbers(2, 6)) {
      calls.push((call % 2 === 0 ? takes : places).add(call));
      await turn();
    }
    expect(statements).toHaveLength(1);
    statements[0]?.end();
    const second = await started(2);
    expect(second.calls).toEqual({ take: [2, 4, 6], place: [3, 5] });
    second.end();
    expect(await Promise.all(calls)).toEqual([10, 20, 30, 40, 50, 60]);
  });

  test('never carries more than batchSizeMax calls of a kind', async () => {
    const { cycle, started } = open({ batchSizeMax: 3 });
    const takes = cycle.register(kind('take', 1));
    const places = cycle.register(kind('place', 2));
    const calls = [...numbers(1, 5).map(takes.add), places.add(6)];
    const first = await started(1);
    expect(first.calls).toEqual({ take: [1, 2, 3], place: [6] });
    first.end();
    const second = await started(2);
    expect(second.calls).toEqual({ take: [4, 5] });
    second.end();
    await Promise.all(calls);
  });

  test('belongs to no trace, and its callers keep theirs', async () => {
    const seen: (readonly string[])[] = [];
    const { cycle } = openOn((text, params) => {
      seen.push(currentTraceIds());
      return answerAll(readCalls(text, params));
    }, {});
    const takes = cycle.register(kind('take', 1));
    const after = await inTraces(['a'], async () => {
      await takes.add(1);
      return currentTraceIds();
    });
    expect({ seen, after }).toEqual({ seen: [[]], after: ['a'] });
  });

  test('reports its size, and the size of each batch', async () => {
    const { cycle, metrics } = openFaulty(() => null);
    const takes = cycle.register(kind('take', 1));
    const places = cycle.register(kind('place', 2));
    await Promise.all([...numbers(1, 3).map(takes.add), ...numbers(1, 2).map(places.add)]);
    const text = await metrics.registry.metrics();
    expect(text).toContain('usher_batch_size_sum{batch="take"} 3');
    expect(text).toContain('usher_batch_size_sum{batch="place"} 2');
    expect(text).toContain('usher_cycle_calls_sum 5');
    expect(text).toContain('usher_cycle_calls_count 1');
    expect(text).toContain('usher_cycle_repeats_total 0');
  });
});

describe('the pause between two cycles', () => {
  /** Ends a first cycle of `size` calls after `tookMs`; the calls of the second one wait then. */
  const afterFirst = async (size: number, tookMs: number) => {
    const opened = open();
    const takes = opened.cycle.register(kind('take', 1));
    const calls = numbers(1, size).map(takes.add);
    const first = await opened.started(1);
    calls.push(takes.add(100));
    await opened.clock.advance(tookMs);
    first.end();
    await Promise.all(calls.slice(0, size));
    await turn();
    return { ...opened, takes, calls };
  };

  test('is none after 8 calls', async () => {
    const { statements, calls } = await afterFirst(8, 2);
    expect(statements).toHaveLength(2);
    statements[1]?.end();
    await Promise.all(calls);
  });

  test('ends, after 9 calls, 10 ms after the start of that cycle', async () => {
    const { statements, clock, takes, calls, started } = await afterFirst(9, 2);
    expect([statements.length, clock.sleeping]).toEqual([1, 1]);
    await clock.advance(7.5);
    calls.push(takes.add(101));
    await turn();
    expect(statements).toHaveLength(1);
    await clock.advance(0.5);
    const second = await started(2);
    expect(second.calls).toEqual({ take: [100, 101] });
    second.end();
    await Promise.all(calls);
  });

  test('is none if that cycle took longer', async () => {
    const { statements, clock, calls } = await afterFirst(9, 10);
    expect([statements.length, clock.sleeping]).toEqual([2, 0]);
    statements[1]?.end();
    await Promise.all(calls);
  });

  test('does not delay a call that arrives later', async () => {
    const { cycle, clock, statements, started } = open();
    const takes = cycle.register(kind('take', 1));
    const calls = numbers(1, 50).map(takes.add);
    (await started(1)).end();
    await Promise.all(calls);
    await clock.advance(10);
    const late = takes.add(51);
    await turn();
    expect(statements).toHaveLength(2);
    statements[1]?.end();
    expect(await late).toBe(510);
  });

  test('ends when the cycle is closed', async () => {
    const { cycle, statements, clock, calls, started } = await afterFirst(9, 2);
    expect([statements.length, clock.sleeping]).toEqual([1, 1]);
    const closing = cycle.close();
    (await started(2)).end();
    await closing;
    expect((await Promise.all(calls)).at(-1)).toBe(1000);
  });
});

describe('an error of one call', () => {
  test('goes to its caller alone: repeated by kind, by halves, then singly', async () => {
    const bad = sqlError('22003');
    const { cycle, tried, metrics } = openFaulty(failsOn(4, bad));
    const takes = cycle.register(kind('take', 1));
    const places = cycle.register(kind('place', 2));
    const calls = [...numbers(1, 6).map(takes.add), ...[11, 12].map(places.add)];
    expect(await outcomesOf(calls)).toEqual([10, 20, 30, bad, 50, 60, 110, 120]);
    expect(tried).toEqual([
      { take: [1, 2, 3, 4, 5, 6], place: [11, 12] },
      { take: [1, 2, 3, 4, 5, 6] },
      { take: [1, 2, 3] },
      { take: [4, 5, 6] },
      { take: [4, 5] },
      { take: [4] },
      { take: [5] },
      { take: [6] },
      { place: [11, 12] },
    ]);
    expect(await metrics.registry.metrics()).toContain('usher_cycle_repeats_total 4');
  });

  test('is not repeated if the call was alone', async () => {
    const { cycle, tried } = openFaulty(failsOn(4, sqlError('23505')));
    await expect(cycle.register(kind('take', 1)).add(4)).rejects.toThrow('state 23505');
    expect(tried).toEqual([{ take: [4] }]);
  });

  test('does not hold up the next cycle', async () => {
    const { cycle } = openFaulty(failsOn(4, sqlError('22003')));
    const takes = cycle.register(kind('take', 1));
    await Promise.allSettled(numbers(3, 5).map(takes.add));
    expect(await takes.add(6)).toBe(60);
    await cycle.close();
  });

  test('is found in the same way if its value or its lock cannot be computed', async () => {
    const failOnFour = (call: number) => {
      if (call === 4) throw new Error('no such call');
      return `stock-${call}`;
    };
    const encode = (calls: readonly number[]) =>
      calls.map((call) => Number(failOnFour(call)) || call);
    for (const part of [{ encode }, { readLock: failOnFour }]) {
      const { cycle, tried } = openFaulty(() => null, { lockFunction: 'toys.lock' });
      const takes = cycle.register(kind('take', 1, part));
      const places = cycle.register(kind('place', 2));
      const calls = [...numbers(3, 6).map(takes.add), places.add(7)];
      expect(await outcomesOf(calls)).toEqual([30, new Error('no such call'), 50, 60, 70]);
      expect(tried).toEqual([{ take: [3] }, { take: [5, 6] }, { place: [7] }]);
    }
  });

  test('goes to it alone, and nothing is repeated, if its result cannot be decoded', async () => {
    const { cycle, tried } = openFaulty(() => null);
    const decode = (result: number) => {
      if (result === 40) throw new Error('no such result');
      return result;
    };
    const takes = cycle.register(kind('take', 1, { decode }));
    expect(await outcomesOf(numbers(3, 5).map(takes.add))).toEqual([
      30,
      new Error('no such result'),
      50,
    ]);
    expect(tried).toHaveLength(1);
  });
});

describe('an error of a whole statement', () => {
  const failure = (code: string, cause?: unknown) =>
    new Failure(code, 'planted', { retryable: true, cause });

  test.each([
    ['a lost connection', failure('STORE_UNREACHABLE')],
    ['a timeout', failure('STORE_TIMEOUT', sqlError('55P03'))],
    ['no free connection', failure('OVERLOADED')],
    ['a bug of the driver', new TypeError('undefined is not a function')],
  ])('like %s goes to all its callers, and nothing is repeated', async (_, error) => {
    let isDown = true;
    const { cycle, tried } = openFaulty(() => (isDown ? error : null));
    const takes = cycle.register(kind('take', 1));
    const places = cycle.register(kind('place', 2));
    const calls = [takes.add(1), takes.add(2), places.add(3)];
    expect(await outcomesOf(calls)).toEqual([error, error, error]);
    expect(tried).toHaveLength(1);
    isDown = false;
    expect(await takes.add(4)).toBe(40);
  });

  test('like a conflict that persisted is repeated in parts', async () => {
    const conflict = failure('STORE_CONFLICT', sqlError('40P01'));
    const { cycle, tried } = openFaulty((calls) =>
      Object.keys(calls).length > 1 ? conflict : null,
    );
    const takes = cycle.register(kind('take', 1));
    const places = cycle.register(kind('place', 2));
    expect(await Promise.all([takes.add(1), places.add(2)])).toEqual([10, 20]);
    expect(tried).toHaveLength(3);
  });

  test('in one of the parts goes to the callers of that part', async () => {
    const lost = failure('STORE_UNREACHABLE');
    const { cycle } = openFaulty((calls) => {
      if (Object.keys(calls).length > 1) return sqlError('22003');
      return calls['take'] === undefined ? null : lost;
    });
    const takes = cycle.register(kind('take', 1));
    const places = cycle.register(kind('place', 2));
    expect(await outcomesOf([takes.add(1), places.add(2), takes.add(3)])).toEqual([lost, 20, lost]);
  });
});

describe('an answer', () => {
  test.each([
    ['no answer', null],
    ['no results', {}],
    ['too few results', { results: [1] }],
    ['too many results', { results: [1, 2, 3] }],
    ['results that are no list', { results: { length: 2 } }],
  ])('with %s is a bug of its kind, and gives no call another’s result', async (_, answer) => {
    const { cycle } = openOn(
      (text, params) => ({ ...answerAll(readCalls(text, params)), take: answer }),
      {},
    );
    const takes = cycle.register(kind('take', 1));
    const places = cycle.register(kind('place', 2));
    const ended = await outcomesOf([takes.add(1), takes.add(2), places.add(3)]);
    expect(String(ended[0])).toContain('assertion failed: toys.take');
    expect(ended[1]).toBe(ended[0]);
    expect(ended[2]).toBe(30);
  });

  test('reaches onCommit once, before the callers get their results', async () => {
    const seen: unknown[] = [];
    const { cycle } = openFaulty(() => null);
    const onCommit = (answer: Answer) => void seen.push(answer.note);
    const takes = cycle.register(kind('take', 1, { onCommit }));
    await Promise.all(
      [1, 2].map(async (call) => {
        seen.push(await takes.add(call));
      }),
    );
    expect(seen).toEqual(['take done', 10, 20]);
  });

  test('whose onCommit fails is an error for the callers of its kind', async () => {
    const { cycle } = openFaulty(() => null);
    const onCommit = () => {
      throw new Error('no such seat');
    };
    const takes = cycle.register(kind('take', 1, { onCommit }));
    const places = cycle.register(kind('place', 2));
    const wrong = new Error('no such seat');
    expect(await outcomesOf([takes.add(1), places.add(2)])).toEqual([wrong, 20]);
  });
});

describe('the bounds of a cycle', () => {
  test('refuse calls of a kind beyond waitingMax until there is room', async () => {
    const { cycle, started } = open({ waitingMax: 2 });
    const takes = cycle.register(kind('take', 1));
    const places = cycle.register(kind('place', 2));
    const calls = [takes.add(1)];
    const first = await started(1);
    calls.push(takes.add(2), takes.add(3));
    const refused = await takes.add(4).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'OVERLOADED', retryable: true });
    calls.push(places.add(5));
    first.end();
    const second = await started(2);
    calls.push(takes.add(6));
    expect(second.calls).toEqual({ take: [2, 3], place: [5] });
    second.end();
    (await started(3)).end();
    expect(await Promise.all(calls)).toEqual([10, 20, 30, 50, 60]);
  });

  test('on close let all accepted calls finish, and refuse later ones', async () => {
    const { cycle, started } = open({ batchSizeMax: 2 });
    const takes = cycle.register(kind('take', 1));
    const calls = numbers(1, 4).map(takes.add);
    const first = await started(1);
    let closed = 0;
    const closing = [cycle.close(), cycle.close()].map((close) => close.then(() => closed++));
    await expect(takes.add(5)).rejects.toMatchObject({ code: 'OVERLOADED' });
    first.end();
    const second = await started(2);
    await turn();
    expect(closed).toBe(0);
    second.end();
    await Promise.all(closing);
    expect(await Promise.all(calls)).toEqual([10, 20, 30, 40]);
  });

  test('close an idle cycle at once, and one whose last statement fails', async () => {
    await open().cycle.close();
    const { cycle, started } = open();
    const call = cycle.register(kind('take', 1)).add(1).catch(String);
    const statement = await started(1);
    const closing = cycle.close();
    statement.fail(new Error('lost'));
    await closing;
    expect(await call).toBe('Error: lost');
  });

  test.each<[string, Kind]>([
    ['the name of another', kind('take', 2)],
    ['the rank of another', kind('place', 1)],
    ['a name that needs quoting', kind('place"', 2)],
    ['a function without a schema', kind('place', 2, { functionName: 'place' })],
    ['a function with arguments', kind('place', 2, { functionName: 'toys.place()' })],
    ['locks, and nothing to lock them with', kind('place', 2, { readLock: String })],
  ])('allow no kind with %s', (_, wrong) => {
    const { cycle } = open();
    cycle.register(kind('take', 1));
    expect(() => cycle.register(wrong)).toThrow('assertion failed');
  });
});

describe('with batchSizeMax 1', () => {
  test('every call is its own statement, with its lock, two of a kind at a time', async () => {
    const { cycle, statements, started } = open({ batchSizeMax: 1, lockFunction: 'toys.lock' });
    const takes = cycle.register(kind('take', 1, { readLock: String }));
    const places = cycle.register(kind('place', 2));
    const calls = [...numbers(1, 3).map(takes.add), ...numbers(4, 6).map(places.add)];
    await started(4);
    await turn();
    expect(statements.map(({ calls, locks }) => ({ calls, locks }))).toEqual([
      { calls: { take: [1] }, locks: ['1'] },
      { calls: { place: [4] }, locks: undefined },
      { calls: { take: [2] }, locks: ['2'] },
      { calls: { place: [5] }, locks: undefined },
    ]);
    const closing = cycle.close();
    for (const statement of statements) statement.end();
    await started(6);
    for (const statement of statements) statement.end();
    await closing;
    expect(await Promise.all(calls)).toEqual([10, 20, 30, 40, 50, 60]);
  });

  test('an error goes to its caller', async () => {
    const bad = sqlError('22003');
    const { cycle, tried } = openFaulty(failsOn(2, bad), { batchSizeMax: 1 });
    const takes = cycle.register(kind('take', 1));
    expect(await outcomesOf(numbers(1, 3).map(takes.add))).toEqual([10, bad, 30]);
    expect(tried).toHaveLength(3);
  });
});

type Plan = { batchSizeMax: number; waitingMax: number; bad: readonly number[] };
const plans = fc.record({
  batchSizeMax: fc.integer({ min: 2, max: 6 }),
  waitingMax: fc.integer({ min: 1, max: 12 }),
  bad: fc.uniqueArray(fc.integer({ min: 1, max: 24 }), { maxLength: 4 }),
});
const kindsByName: readonly Kind[] = [kind('take', 1), kind('place', 2), kind('settle', 3)];

/** Hundreds of cycles are made: none of them measures anything. */
const unmeasured = {
  batchSizes: { observe: () => undefined },
  histogram: () => ({ observe: () => undefined }),
  counter: () => ({ inc: () => undefined }),
} as unknown as Metrics;

/** The guarantees, for any order in which calls arrive and statements end, and any bad calls. */
const checkCycle = async (s: fc.Scheduler, plan: Plan, makeOne: typeof makeCycle) => {
  const committed = new Map<string, number[]>(kindsByName.map(({ name }) => [name, []]));
  let inFlight = 0;
  const clock = manualClock(0);
  const query = async (text: string, params: readonly unknown[]) => {
    const calls = readCalls(text, params);
    expect(++inFlight).toBe(1);
    await s.schedule(Promise.resolve(), `statement ${JSON.stringify(calls)}`);
    inFlight--;
    const all = Object.values(calls);
    for (const values of all) expect(values.length).toBeLessThanOrEqual(plan.batchSizeMax);
    if (all.flat().some((call) => plan.bad.includes(call))) throw sqlError('22003');
    for (const [name, values] of Object.entries(calls)) committed.get(name)?.push(...values);
    return [answerAll(calls)];
  };
  const db = { query } as unknown as Database;
  const limits = { batchSizeMax: plan.batchSizeMax, waitingMax: plan.waitingMax };
  const cycle: Cycle = makeOne({ db, clock, metrics: unmeasured, ...limits });
  const lanes = kindsByName.map((each) => cycle.register(each));
  const asked = new Map<string, number[]>(kindsByName.map(({ name }) => [name, []]));
  const calls = numbers(1, 24).map((call) =>
    s.schedule(Promise.resolve(call), `call ${call}`).then(() => {
      asked.get(kindsByName[call % 3]?.name ?? '')?.push(call);
      return lanes[call % 3]?.add(call).catch((error: { code: string }) => error.code);
    }),
  );
  const answers = Promise.all(calls);
  // The pause is a sleep on the clock that stands still: it ends as soon as somebody is in it.
  let isDone = false;
  const ticking = (async () => {
    while (!isDone) {
      await clock.advance(10);
      await turn();
    }
  })();
  const ended = await s.waitFor(answers);
  await s.waitFor(cycle.close());
  isDone = true;
  await ticking;
  const refused = numbers(1, 24).filter((call) => ended[call - 1] === 'OVERLOADED');
  const left = (call: number) => !refused.includes(call) && !plan.bad.includes(call);
  for (const [name, order] of asked) expect(committed.get(name)).toEqual(order.filter(left));
  for (const call of numbers(1, 24)) {
    if (refused.includes(call)) continue;
    expect(ended[call - 1]).toBe(plan.bad.includes(call) ? '22003' : call * 10);
  }
};

test('a cycle commits each call once, in order, within limits; only bad ones fail', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), plans, (s, plan) => checkCycle(s, plan, makeCycle)),
    { numRuns: 200 },
  );
});

test('guard off: failing all, committing twice or no limit fails that check', async () => {
  type Db = Parameters<typeof makeCycle>[0]['db'];
  const onDatabase =
    (wrap: (db: Db) => Db): typeof makeCycle =>
    (options) =>
      makeCycle({ ...options, db: wrap(options.db) });
  const failsTogether = onDatabase((db) => ({
    query: (text, params) =>
      db.query<never>(text, params).catch((error: Error) => {
        throw new Failure('STORE_UNREACHABLE', error.message, { retryable: true });
      }),
  }));
  const commitsTwice = onDatabase((db) => ({
    query: async (text, params) => {
      await db.query(text, params);
      return db.query(text, params);
    },
  }));
  const unlimited: typeof makeCycle = (options) => makeCycle({ ...options, batchSizeMax: 256 });
  for (const planted of [failsTogether, commitsTwice, unlimited]) {
    const found = await fc.check(
      fc.asyncProperty(fc.scheduler(), plans, (s, plan) => checkCycle(s, plan, planted)),
      { numRuns: 200, endOnFailure: true },
    );
    expect(found.failed).toBe(true);
  }
});
