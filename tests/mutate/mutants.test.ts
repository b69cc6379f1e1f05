import { describe, expect, test } from 'vitest';
import { readTree, toSourceFile } from '../../server/tidy/source.ts';
import { equivalents, findEquivalent, findOutdated } from './equivalent.ts';
import { type Mutant, makeMutants } from './mutants.ts';
import { formatTable, isEnough } from './report.ts';
import type { Verdict } from './run.ts';
import { findTests, listSources } from './scopes.ts';

const tree = readTree(new URL('../..', import.meta.url).pathname);
const sources = listSources(tree);

describe('the mutants of the repository', () => {
  test.each([
    ['server/src/services/seats/sql/take.sql', 60],
    ['server/src/services/waiting-room/lua/play.lua', 60],
    ['server/src/services/payments/service.ts', 10],
    ['domain/src/stranded.ts', 10],
  ])('of %s are at least %i, all different', (path, least) => {
    const text = sources.find((source) => source.path === path)?.text ?? '';
    const texts = makeMutants(path, text).map((mutant) => mutant.text);
    expect(texts.length).toBeGreaterThanOrEqual(least);
    expect(new Set([...texts, text]).size).toBe(texts.length + 1);
  });

  test('are of every function, every script and every rule, and of no test', () => {
    const mutated = new Set(sources.map(({ path }) => path));
    const expected = tree
      .map(({ path }) => path)
      .filter((path) => /^server\/src\/services\/.*\.(?:sql|lua)$|^domain\/src\/.*\.ts$/.test(path))
      .filter((path) => !/\.(?:test|bench)\.ts$/.test(path));
    expect(expected.filter((path) => !mutated.has(path))).toEqual([]);
    expect([...mutated].filter((path) => path.endsWith('.test.ts'))).toEqual([]);
  });

  test('can each be noticed by some test', () => {
    const tests = findTests(tree, sources);
    const mutated = sources.filter(({ path, text }) => makeMutants(path, text).length > 0);
    expect(mutated.filter(({ path }) => (tests.get(path) ?? []).length === 0)).toEqual([]);
  });

  test('that are listed as equivalent exist', () => {
    const files = new Set(equivalents.map(({ file }) => file));
    const mutants = tree
      .filter(({ path }) => files.has(path))
      .flatMap(({ path, text }) => makeMutants(path, text));
    expect(findOutdated(equivalents, mutants)).toEqual([]);
  });
});

describe('the tests of a script', () => {
  const files = [
    toSourceFile('domain/src/rule.ts', 'export const rule = 1;'),
    toSourceFile('domain/src/other.ts', "import { rule } from './rule.ts';"),
    toSourceFile('domain/src/other.test.ts', "import './other.ts';"),
    toSourceFile('domain/src/apart.test.ts', 'export {};'),
    toSourceFile('tests/http/far.test.ts', "import '@usher/domain/rule.ts';"),
  ];

  test('are those of its scope that import it, directly or not', () => {
    expect(findTests(files, files.slice(0, 1)).get('domain/src/rule.ts')).toEqual([
      'domain/src/other.test.ts',
    ]);
  });
});

describe('an entry of the equivalents', () => {
  const mutant: Mutant = {
    file: 'a.sql',
    line: 3,
    operator: 'compare',
    from: 'a = b',
    to: 'a <> b',
    nth: 2,
    text: '',
  };
  const entry = { file: 'a.sql', from: 'a  =\n b', to: 'a <> b', reason: 'why' };

  test('is found by its condition, however it is laid out', () => {
    expect(findEquivalent([entry], mutant)).toBe(entry);
    expect(findEquivalent([{ ...entry, to: 'a < b' }], mutant)).toBe(null);
  });

  test('is of one place of the file if it says which', () => {
    expect(findEquivalent([{ ...entry, nth: 2 }], mutant)).not.toBe(null);
    expect(findEquivalent([{ ...entry, nth: 1 }], mutant)).toBe(null);
  });

  test('is outdated once its condition has changed', () => {
    expect(findOutdated([entry], [mutant])).toEqual([]);
    expect(findOutdated([entry], [{ ...mutant, from: 'a = c' }])).toEqual([entry]);
  });
});

describe('the report', () => {
  const judge = (outcome: Verdict['outcome'], count: number): Verdict[] =>
    Array.from({ length: count }, () => ({
      mutant: { file: 'a.sql', line: 1, operator: 'drop', from: 'a', to: '', nth: 1, text: '' },
      outcome,
      by: '',
    }));

  test('is content with 95 of 100 that could be noticed, not with 94', () => {
    const others = [...judge('rejected', 7), ...judge('equivalent', 9)];
    const enough = [...judge('noticed', 94), ...judge('timed-out', 1), ...judge('survived', 5)];
    expect(isEnough([...enough, ...others])).toBe(true);
    expect(isEnough([...judge('noticed', 94), ...judge('survived', 6), ...others])).toBe(false);
  });

  test('counts each outcome by file', () => {
    const verdicts = [...judge('noticed', 2), ...judge('timed-out', 1), ...judge('survived', 1)];
    expect(formatTable([...verdicts, ...judge('rejected', 1)])).toContain(
      '| `a.sql` | 4 | 3 | 1 | 1 | 0 | 75.0 % |',
    );
  });
});
