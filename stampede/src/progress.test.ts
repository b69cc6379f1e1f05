import { manualClock } from '@usher/tests/support/clock.ts';
import { expect, test } from 'vitest';
import { makeProgress, renderBar } from './progress.ts';

test('a bar shows its share, its numbers and its note', () => {
  expect(renderBar({ label: 'sign-up', done: 500, total: 1000, note: '42/s' })).toBe(
    `  sign-up      ${'█'.repeat(14)}${'░'.repeat(14)}  500/1000  42/s`,
  );
});

test.each([
  { done: 0, total: 0, filled: 28 },
  { done: 0, total: 7, filled: 0 },
  { done: 7, total: 7, filled: 28 },
  { done: 9, total: 7, filled: 28 },
])('a bar of $done of $total has $filled of 28 parts', ({ done, total, filled }) => {
  const line = renderBar({ label: 'x', done, total, note: '' });
  expect([...line].filter((mark) => mark === '█')).toHaveLength(filled);
});

const watch = async (isTerminal: boolean): Promise<string> => {
  const clock = manualClock(0);
  let printed = '';
  const progress = makeProgress({
    clock,
    isTerminal,
    print: (text) => {
      printed += text;
    },
  });
  let done = 0;
  const bars = progress.begin(() => [{ label: 'x', done, total: 9, note: '' }]);
  await clock.advance(0);
  done = 4;
  await clock.advance(5000);
  done = 9;
  await bars.end();
  return printed;
};

test('a log gets complete lines without control characters, the last at the end', async () => {
  const printed = await watch(false);
  expect(printed).not.toContain('\u001b');
  const lines = printed.trimEnd().split('\n');
  expect(lines[0]).toContain('0/9');
  expect(lines.at(-1)).toContain('9/9');
});

test('a terminal redraws its lines', async () => {
  const printed = await watch(true);
  expect(printed).toContain('\u001b[1A');
  expect(printed.slice(printed.lastIndexOf('\u001b[2K'))).toContain('9/9');
});
