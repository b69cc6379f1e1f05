import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { describeConfig, readConfig } from '../../server/src/config.ts';

const page = new URL('../../docs/operations/configuration.md', import.meta.url);

/** Name and default of every row of the page's table. */
const rowsOf = (markdown: string): Map<string, string> =>
  new Map(
    [...markdown.matchAll(/^\| `([A-Z_]+)` \| (?:`([^`]*)`)? ?\| \S.* \|$/gm)].map(
      ([, name = '', standard = '']) => [name, standard],
    ),
  );

/** The same of the program itself. */
const settings = (): Map<string, string> => {
  const result = readConfig({});
  if (!result.ok) throw new Error(result.faults.join('\n'));
  return new Map(
    describeConfig(result.config).map((line) => {
      const [, name = '', standard = ''] = /^(\w+)(?:=(.*)| is not set)$/.exec(line) ?? [];
      return [name, standard];
    }),
  );
};

describe('docs/operations/configuration.md', () => {
  test('lists every setting with its default, and no unknown one', () => {
    const known = settings();
    expect(known.size).toBeGreaterThan(20);
    expect(Object.fromEntries(rowsOf(readFileSync(page, 'utf8')))).toEqual(
      Object.fromEntries(known),
    );
  });

  test('would be caught with a missing setting or a wrong default', () => {
    const text = readFileSync(page, 'utf8');
    const without = rowsOf(text.replace(/^\| `PORT`.*\n/m, ''));
    expect(settings().size - without.size).toBe(1);
    const other = rowsOf(text.replace('| `PORT` | `3000` |', '| `PORT` | `8080` |'));
    expect(other.get('PORT')).not.toBe(settings().get('PORT'));
  });
});
