import { matchesGlob } from 'node:path';
import { importsOf } from '../../server/tidy/imports.ts';
import { isTest, type SourceFile } from '../../server/tidy/source.ts';

/** Patterns as `path.matchesGlob` takes them, for paths relative to the repository. */
type Scope = { readonly sources: string; readonly tests: readonly string[] };

const services = 'server/src/services';
/** Seats, orders, payments and tickets: through their stores, and by request. */
const bookingTests = [
  `${services}/{seats,orders,payments,tickets}/*.test.ts`,
  'tests/booking/functions.postgres.test.ts',
  'tests/http/{seats,booking,closing,idempotency,first-purchase}.test.ts',
];

/**
 * Which files are mutated, and which test files must notice it; the first scope of a file counts.
 * Tests that compare texts, such as tests/docs and the tidy test, are not listed: only a broken
 * guarantee counts.
 */
const scopes: readonly Scope[] = [
  { sources: `${services}/identity/sql/*.sql`, tests: [`${services}/identity/*.postgres.test.ts`] },
  {
    sources: `${services}/*/sql/*.sql`,
    tests: [...bookingTests, 'server/src/*.postgres.test.ts'],
  },
  {
    sources: `${services}/waiting-room/lua/*.lua`,
    tests: [`${services}/waiting-room/*.redis.test.ts`, 'tests/simulation/**/*.test.ts'],
  },
  {
    // A rule of the room is pinned by its own tests and by the suite that every store must pass.
    sources: 'domain/src/room/*.ts',
    tests: [
      'domain/src/room/*.test.ts',
      `${services}/waiting-room/store.{contract,memory}.test.ts`,
    ],
  },
  { sources: 'domain/src/*.ts', tests: ['domain/src/*.test.ts'] },
  {
    sources: `${services}/{seats,orders,payments}/{service,service.*,provider-call}.ts`,
    tests: bookingTests,
  },
];

const scopeOf = (path: string): Scope | null =>
  isTest(path) ? null : (scopes.find(({ sources }) => matchesGlob(path, sources)) ?? null);

/** The files of the repository that are mutated. */
export const listSources = (tree: readonly SourceFile[]): SourceFile[] =>
  tree.filter(({ path }) => scopeOf(path) !== null);

/**
 * For each source the test files that could notice a change: those of its scope, and of these, for
 * TypeScript, only those that import it, directly or through others.
 */
export const findTests = (
  tree: readonly SourceFile[],
  sources: readonly SourceFile[],
): Map<string, string[]> => {
  const tests = tree.map(({ path }) => path).filter((path) => path.endsWith('.test.ts'));
  const importers = Map.groupBy(
    importsOf(tree).filter(({ target }) => target !== null),
    ({ target }) => target,
  );
  const found = new Map<string, string[]>();
  for (const { path } of sources) {
    const near = tests.filter((test) =>
      scopeOf(path)?.tests.some((pattern) => matchesGlob(test, pattern)),
    );
    if (!path.endsWith('.ts')) found.set(path, near);
    else {
      const reached = reachFrom(path, (file) =>
        (importers.get(file) ?? []).map(({ from }) => from.path),
      );
      found.set(
        path,
        near.filter((test) => reached.has(test)),
      );
    }
  }
  return found;
};

const reachFrom = (start: string, next: (path: string) => readonly string[]): Set<string> => {
  const reached = new Set([start]);
  for (const path of reached) for (const other of next(path)) reached.add(other);
  return reached;
};
