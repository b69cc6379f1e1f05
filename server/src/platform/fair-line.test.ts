import { describe, expect, test } from 'vitest';
import { makeFairLine } from './fair-line.ts';

/** A line whose work ends on command, and the order in which work began. */
const openLine = (given: { waitingMax?: number; lastEvery?: number } = {}) => {
  const line = makeFairLine({
    kinds: ['first', 'second'] as const,
    atOnce: 1,
    waitingMax: given.waitingMax ?? 100,
    lastEvery: given.lastEvery ?? 1000,
  });
  const began: string[] = [];
  const refused: string[] = [];
  const ends: (() => void)[] = [];
  const add = (kind: 'first' | 'second', source: string, name: string) =>
    line
      .run(kind, source, () => {
        began.push(name);
        return new Promise<void>((end) => void ends.push(end));
      })
      .catch((error: { code: string; retryable: boolean }) => {
        refused.push(`${name} ${error.code} ${error.retryable}`);
      });
  const endAll = async () => {
    for (let turn = 0; turn < 500; turn++) {
      ends.shift()?.();
      await Promise.resolve();
    }
  };
  return { add, began, refused, endAll };
};

describe('work in fair lines:', () => {
  test('one call of another source waits for one turn, not for all calls of a crowd', async () => {
    const { add, began, endAll } = openLine();
    for (let i = 0; i < 50; i++) void add('first', 'crowd', `crowd ${i}`);
    void add('first', 'neighbour', 'neighbour');
    await endAll();
    expect(began).toHaveLength(51);
    // The first of the crowd runs at once, the second has been waiting longest.
    expect(began.indexOf('neighbour')).toBe(2);
  });

  test('the first line goes before the second, however long the second has waited', async () => {
    const { add, began, endAll } = openLine();
    for (let i = 0; i < 20; i++) void add('second', `source ${i}`, `second ${i}`);
    void add('first', 'late', 'late');
    await endAll();
    expect(began.indexOf('late')).toBe(1);
  });

  test('every n-th turn is for the last line: a flood in the first does not stop it', async () => {
    const { add, began, endAll } = openLine({ lastEvery: 4 });
    for (let i = 0; i < 20; i++) void add('first', `source ${i}`, `first ${i}`);
    void add('second', 'patient', 'patient');
    await endAll();
    expect(began.indexOf('patient')).toBe(4);
  });

  test('a full line takes the place from the source that has the most', async () => {
    const { add, began, refused, endAll } = openLine({ waitingMax: 5 });
    void add('first', 'crowd', 'running');
    for (let i = 0; i < 5; i++) void add('first', 'crowd', `crowd ${i}`);
    void add('first', 'neighbour', 'neighbour');
    await endAll();
    expect(refused).toEqual(['crowd 4 OVERLOADED true']);
    expect(began).toContain('neighbour');
  });

  test('a full line refuses the newest call of a source that has the most itself', async () => {
    const { add, refused, endAll } = openLine({ waitingMax: 3 });
    void add('first', 'crowd', 'running');
    void add('first', 'neighbour', 'neighbour');
    void add('first', 'crowd', 'crowd 0');
    void add('first', 'crowd', 'crowd 1');
    void add('first', 'crowd', 'one too many');
    await endAll();
    expect(refused).toEqual(['one too many OVERLOADED true']);
  });
});
