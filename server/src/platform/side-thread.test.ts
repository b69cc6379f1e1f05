import { getPriority } from 'node:os';
import { silentLog } from '@usher/tests/support/log.ts';
import { until } from '@usher/tests/support/until.ts';
import { afterEach, describe, expect, test } from 'vitest';
import { manualClock, systemClock } from './clock.ts';
import { type Line, nameTask, openSideThread, type SideThread } from './side-thread.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});
const open = (options: Partial<Parameters<typeof openSideThread>[0]> = {}): SideThread => {
  const thread = openSideThread({ clock: systemClock, log: silentLog, ...options });
  closers.push(thread.close);
  return thread;
};

const code = `
  import { readFileSync } from 'node:fs';
  import { threadId } from 'node:worker_threads';
  export const add = (numbers) => ({ sum: numbers.reduce((a, b) => a + b), threadId });
  /** Field 19 of a Linux thread's stat: its niceness. */
  export const readNiceness = () => {
    const stat = readFileSync('/proc/thread-self/stat', 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]);
  };
  export const fail = () => { throw new TypeError('cannot draw this'); };
  export const exit = () => process.exit(3);
  export const spin = () => { for (;;); };
  export const spinUntil = (flag) => {
    for (Atomics.store(flag, 0, 1); Atomics.load(flag, 0) === 1; );
    return 'flag seen';
  };
  export const devour = () => { const all = []; for (;;) all.push(new Array(1e5).fill({})); };
  export const throwLater = () =>
    new Promise(() => setImmediate(() => { throw new Error('late'); }));
  export const answerFunction = () => () => undefined;
  const order = [];
  export const note = (name) => [...(order.push(name), order)];
`;
const module = `data:text/javascript,${encodeURIComponent(code)}`;
const add = nameTask<number[], { sum: number; threadId: number }>(module, 'add');
const nothing = (name: string) => nameTask<null, never>(module, name);

describe('a task of the side thread', () => {
  test('runs in a thread of its own, which the next task uses again', async () => {
    const thread = open();
    const [one, two] = await Promise.all([
      thread.run(add, [1, 2], 'foreground'),
      thread.run(add, [3, 4], 'background'),
    ]);
    expect([one.sum, two.sum]).toEqual([3, 7]);
    expect(one.threadId).toBeGreaterThan(0);
    expect(two.threadId).toBe(one.threadId);
  });

  test.runIf(process.platform === 'linux')(
    'has a lower priority than the thread that serves, which keeps its own',
    async () => {
      const own = getPriority();
      const niceness = await open().run(nothing('readNiceness'), null, 'foreground');
      expect(niceness).toBe(Math.min(19, own + 14));
      expect(getPriority()).toBe(own);
    },
  );

  test('that somebody waits for runs before all that wait in the background', async () => {
    const thread = open();
    const note = nameTask<string, string[]>(module, 'note');
    const lines: Line[] = ['background', 'background', 'foreground', 'background', 'foreground'];
    const runs = await Promise.all(
      lines.map((line, at) => thread.run(note, `${line} ${at}`, line)),
    );
    const [last = []] = runs.toSorted((a, b) => b.length - a.length);
    // The first began before the others came.
    expect(last).toEqual([
      'background 0',
      'foreground 2',
      'foreground 4',
      'background 1',
      'background 3',
    ]);
  });

  test('is refused when too many wait, and those that wait still run', async () => {
    const thread = open({ waitingMax: 2 });
    const runs = [1, 2, 3, 4].map((number) => thread.run(add, [number], 'background'));
    const other = thread.run(add, [5], 'foreground');
    const ends = await Promise.allSettled(runs);
    expect(ends.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'fulfilled',
      'rejected',
    ]);
    expect(ends[3]).toMatchObject({ reason: { code: 'OVERLOADED', retryable: true } });
    expect((await other).sum).toBe(5);
  });
});

describe('a task that', () => {
  const planted: [string, string, RegExp | string][] = [
    ['throws', 'fail', 'cannot draw this'],
    ['has a result that cannot be copied', 'answerFunction', /could not be cloned/],
    ['does not exist', 'missing', /exports missing/],
  ];
  test.each(planted)(
    '%s rejects with its error, and its thread goes on',
    async (_, name, error) => {
      const thread = open();
      const before = await thread.run(add, [1], 'foreground');
      await expect(thread.run(nothing(name), null, 'foreground')).rejects.toThrow(error);
      expect((await thread.run(add, [1], 'foreground')).threadId).toBe(before.threadId);
    },
  );

  test.each(['exit', 'throwLater', 'devour'])(
    'kills its thread (%s) fails as retryable, and the waiting ones run in another thread',
    async (name) => {
      const thread = open();
      const before = await thread.run(add, [1], 'foreground');
      const killed = thread.run(nothing(name), null, 'background');
      const next = thread.run(add, [2], 'background');
      await expect(killed).rejects.toMatchObject({ code: 'THREAD_ENDED', retryable: true });
      expect((await next).sum).toBe(2);
      expect((await next).threadId).toBeGreaterThan(before.threadId);
    },
  );

  test('is stuck is ended after its time, and the waiting ones run', async () => {
    const clock = manualClock(0);
    const thread = open({ clock, taskMaxMs: 5000 });
    const stuck = thread.run(nothing('spin'), null, 'background');
    const next = thread.run(add, [2], 'background');
    await clock.advance(4999);
    await clock.advance(1);
    await expect(stuck).rejects.toMatchObject({ code: 'THREAD_ENDED' });
    expect((await next).sum).toBe(2);
  });

  test('has an input that cannot be copied rejects, and the next one runs', async () => {
    const thread = open();
    const task = nameTask<() => void, null>(module, 'add');
    await expect(thread.run(task, () => undefined, 'background')).rejects.toThrow(/cloned/);
    expect((await thread.run(add, [2], 'background')).sum).toBe(2);
  });
});

describe('the side thread', () => {
  test('ends after a minute without a task, and starts again for the next', async () => {
    const clock = manualClock(0);
    const thread = open({ clock });
    const first = await thread.run(add, [1], 'foreground');
    await clock.advance(59_999);
    expect((await thread.run(add, [1], 'foreground')).threadId).toBe(first.threadId);
    await clock.advance(60_000);
    expect((await thread.run(add, [1], 'foreground')).threadId).not.toBe(first.threadId);
  });

  test('closes after all accepted tasks, and accepts no others', async () => {
    const thread = openSideThread({ clock: systemClock, log: silentLog });
    const runs = [1, 2, 3].map((number) => thread.run(add, [number], 'background'));
    const closed = thread.close();
    await expect(thread.run(add, [4], 'foreground')).rejects.toMatchObject({ code: 'OVERLOADED' });
    await closed;
    const ends = await Promise.allSettled(runs);
    expect(ends.every(({ status }) => status === 'fulfilled')).toBe(true);
  });

  test('leaves the serving thread free while it works', async () => {
    const flag = new Int32Array(new SharedArrayBuffer(4));
    const spinUntil = nameTask<Int32Array, string>(module, 'spinUntil');
    const spinning = open().run(spinUntil, flag, 'background');
    // Only the serving thread sets the flag: if the task ran there, it would never end.
    await until('the task spins', () => Atomics.load(flag, 0) === 1);
    Atomics.store(flag, 0, 2);
    expect(await spinning).toBe('flag seen');
  });
});
