import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { scratchFolder } from '../support/scratch.ts';
import { expectFair, fewPeople, leftIn, limitMs, reportIn, stampede } from './stampede-run.ts';

test(
  'a stampede through the room to the last seat: nobody overtaken, cap kept, fair draw',
  async () => {
    const page = join(await scratchFolder(), 'night.html');
    const { end, said, printed, folder } = await stampede([...fewPeople, '--html', page]);
    expect([await end, said()]).toEqual([0, expect.anything()]);
    expectFair(reportIn(printed()));
    const html = readFileSync(page, 'utf8');
    for (const title of ['Coming in', 'Inside', 'Admitted', 'How it ended', 'What was checked'])
      expect(html).toContain(`<h2>${title}`);
    expect(html).not.toContain('NaN');
    expect(leftIn(folder)).toEqual([]);
  },
  limitMs,
);
