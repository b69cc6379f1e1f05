import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { keepTicksQuick } from '../../server/src/platform/ticks.ts';
import { startRedisServer } from '../support/redis-servers.ts';
import { measureBare } from './bare.ts';
import { describeMachine } from './machine.ts';
import { rounded } from './measure.ts';
import { roomSettings } from './room.ts';
import { runS1, s1Size } from './s1.ts';
import { runS2, s2Size } from './s2.ts';
import { runS2b, s2bSize } from './s2b.ts';
import { runS3, s3Size } from './s3.ts';
import { runS4, runS4Ungrouped, s4Size } from './s4.ts';
import { openTestServer, type TestServer } from './test-server.ts';

const help = `npm run bench -- [options]: measure this machine against a bare node:http server

  --only S1,S2     only these scenarios (default: S1 S2 S2b S3 S4)
  --store redis    keep waiting rooms in a Redis started for the run (default: embedded)
  --json           one JSON object per scenario and line on stdout, progress on stderr
  --profile DIR    write a CPU profile of each server, from its start, to DIR

Each scenario has a separate server and database, with fsync on. The load generator, the server, the
database and the payment sandbox share the cores of this machine. Results: bench-results/.
Exit codes: 0 all invariants held, 1 failed, 2 usage error, 3 an invariant was broken.
`;

// The generator's requests use ticks, too, and the bare server is measured before a quiet moment.
keepTicksQuick();
const resultsDir = fileURLToPath(new URL('../../bench-results/', import.meta.url));
const bareStepSeconds = 2;
/** Each unanswered payment occupies a connection for 8 s. */
const buyers = { people: 50_000, connectionsMax: 1024 };

type Bare = Awaited<ReturnType<typeof measureBare>>;
type Result = Record<string, unknown> & {
  scenario: string;
  throughputPerS: number;
  requestsPerOp: number;
  invariantViolations: number;
};
type Say = (line: string) => void;

type Settings = Readonly<Record<string, string>>;
/** `redisFolder`: the folder for a second Redis; null if the run has none. */
type Given = { profileDir: string | undefined; settings: Settings; redisFolder: string | null };

/** A server for this scenario alone, profiled on request. */
const withTestServer = async (
  { profileDir, settings }: Given,
  run: (target: TestServer) => Promise<Result>,
  more: { people: number; connectionsMax?: number } = { people: 0 },
): Promise<Result> => {
  const profiled = profileDir === undefined ? {} : { cpuProfileDir: profileDir };
  const target = await openTestServer({ settings, ...more, ...profiled });
  return run(target).finally(target.close);
};
const withRooms = (given: Given): Given => ({
  ...given,
  settings: { ...given.settings, ...roomSettings },
});

const scenarios: Record<string, (say: Say, given: Given) => Promise<Result>> = {
  S1: (say, given) =>
    withTestServer(withRooms(given), (target) => runS1(target, s1Size, given.redisFolder, say)),
  S2: (say, given) => withTestServer(withRooms(given), (target) => runS2(target, s2Size, say)),
  S2b: (say, given) => withTestServer(withRooms(given), (target) => runS2b(target, s2bSize, say)),
  S3: (say, given) => withTestServer(given, (target) => runS3(target, s3Size, say), buyers),
  S4: async (say, given) => {
    const grouped = await withTestServer(given, (target) => runS4(target, s4Size, say), buyers);
    say('S4 again with group commit off (BATCH_SIZE_MAX=1)');
    const settings = { BATCH_SIZE_MAX: '1' };
    const plain = await openTestServer({ ...buyers, settings });
    const ungrouped = await runS4Ungrouped(plain, s4Size, say).finally(plain.close);
    return {
      ...grouped,
      groupCommitOff: ungrouped,
      invariantViolations: grouped.invariantViolations + ungrouped.invariantViolations,
    };
  },
};

const withRatio = (result: Result, bare: Bare): Result => ({
  ...result,
  // Compare requests with requests: a purchase is three of them.
  ratioToBareHttp: rounded((result.throughputPerS * result.requestsPerOp) / bare.perS, 3),
  bareHttpPerS: rounded(bare.perS, 0),
});

const columns = [
  'scenario',
  'store',
  'throughputPerS',
  'p50Ms',
  'p99Ms',
  'p999Ms',
  'ratioToBareHttp',
  'cpuMicrosPerOp',
  'redisTripsPerOp',
  'dbCommitsPerOp',
  'invariantViolations',
];

const renderTable = (results: readonly Result[]): string => {
  const rows = [columns, ...results.map((result) => columns.map((name) => String(result[name])))];
  const widths = columns.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  const lineOf = (row: readonly string[]): string =>
    `  ${row.map((cell, at) => cell.padStart(widths[at] ?? 0)).join('  ')}\n`;
  return rows.map(lineOf).join('');
};

/** The settings that pick the store of the waiting rooms; a Redis is started for the run. */
const openStores = async (store: 'embedded' | 'redis') => {
  if (store === 'embedded')
    return { settings: {}, redisFolder: null, close: async () => undefined };
  const folder = mkdtempSync(join(tmpdir(), 'usher-bench-redis-'));
  const server = await startRedisServer({ folder });
  return {
    settings: { REDIS_URL: server.url },
    redisFolder: join(folder, 'second'),
    close: async () => {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

const main = async (): Promise<number> => {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', default: Object.keys(scenarios).join() },
      store: { type: 'string', default: 'embedded' },
      json: { type: 'boolean', default: false },
      profile: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  const names = values.only.split(',').map((name) => name.trim());
  const unknown = names.filter((name) => !Object.hasOwn(scenarios, name));
  if (unknown.length > 0) {
    const known = Object.keys(scenarios).join(', ');
    process.stderr.write(`there is no scenario ${unknown.join(', ')}; there are ${known}\n`);
    return 2;
  }
  if (values.store !== 'embedded' && values.store !== 'redis') {
    process.stderr.write(`there is no store ${values.store}; there are embedded, redis\n`);
    return 2;
  }
  const say: Say = (line) => void process.stderr.write(`  ${line}\n`);
  const machine = describeMachine();
  const bare = await measureBare(bareStepSeconds);
  say(`bare node:http: ${bare.perS.toFixed(0)} requests/s, p99 ${bare.p99Ms.toFixed(1)} ms`);
  const stores = await openStores(values.store);
  const { settings, redisFolder } = stores;
  const given = { profileDir: values.profile, settings, redisFolder };
  const results: Result[] = [];
  try {
    for (const name of names) {
      const run = scenarios[name];
      if (run === undefined) continue;
      const result = withRatio(await run(say, given), bare);
      results.push(result);
      if (values.json) process.stdout.write(`${JSON.stringify(result)}\n`);
    }
  } finally {
    await stores.close();
  }
  const at = new Date().toISOString();
  mkdirSync(resultsDir, { recursive: true });
  const file = join(resultsDir, `${at.replaceAll(':', '-')}.json`);
  writeFileSync(file, `${JSON.stringify({ at, machine, bare, results }, null, 2)}\n`);
  if (!values.json) process.stdout.write(`\n${renderTable(results)}\n  ${file}\n`);
  return results.some(({ invariantViolations }) => invariantViolations > 0) ? 3 : 0;
};

try {
  process.exitCode = await main();
} catch (error) {
  const isWording =
    error instanceof TypeError &&
    'code' in error &&
    String(error.code).startsWith('ERR_PARSE_ARGS');
  const text = error instanceof Error && !isWording ? error.stack : error;
  process.stderr.write(`${text}\n`);
  process.exitCode = isWording ? 2 : 1;
}
