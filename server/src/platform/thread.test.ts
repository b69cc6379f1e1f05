import { expect, test } from 'vitest';
import { makeThread } from './thread.ts';

const moduleOf = (code: string) => `data:text/javascript,${encodeURIComponent(code)}`;

test('a function runs in a separate thread and returns its result', async () => {
  const code = `
    import { threadId } from 'node:worker_threads';
    export const work = async (numbers) => ({ sum: numbers.reduce((a, b) => a + b), threadId });`;
  const work = makeThread<number[], { sum: number; threadId: number }>(moduleOf(code), 'work');
  const [one, two] = await Promise.all([work([1, 2]), work([3, 4])]);
  expect([one.sum, two.sum]).toEqual([3, 7]);
  expect(one.threadId).toBeGreaterThan(0);
  expect(two.threadId).toBeGreaterThan(one.threadId);
});

test('an error goes to the caller, and the next call still runs', async () => {
  const code = `
    export const work = (input) => {
      if (input === 'bad') throw new Error('cannot');
      if (input === 'exit') process.exit(3);
      return input;
    };`;
  const work = makeThread<string, string>(moduleOf(code), 'work');
  const runs = [work('bad'), work('exit'), work('good')];
  await expect(runs[0]).rejects.toThrow('cannot');
  await expect(runs[1]).rejects.toThrow('ended early');
  expect(await runs[2]).toBe('good');
});
