import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createVitest, type TestModule } from 'vitest/node';
import { createFunction } from '../../server/src/platform/postgres/routines.ts';
import { urlOf, withClient } from '../support/databases.ts';
import { ensureTemplate, makeDatabasePrefix, nameTemplate } from '../support/template-database.ts';

/**
 * A process that runs test files, one at a time, on a copy of the repository (argument 1) with one
 * of its files changed. One Vitest serves all mutants, so that its start is paid once.
 */
export type Request =
  | { readonly kind: 'plant'; readonly file: string; readonly text: string }
  | { readonly kind: 'run'; readonly test: string };

export type Reply =
  /** `fault`: why PostgreSQL does not accept the text; null if it does. */
  | { readonly kind: 'planted'; readonly fault: string | null }
  | {
      readonly kind: 'ran';
      /** The full name of the first test that failed; null if none did. */
      readonly failed: string | null;
      readonly passed: number;
      readonly ms: number;
    };

const [root = ''] = process.argv.slice(2);
const server = process.env['TEST_DATABASE_URL'];

// However the program that started us ends: this also ends the test that runs.
process.once('disconnect', () => process.kill(-process.pid, 'SIGKILL'));

const vitest = await createVitest('test', {
  root,
  watch: false,
  silent: true,
  bail: 1,
  reporters: [{}],
});
await vitest.standalone();
const specifications = await vitest.globTestSpecifications();

/** SQLSTATE 42: a wrong text. Anything else is a broken database, which says nothing about it. */
const isRefusal = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && String(error.code).startsWith('42');

/**
 * A database function is replaced in the template of all databases, and not in its file: there the
 * tests that plant bugs of their own read the text that they change, and would fail without it.
 */
const plantFunction = async (url: string, file: string, text: string): Promise<string | null> => {
  const template = nameTemplate(makeDatabasePrefix(process.pid));
  await withClient(url, (client) => ensureTemplate(client, url, template));
  let fault: string | null = null;
  await withClient(urlOf(url, template), async (client) => {
    const name = file.replace(/^server\/src\/services\//, '').replace('/sql/', '/');
    await createFunction(client, { name, text }).catch((error: unknown) => {
      if (!isRefusal(error)) throw error;
      fault = String(error);
    });
  });
  return fault;
};

const plant = async (file: string, text: string): Promise<Reply> => {
  if (file.endsWith('.sql')) {
    if (server === undefined) throw new Error('a database function needs TEST_DATABASE_URL');
    return { kind: 'planted', fault: await plantFunction(server, file, text) };
  }
  const path = join(root, file);
  writeFileSync(path, text);
  vitest.invalidateFile(path);
  return { kind: 'planted', fault: null };
};

const readFailure = (module: TestModule): string | null => {
  for (const test of module.children.allTests('failed')) return test.fullName;
  if (module.state() !== 'failed') return null;
  const suites = [module, ...module.children.allSuites()];
  const error = suites.flatMap((suite) => suite.errors())[0];
  return `outside its tests: ${error?.message.split('\n')[0] ?? 'it ended early'}`;
};

const run = async (test: string): Promise<Reply> => {
  const path = join(root, test);
  const chosen = specifications.filter(({ moduleId }) => moduleId === path);
  if (chosen.length === 0) throw new Error(`Vitest does not know ${test}`);
  const startMs = performance.now();
  const { testModules, unhandledErrors } = await vitest.runTestSpecifications(chosen);
  const ms = performance.now() - startMs;
  const module = testModules.find(({ moduleId }) => moduleId === path);
  if (module === undefined) throw new Error(`Vitest did not run ${test}`);
  const outside = unhandledErrors.length > 0 ? 'outside its tests: an unhandled error' : null;
  return {
    kind: 'ran',
    failed: readFailure(module) ?? outside,
    passed: [...module.children.allTests('passed')].length,
    ms,
  };
};

process.on('message', (request: Request) => {
  const reply = request.kind === 'plant' ? plant(request.file, request.text) : run(request.test);
  reply.then(
    (value) => process.send?.(value),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.send?.('ready');
