import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { scratchFolder } from './scratch.ts';

const root = resolve(import.meta.dirname, '../..');
const fixtures = join(import.meta.dirname, 'fixtures');

type Report = { testResults: { name: string; status: string; message: string }[] };
type Run = { code: number | null; report: Report; lines: string[]; lastLine: string | undefined };

/** Runs planted test files, as `npm test` runs ours. */
const runPlanted = async (filter: string, env: Record<string, string> = {}): Promise<Run> => {
  const config = join(fixtures, 'vitest.config.ts');
  const argv = [join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--config', config, filter];
  const plantedReport = join(await scratchFolder(), 'report.json');
  const unset = { VITEST: undefined, REQUIRE_STACK: undefined };
  const options = {
    cwd: root,
    env: { ...process.env, ...unset, PLANTED_REPORT: plantedReport, ...env },
  };
  return new Promise((done) => {
    const child = execFile(process.execPath, argv, options, (_, stdout) => {
      const lines = stdout.trimEnd().split('\n');
      const text = existsSync(plantedReport) ? readFileSync(plantedReport, 'utf8') : '{}';
      done({ code: child.exitCode, report: JSON.parse(text), lines, lastLine: lines.at(-1) });
    });
  });
};

describe('the check for leaks', async () => {
  const { report } = await runPlanted('leaks/');
  const of = (file: string) =>
    report.testResults.find(({ name }) => name.endsWith(`leaks/${file}.test.ts`));

  const planted: [file: string, said: string, at: RegExp][] = [
    ['timer', 'timer, opened', /timer\.test\.ts:4:/],
    ['interval', 'timer, opened', /interval\.test\.ts:5:/],
    ['when-loading', 'timer, opened', /when-loading\.test\.ts:3:/],
    ['server', 'server, opened', / on port \d+/],
    ['socket', 'socket, opened', /socket\.test\.ts:8:/],
    ['child', 'child process, opened', /child\.test\.ts:6:/],
    ['worker', 'worker thread, opened', /worker\.test\.ts:5:/],
  ];
  test.each(planted)('fails a file that leaves a %s, and says where', (file, said, at) => {
    expect(of(file)).toMatchObject({ status: 'failed', message: expect.stringContaining(said) });
    expect(of(file)?.message).toMatch(at);
  });

  test('passes a file that has cleaned up after itself', () => {
    expect(of('nothing')).toMatchObject({ status: 'passed', message: '' });
  });

  test('is tested with every planted file', () => {
    expect(report.testResults).toHaveLength(planted.length + 1);
  });
});

describe('vitest called by itself', () => {
  const runOn = (version: string): Promise<{ code: number | null; error: string }> => {
    const asIf = `Object.defineProperty(process, 'versions',
      { value: { ...process.versions, node: ${JSON.stringify(version)} } })`;
    const argv = ['--import', `data:text/javascript,${encodeURIComponent(asIf)}`];
    argv.push(join(root, 'node_modules/vitest/vitest.mjs'), 'list', '--filesOnly', 'hash.test');
    const options = { cwd: root, env: { ...process.env, VITEST: undefined } };
    return new Promise((done) => {
      const child = execFile(process.execPath, argv, options, (_, _out, error) =>
        done({ code: child.exitCode, error }),
      );
    });
  };

  test('on an older Node names the command that finds Node 24, in one line', async () => {
    const error =
      'These tests need Node 24; this is Node 20.20.2. Use: npm test -- [file] [-t title]\n';
    expect(await runOn('20.20.2')).toEqual({ code: 1, error });
  });

  test('on Node 24 runs the tests', async () => {
    expect(await runOn('24.0.0')).toEqual({ code: 0, error: '' });
  });
});

describe('the last line of a run', () => {
  test('counts what passed, and the run succeeds', async () => {
    const { code, lastLine } = await runPlanted('reporter/two-pass');
    expect({ code, lastLine }).toEqual({ code: 0, lastLine: '2 passed, 0 failed, 0 skipped' });
  });

  test('counts a file that does not load as a failure, and a failing hook', async () => {
    const { code, lastLine } = await runPlanted('reporter/');
    // Fails: the assertion, the file, the hook, the unheard rejection. pdftoppm decides the rest.
    expect(lastLine).toMatch(/^(5 passed, 4 failed, 3 skipped|8 passed, 4 failed, 0 skipped)$/);
    expect(code).toBe(1);
  });

  test('is printed even if there is nothing to run', async () => {
    const { code, lastLine } = await runPlanted('reporter/no-such-file');
    expect({ code, lastLine }).toEqual({ code: 1, lastLine: '0 passed, 1 failed, 0 skipped' });
  });
});

describe('a test that needs a part which the machine lacks', async () => {
  const lacking = { PATH: await scratchFolder() };

  test('is skipped by name, and the report says how to get the part', async () => {
    const { code, lines, lastLine } = await runPlanted('reporter/needs', lacking);
    expect({ code, lastLine }).toEqual({ code: 0, lastLine: '0 passed, 0 failed, 3 skipped' });
    expect(lines).toEqual(
      expect.arrayContaining([
        'Not run, as they need pdftoppm (apt-get install poppler-utils):',
        '  - a test of its own (needs pdftoppm)',
        '  - among others > a group (needs pdftoppm) > one',
        '  - among others > a group (needs pdftoppm) > two',
      ]),
    );
  });

  test('fails if the whole stack is required', async () => {
    const run = await runPlanted('reporter/needs', { ...lacking, REQUIRE_STACK: '1' });
    expect(run.code).toBe(1);
    expect(run.lastLine).toBe('0 passed, 2 failed, 0 skipped');
  });

  test('runs if the machine has the part', async () => {
    const folder = join(await scratchFolder(), 'bin');
    mkdirSync(folder);
    symlinkSync(process.execPath, join(folder, 'pdftoppm'));
    const run = await runPlanted('reporter/needs', { PATH: folder });
    expect(run.lastLine).toBe('3 passed, 0 failed, 0 skipped');
  });
});
