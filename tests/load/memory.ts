import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { makeHttpClient } from '@usher/stampede/http.ts';
import { openScratchServer } from '../../server/src/commands/scratch-server.ts';
import { systemClock } from '../../server/src/platform/clock.ts';
import { silentLog } from '../../server/src/platform/log.ts';
import { openDatabase } from '../../server/src/platform/postgres/sql.ts';
import { until } from '../support/until.ts';
import { type ProcessKind, readCpu, readMemory } from './machine.ts';
import { isDemoOver } from './test-server.ts';

const help = `npm run memory -- [options]: what a first start holds when it is at rest

  --json           one JSON object on stdout
  --node-arg ARG   a flag for the server's Node, to compare; may be given many times

Starts the whole program on a data folder of its own, waits until the demo is sold, its mails are
sent and no process uses the processor, and adds up the proportional set size (PSS) of the server,
its PostgreSQL and the payment sandbox from /proc. Linux only.
Exit codes: 0 measured, 1 failed, 2 usage error.
`;

/** The demo's mails carry PDFs, which take a minute of a busy machine to draw. */
const demoMaxMs = 600_000;
/**
 * At rest: 90 s in which all processes together use less than 5 % of a core. In a minute the
 * connections of the rush are closed, and the memory keeper has looked.
 */
const restMs = 90_000;
const restCpuS = (restMs / 1000) * 0.05;
const restMaxMs = 900_000;

const cpuOf = (serverPid: number): number => {
  const { generator: _, ...ours } = readCpu(serverPid);
  return Object.values(ours).reduce((sum, seconds) => sum + seconds, 0);
};

/** Resolves when the processes have been nearly idle for `restMs`. */
const untilAtRest = async (serverPid: number): Promise<void> => {
  const deadlineMs = performance.now() + restMaxMs;
  for (let before = cpuOf(serverPid); ; ) {
    await sleep(restMs);
    const now = cpuOf(serverPid);
    if (now - before < restCpuS) return;
    if (performance.now() > deadlineMs) throw new Error(`not at rest after ${restMaxMs / 1000} s`);
    before = now;
  }
};

const measure = async (nodeArgs: readonly string[]) => {
  const clock = systemClock;
  const http = makeHttpClient(1);
  const server = await openScratchServer({
    http,
    clock,
    nodeArgs,
    signal: new AbortController().signal,
    pid: process.pid,
    execPath: process.execPath,
    env: process.env,
    settings: {},
  });
  try {
    const url = await server.databaseUrl();
    const db = openDatabase({ url, name: 'memory', log: silentLog, poolMax: 1 });
    await until('the demo is sold and its mails are sent', () => isDemoOver(db), demoMaxMs);
    // Its connection is a PostgreSQL process, which must not be counted.
    await db.close();
    await untilAtRest(server.pid);
    return readMemory(server.pid);
  } finally {
    await http.close();
    await server.stop();
  }
};

const toMb = (bytes: number): number => Math.round(bytes / 1e5) / 10;

const main = async (): Promise<number> => {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      'node-arg': { type: 'string', multiple: true, default: [] },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  const memory = await measure(values['node-arg']);
  const kinds: ProcessKind[] = ['server', 'postgres', 'sandbox'];
  const megabytes = Object.fromEntries(kinds.map((kind) => [kind, toMb(memory[kind])]));
  const sum = toMb(kinds.reduce((total, kind) => total + memory[kind], 0));
  if (values.json) process.stdout.write(`${JSON.stringify({ ...megabytes, sum })}\n`);
  else {
    for (const kind of kinds) process.stdout.write(`  ${kind.padEnd(10)} ${megabytes[kind]} MB\n`);
    process.stdout.write(`  ${'together'.padEnd(10)} ${sum} MB\n`);
  }
  return 0;
};

try {
  process.exitCode = await main();
} catch (error) {
  const isUsage =
    error instanceof TypeError &&
    'code' in error &&
    String(error.code).startsWith('ERR_PARSE_ARGS');
  process.stderr.write(`${error instanceof Error && !isUsage ? error.stack : error}\n`);
  process.exitCode = isUsage ? 2 : 1;
}
