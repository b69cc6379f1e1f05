import { expect, test } from 'vitest';
import { manualClock } from '../platform/clock.ts';
import { makeProgress } from './progress.ts';

const open = () => {
  const clock = manualClock(0);
  const lines: string[] = [];
  return { clock, lines, progress: makeProgress(clock, (line) => lines.push(line)) };
};

test('each phase prints one line with its seconds, and the last line the total', async () => {
  const { clock, lines, progress } = open();
  const found = await progress.phase('Database ready', async () => {
    await clock.advance(2949);
    return 'a database';
  });
  await progress.phase('Demo data ready', () => clock.advance(61_000));
  progress.end('Ready');
  expect(found).toBe('a database');
  expect(lines).toEqual([
    '  Database ready            2.9 s\n',
    '  Demo data ready          61.0 s\n',
    '  Ready                    63.9 s\n',
  ]);
});

test('a phase that fails is not reported as done', async () => {
  const { lines, progress } = open();
  const failing = progress.phase('Database ready', () => Promise.reject(new Error('no disk')));
  await expect(failing).rejects.toThrow('no disk');
  expect(lines).toEqual([]);
});
