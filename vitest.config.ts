import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

// Usher and its tests need Node 24, which `npm test` finds among the packages. Vitest called by
// itself on an older Node prints this line, instead of whatever fails first.
if (Number.parseInt(process.versions.node, 10) < 24) {
  const { node } = process.versions;
  const instead = 'npm test -- [file] [-t title]';
  process.stderr.write(`These tests need Node 24; this is Node ${node}. Use: ${instead}\n`);
  process.exit(1);
}

/** Whole-system tests, and those on a real store, need PostgreSQL; the others need nothing. */
const onStores = ['{domain,contract,server,stampede,sandbox,tests}/**/*.{postgres,redis}.test.ts'];
const wholeSystem = ['tests/{http,simulation,e2e,chaos,load}/**/*.test.ts'];
const everything = ['{bin,domain,contract,server,stampede,sandbox,tests}/**/*.test.ts'];
const never = ['**/node_modules/**', '**/fixtures/**'];

const needsPostgres = { globalSetup: ['tests/support/global-postgres.ts'] };

export default defineConfig({
  test: {
    reporters: ['default', './tests/support/reporter.ts'],
    // A process a file: tests send signals, kill children and watch for what is left open.
    pool: 'forks',
    isolate: true,
    // PostgreSQL and the programs under test want their share of the cores.
    maxWorkers: Math.max(2, Math.floor(availableParallelism() / 2)),
    // Deadlines, not measurements: a busy machine may take ten times as long as a calm one.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    teardownTimeout: 30_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: everything,
          exclude: [...never, ...onStores, ...wholeSystem],
          setupFiles: ['tests/support/setup.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'stores',
          include: onStores,
          exclude: [...never, ...wholeSystem],
          setupFiles: ['tests/support/setup.ts'],
          ...needsPostgres,
        },
      },
      {
        extends: true,
        test: {
          name: 'system',
          include: wholeSystem,
          exclude: never,
          setupFiles: ['tests/support/setup.ts'],
          ...needsPostgres,
        },
      },
    ],
  },
});
