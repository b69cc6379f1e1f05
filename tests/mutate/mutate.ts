import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { onParentGone } from '../../server/src/platform/parent-watch.ts';
import { readTree } from '../../server/tidy/source.ts';
import { openPostgresForTests } from '../support/global-postgres.ts';
import { equivalents, findEquivalent, findOutdated } from './equivalent.ts';
import { openLog } from './log.ts';
import { describeMutant, type Mutant, makeMutants } from './mutants.ts';
import {
  formatMutantJson,
  formatTable,
  formatVerdict,
  formatVerdictJson,
  isEnough,
  measureShare,
} from './report.ts';
import { runMutants, type Verdict } from './run.ts';
import { findTests, listSources } from './scopes.ts';

const help = `npm run mutate -- [options]: change one condition at a time; do the tests notice it?

  --only TEXT,…    only files whose path contains one of these (seats/sql/take.sql, domain/src)
  --changed        only files that differ from the branch main
  --equivalents    only the mutants that tests/mutate/equivalent.ts lists: none may be noticed
  --tests TEXT,…   only tests whose path contains one of these; others may notice what survives
  --log FILE       keep the verdicts in FILE; what they say was noticed is not run again
  --list           print the mutants and run nothing
  --workers N      how many tests run at the same time (default: one for each core)
  --json           one JSON object per mutant and line on stdout, progress on stderr

What is mutated, and by which tests it must be noticed: tests/mutate/scopes.ts. Lua scripts need a
Redis (.ci/run installs it).
Exit codes: 0 at least 95 % are noticed, 1 fewer or failed, 2 usage error.
`;

class UsageError extends Error {}

const readOptions = (args: readonly string[]) => {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        only: { type: 'string' },
        changed: { type: 'boolean', default: false },
        equivalents: { type: 'boolean', default: false },
        tests: { type: 'string' },
        log: { type: 'string' },
        list: { type: 'boolean', default: false },
        workers: { type: 'string', default: String(availableParallelism()) },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    const workers = Number(values.workers);
    if (!Number.isInteger(workers) || workers < 1 || workers > 64)
      throw new Error('--workers takes a number from 1 to 64');
    return { ...values, workers };
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
};
type Options = ReturnType<typeof readOptions>;

const root = resolve(import.meta.dirname, '../..');

/** Files that differ from where this branch left main, committed or not. */
const listChanged = (): Set<string> => {
  const git = (...args: string[]): string =>
    execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();
  return new Set(git('diff', '--name-only', git('merge-base', 'main', 'HEAD')).split('\n'));
};

const chooseSources = (options: Options, tree: ReturnType<typeof readTree>) => {
  const names = options.only?.split(',');
  const changed = options.changed ? listChanged() : null;
  const sources = listSources(tree)
    .filter(({ path }) => names === undefined || names.some((name) => path.includes(name)))
    .filter(({ path }) => changed === null || changed.has(path));
  if (sources.length === 0 && changed === null)
    throw new UsageError(`no file that is mutated contains ${options.only}`);
  return sources;
};

/** For each source the test files that it is tried with. */
const chooseTests = (
  options: Options,
  tree: ReturnType<typeof readTree>,
  sources: ReturnType<typeof readTree>,
): Map<string, string[]> => {
  const names = options.tests?.split(',');
  const found = findTests(tree, sources);
  if (names === undefined) return found;
  for (const [source, tests] of found) {
    const chosen = tests.filter((test) => names.some((name) => test.includes(name)));
    if (chosen.length === 0) throw new UsageError(`no test of ${source} contains ${options.tests}`);
    found.set(source, chosen);
  }
  return found;
};

const run = async (options: Options): Promise<number> => {
  const tree = readTree(root);
  const sources = chooseSources(options, tree);
  const all = sources.flatMap(({ path, text }) => makeMutants(path, text));
  const chosen = new Set(sources.map(({ path }) => path));
  const outdated = findOutdated(
    equivalents.filter(({ file }) => chosen.has(file) || !tree.some(({ path }) => path === file)),
    all,
  );
  for (const { file, from, to } of outdated)
    console.error(`equivalent.ts lists what is no mutant of ${file}: «${from}» → «${to}»`);
  if (outdated.length > 0) return 1;

  const mutants = options.equivalents
    ? all.filter((mutant) => findEquivalent(equivalents, mutant) !== null)
    : all;
  if (options.list) {
    const format = options.json ? formatMutantJson : describeMutant;
    console.log(mutants.map(format).join('\n'));
    return 0;
  }
  const verdicts = await judgeAll(options, mutants, chooseTests(options, tree, sources));
  const order = new Map(mutants.map((mutant, at) => [mutant, at]));
  const place = ({ mutant }: Verdict): number => order.get(mutant) ?? 0;
  return conclude(
    options,
    verdicts.toSorted((a, b) => place(a) - place(b)),
  );
};

const judgeAll = async (
  options: Options,
  mutants: readonly Mutant[],
  testsByFile: ReadonlyMap<string, readonly string[]>,
): Promise<Verdict[]> => {
  const say = options.json ? console.error : console.log;
  const verdicts: Verdict[] = [];
  const log = options.log === undefined ? null : openLog(options.log);
  const report = (verdict: Verdict): void => {
    verdicts.push(verdict);
    console.log(options.json ? formatVerdictJson(verdict) : formatVerdict(verdict));
  };
  const left: Mutant[] = [];
  for (const mutant of mutants) {
    const known = log?.find(mutant) ?? null;
    if (known === null) left.push(mutant);
    else report(known);
  }
  const postgres = await openPostgresForTests();
  try {
    await runMutants({
      root,
      mutants: left,
      testsByFile,
      equivalents: options.equivalents ? [] : equivalents,
      databaseUrl: postgres.url,
      workers: options.workers,
      hangMs: 20_000,
      say,
      report: (verdict) => {
        log?.keep(verdict);
        report(verdict);
      },
    });
  } finally {
    await postgres.stop();
  }
  return verdicts;
};

const conclude = (options: Options, verdicts: readonly Verdict[]): number => {
  const say = options.json ? console.error : console.log;
  if (options.equivalents) {
    const wrong = verdicts.filter(({ outcome }) => outcome !== 'survived');
    say(`\n${wrong.length} of ${verdicts.length} listed as equivalent are not`);
    return wrong.length === 0 ? 0 : 1;
  }
  say(`\n${formatTable(verdicts)}`);
  const survivors = verdicts.filter(({ outcome }) => outcome === 'survived');
  if (survivors.length > 0) say(`\nNot noticed:\n${survivors.map(formatVerdict).join('\n')}`);
  say(`\n${(100 * measureShare(verdicts)).toFixed(1)} % noticed`);
  return isEnough(verdicts) ? 0 : 1;
};

onParentGone(() => process.exit(1));

const main = async (): Promise<number> => {
  try {
    const options = readOptions(process.argv.slice(2));
    if (options.help) {
      console.log(help);
      return 0;
    }
    return await run(options);
  } catch (error) {
    if (error instanceof UsageError) {
      console.error(`${error.message}\n\n${help}`);
      return 2;
    }
    console.error(error);
    return 1;
  }
};

process.exitCode = await main();
