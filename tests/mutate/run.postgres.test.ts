import { copyFileSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, inject, test } from 'vitest';
import { afterThisFile } from '../support/after-file.ts';
import { makeCopy } from './copy.ts';
import { describeMutant, type Mutant, makeMutants } from './mutants.ts';
import { runMutants, type Verdict } from './run.ts';

const root = resolve(import.meta.dirname, '../..');
const functionFile = 'server/src/services/tickets/sql/planted.sql';
const scriptFile = 'tests/mutate/planted.ts';
const testFile = 'tests/mutate/planted.postgres.test.ts';

/** A run starts Vitest and migrates a database before it judges a dozen mutants. */
const runLimitMs = 240_000;

/** A copy of the repository with a function, a script, and a test that leaves something out. */
const plantAll = async (): Promise<string> => {
  const folder = await makeCopy(root);
  afterThisFile(() => rmSync(folder, { recursive: true, force: true }));
  const fixtures = join(import.meta.dirname, 'fixtures');
  copyFileSync(join(fixtures, 'planted.sql'), join(folder, functionFile));
  copyFileSync(join(fixtures, 'planted.ts.txt'), join(folder, scriptFile));
  copyFileSync(join(fixtures, 'planted.postgres.test.ts.txt'), join(folder, testFile));
  return folder;
};

test(
  'a run reports what no test notices, and only that, as survived',
  async () => {
    const folder = await plantAll();
    const mutants = [functionFile, scriptFile].flatMap((file) =>
      makeMutants(file, readFileSync(join(folder, file), 'utf8')),
    );
    const broken: Mutant = {
      file: functionFile,
      line: 1,
      operator: 'drop',
      from: 'what makes it a function',
      to: '',
      nth: 1,
      text: 'CREATE OR REPLACE FUNCTION tickets.planted(',
    };
    const verdicts: Verdict[] = [];
    await runMutants({
      root: folder,
      mutants: [...mutants, broken],
      equivalents: [
        {
          file: scriptFile,
          from: 'age >= 18 && isMember',
          to: 'age >= 18 || isMember',
          reason: 'planted, too',
        },
      ],
      testsByFile: new Map([
        [functionFile, [testFile]],
        [scriptFile, [testFile]],
      ]),
      databaseUrl: inject('postgresUrl'),
      workers: 1,
      hangMs: 1000,
      say: () => {},
      report: (verdict) => verdicts.push(verdict),
    });

    const seen = (outcome: Verdict['outcome']): string[] =>
      verdicts
        .filter((verdict) => verdict.outcome === outcome)
        .map(({ mutant }) => describeMutant(mutant).replace(/^\S+ /, ''));
    expect(seen('survived')).toEqual(['drop «is_member»']);
    expect(seen('timed-out')).toEqual(['set «at === last» → «false»']);
    expect(seen('equivalent')).toEqual(['swap «age >= 18 && isMember» → «age >= 18 || isMember»']);
    expect(seen('rejected')).toEqual(['drop «what makes it a function»']);
    // Every other mutant is noticed, and by the test that it breaks.
    const noticed = verdicts.filter(({ outcome }) => outcome === 'noticed');
    expect(noticed).toHaveLength(verdicts.length - 4);
    for (const { by } of noticed) expect(by).toMatch(/ › (?:members of 18|counting ends)/);
  },
  runLimitMs,
);

test(
  'a run fails if a test fails without any mutant',
  async () => {
    const folder = await plantAll();
    const text = readFileSync(join(folder, scriptFile), 'utf8');
    copyFileSync(join(import.meta.dirname, 'fixtures/failing.test.ts.txt'), join(folder, testFile));
    const running = runMutants({
      root: folder,
      mutants: makeMutants(scriptFile, text),
      equivalents: [],
      testsByFile: new Map([[scriptFile, [testFile]]]),
      databaseUrl: null,
      workers: 1,
      hangMs: 1000,
      say: () => {},
      report: () => {},
    });
    await expect(running).rejects.toThrow('fails without any mutant');
  },
  runLimitMs,
);
