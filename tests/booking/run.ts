import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { checkInvariants } from '../../server/src/invariants.ts';
import { openEmbeddedPostgres } from '../../server/src/platform/postgres/embedded.ts';
import { migrate } from '../../server/src/platform/postgres/migrate.ts';
import { stateMachines } from '../../server/src/state-machines.ts';
import { silentLog } from '../support/log.ts';
import { openPlays } from './database.ts';
import { type History, makeHistory, togetherShare } from './history.ts';
import { playAll } from './play.ts';

const help = `node tests/booking/run.ts [options]: random histories of booking, decided by the
database and by the model in tests/booking/model.ts

  --histories N   how many (default 1000)
  --seed N        the seed of the first one; each next one has the next number (default 1)
  --together      a third of the steps are two at the same time, on two connections
  --url URL       an empty database to use (default: an embedded PostgreSQL without fsync)

Stops at the first difference and prints its seed and the shortest history that shows it.
Exit codes: 0 no difference, 1 failed, 2 usage error, 3 a difference or a broken guarantee.
`;

/** After so many histories a line says how far the run is. */
const reportEvery = 500;

const openServer = async (given: string | undefined) => {
  if (given !== undefined) return { url: given, stop: async () => undefined };
  const dataDir = await mkdtemp(join(tmpdir(), 'usher-histories-'));
  // As root, PostgreSQL runs as somebody else.
  await chmod(dataDir, 0o711);
  const settings = { fsync: 'off', full_page_writes: 'off' };
  const server = await openEmbeddedPostgres({ dataDir, log: silentLog, settings });
  return {
    url: server.url,
    stop: async () => {
      await server.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
};

function* listHistories(first: number, count: number, isTogether: boolean) {
  for (let played = 0; played < count; played++) {
    if (played > 0 && played % reportEvery === 0) process.stderr.write(`  ${played} histories\n`);
    yield makeHistory(first + played, isTogether ? togetherShare : 0);
  }
}

/** Why the number cannot be used is said by null. */
const readCount = (text: string): number | null => {
  const count = Number(text);
  return Number.isSafeInteger(count) && count >= 0 ? count : null;
};

/** Prints how often each outcome was told, and what is wrong. */
const play = async (url: string, histories: Iterable<History>): Promise<number> => {
  const plays = await openPlays(url);
  try {
    const tally = new Map<string, number>();
    const fault = await playAll(plays, histories, (step, results) => {
      for (const { outcome } of results) {
        const key = `${step.kind} ${outcome}`;
        tally.set(key, (tally.get(key) ?? 0) + 1);
      }
    });
    const { violations } = await checkInvariants(plays.db);
    for (const [key, count] of [...tally].sort()) process.stdout.write(`${count}\t${key}\n`);
    for (const violation of violations) process.stdout.write(`${JSON.stringify(violation)}\n`);
    process.stdout.write(`${fault ?? 'no difference'}\n`);
    return fault === null && violations.length === 0 ? 0 : 3;
  } finally {
    await plays.close();
  }
};

const main = async (): Promise<number> => {
  const { values } = parseArgs({
    options: {
      histories: { type: 'string', default: '1000' },
      seed: { type: 'string', default: '1' },
      together: { type: 'boolean', default: false },
      url: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  const histories = readCount(values.histories);
  const seed = readCount(values.seed);
  if (histories === null || seed === null) {
    process.stderr.write('--histories and --seed are whole numbers\n');
    return 2;
  }
  const server = await openServer(values.url);
  try {
    await migrate({ url: server.url, log: silentLog, machines: stateMachines });
    return await play(server.url, listHistories(seed, histories, values.together));
  } finally {
    await server.stop();
  }
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
