import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Equivalent, findEquivalent } from './equivalent.ts';
import type { Mutant } from './mutants.ts';
import { openRunner, type Runner } from './runner.ts';

export type Verdict = {
  readonly mutant: Mutant;
  /**
   * timed-out: a test did not end, which is noticed, too. rejected: PostgreSQL does not accept the
   * function, so it counts for nothing. equivalent: not run.
   */
  readonly outcome: 'noticed' | 'timed-out' | 'survived' | 'rejected' | 'equivalent';
  /** Which test noticed it, PostgreSQL's error, or why it is equivalent; '' if it survived. */
  readonly by: string;
};

type Plan = {
  readonly root: string;
  readonly mutants: readonly Mutant[];
  readonly equivalents: readonly Equivalent[];
  /** For each mutated file the test files that could notice a change. */
  readonly testsByFile: ReadonlyMap<string, readonly string[]>;
  readonly databaseUrl: string | null;
  /** How many tests run at the same time. */
  readonly workers: number;
  /** How long a test may last that hangs, besides five times what it lasts without a mutant. */
  readonly hangMs: number;
  readonly say: (line: string) => void;
  readonly report: (verdict: Verdict) => void;
};

const hangFactor = 5;
/** Before anything is measured. */
const firstRunLimitMs = 600_000;

/**
 * Runs the tests on each mutant and reports the verdicts as they come. Fails if a test fails
 * without any mutant, or if a file has no test that runs on this machine.
 */
export const runMutants = async (plan: Plan): Promise<void> => {
  const waiting: Mutant[] = [];
  for (const mutant of plan.mutants) {
    const equivalent = findEquivalent(plan.equivalents, mutant);
    if (equivalent === null) waiting.push(mutant);
    else plan.report({ mutant, outcome: 'equivalent', by: equivalent.reason });
  }
  if (waiting.length === 0) return;

  const readOriginal = (file: string): string => readFileSync(join(plan.root, file), 'utf8');
  const { root, databaseUrl } = plan;
  const runners: Runner[] = [];
  try {
    for (let count = 0; count < plan.workers; count++)
      runners.push(await openRunner({ root, databaseUrl, readOriginal }));
    const files = [...new Set(waiting.map(({ file }) => file))];
    const tests = [...new Set(files.flatMap((file) => plan.testsByFile.get(file) ?? []))];
    plan.say(`${waiting.length} mutants; ${tests.length} test files run without any first`);
    const lasted = await measureTests(runners, tests);
    const sumMs = lasted.values().reduce((sum, ms) => sum + ms, 0);
    for (const [test, ms] of lasted) plan.say(`${(ms / 1000).toFixed(1).padStart(6)} s ${test}`);
    plan.say(`a mutant that none of them notices takes at most ${Math.round(sumMs / 1000)} s`);
    const order = orderTests(files, plan.testsByFile, lasted);
    await shareAmong(runners, waiting, async (runner, mutant) => {
      const tests = order.get(mutant.file) ?? [];
      const original = readOriginal(mutant.file);
      const limitMs = (test: string): number => plan.hangMs + hangFactor * (lasted.get(test) ?? 0);
      plan.report(await judgeMutant({ runner, mutant, original, tests, limitMs }));
    });
  } finally {
    await Promise.all(runners.map((runner) => runner.close()));
  }
};

/** Gives each task to the first runner that is free, in order. */
const shareAmong = async <T>(
  runners: readonly Runner[],
  tasks: readonly T[],
  work: (runner: Runner, task: T) => Promise<void>,
): Promise<void> => {
  const left = [...tasks];
  await Promise.all(
    runners.map(async (runner) => {
      for (let task = left.shift(); task !== undefined; task = left.shift())
        await work(runner, task);
    }),
  );
};

/** How long each test file lasts, in ms. Files of which nothing can run here are left out. */
const measureTests = async (
  runners: readonly Runner[],
  tests: readonly string[],
): Promise<Map<string, number>> => {
  const lasted = new Map<string, number>();
  await shareAmong(runners, tests, async (runner, test) => {
    const result = await runner.run(test, firstRunLimitMs);
    if (result === 'timed-out') throw new Error(`${test} does not end, without any mutant`);
    if (result.failed !== null)
      throw new Error(`${test} fails without any mutant: ${result.failed}`);
    if (result.passed > 0) lasted.set(test, result.ms);
  });
  return lasted;
};

/**
 * For each file its tests, the fastest first. Files with the same tests share one list: what
 * notices mutants of one of them probably notices those of the others, too.
 */
const orderTests = (
  files: readonly string[],
  testsByFile: ReadonlyMap<string, readonly string[]>,
  lasted: ReadonlyMap<string, number>,
): Map<string, string[]> => {
  const order = new Map<string, string[]>();
  const shared = new Map<string, string[]>();
  for (const file of files) {
    const tests = (testsByFile.get(file) ?? [])
      .filter((test) => lasted.has(test))
      .toSorted((a, b) => (lasted.get(a) ?? 0) - (lasted.get(b) ?? 0));
    if (tests.length === 0) throw new Error(`${file} has no test that runs on this machine`);
    const same = shared.get(tests.join()) ?? tests;
    shared.set(tests.join(), same);
    order.set(file, same);
  }
  return order;
};

const judgeMutant = async (work: {
  runner: Runner;
  mutant: Mutant;
  original: string;
  /** A test that notices the mutant moves to the front: it may well notice the next, too. */
  tests: string[];
  limitMs: (test: string) => number;
}): Promise<Verdict> => {
  const { runner, mutant, original, tests, limitMs } = work;
  const fault = await runner.plant(mutant.file, mutant.text);
  if (fault !== null) return { mutant, outcome: 'rejected', by: fault };
  try {
    for (const test of [...tests]) {
      const result = await runner.run(test, limitMs(test));
      if (result !== 'timed-out' && result.failed === null) continue;
      tests.splice(tests.indexOf(test), 1);
      tests.unshift(test);
      return result === 'timed-out'
        ? { mutant, outcome: 'timed-out', by: test }
        : { mutant, outcome: 'noticed', by: `${test} › ${result.failed}` };
    }
    return { mutant, outcome: 'survived', by: '' };
  } finally {
    await runner.plant(mutant.file, original);
  }
};
