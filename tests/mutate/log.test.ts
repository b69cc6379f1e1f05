import { join } from 'node:path';
import { expect, test } from 'vitest';
import { scratchFolder } from '../support/scratch.ts';
import { openLog } from './log.ts';
import type { Mutant } from './mutants.ts';
import type { Verdict } from './run.ts';

const mutant: Mutant = {
  file: 'a.sql',
  line: 1,
  operator: 'drop',
  from: 'a',
  to: '',
  nth: 1,
  text: 'SELECT 1',
};
const noticed: Verdict = { mutant, outcome: 'noticed', by: 'a.test.ts › a seat is sold once' };

const makePath = async (): Promise<string> => join(await scratchFolder(), 'mutate.log');

test('a later run knows what an earlier one noticed, of this text only', async () => {
  const path = await makePath();
  openLog(path).keep(noticed);
  const later = openLog(path);
  expect(later.find(mutant)).toEqual(noticed);
  expect(later.find({ ...mutant, text: 'SELECT 2' })).toBe(null);
  expect(later.find({ ...mutant, file: 'b.sql' })).toBe(null);
});

test('what survived is judged again, until it is noticed', async () => {
  const path = await makePath();
  const log = openLog(path);
  log.keep({ mutant, outcome: 'survived', by: '' });
  expect(openLog(path).find(mutant)).toBe(null);
  log.keep(noticed);
  expect(openLog(path).find(mutant)).toEqual(noticed);
  log.keep({ mutant, outcome: 'survived', by: '' });
  expect(openLog(path).find(mutant)).toBe(null);
});
