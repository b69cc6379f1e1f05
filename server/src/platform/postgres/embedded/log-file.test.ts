import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { scratchFolder } from '@usher/tests/support/scratch.ts';
import { expect, test } from 'vitest';
import { openLogFile } from './log-file.ts';

const logLine = `${'x'.repeat(99)}\n`;

test('the log never exceeds twice its limit, and its last lines are kept', async () => {
  const path = join(await scratchFolder(), 'postgres.log');
  const log = openLogFile(path, 1000);
  for (let line = 0; line < 500; line += 1) log.write(logLine);
  log.write('the last line\n');
  log.close();
  expect(statSync(path).size).toBeLessThanOrEqual(1100);
  expect(statSync(`${path}.1`).size).toBeLessThanOrEqual(1100);
  expect(readFileSync(path, 'utf8')).toMatch(/the last line\n$/);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test('a start continues the existing log', async () => {
  const path = join(await scratchFolder(), 'postgres.log');
  for (const words of ['first\n', 'second\n']) {
    const log = openLogFile(path, 1000);
    log.write(words);
    expect(log.tail()).toBe(words.trim());
    log.close();
  }
  expect(readFileSync(path, 'utf8')).toBe('first\nsecond\n');
});
