import { makeLog } from '../platform/log.ts';
import { migrate } from '../platform/postgres/migrate.ts';
import { processPort } from '../platform/process.ts';
import { stateMachines } from '../state-machines.ts';
import { configOrFaults } from './check-config.ts';
import { type Command, refuseWords } from './command.ts';
import { openSurroundings } from './surroundings.ts';

const help = `usher migrate: migrate the database to this version

Uses DATABASE_URL, or the embedded database if it is not set. It may be run again, and by several
processes at once.

Exit codes: 0 the database is up to date, 1 failed, 2 usage error.
`;

const run = async (argv: string[]): Promise<number> => {
  refuseWords(argv);
  const config = configOrFaults();
  if (config === null) return 1;
  const log = makeLog({ level: config.LOG_LEVEL, service: 'usher' });
  const surroundings = await openSurroundings(config, log);
  try {
    await migrate({ url: surroundings.databaseUrl, log, machines: stateMachines });
  } finally {
    await surroundings.close();
  }
  processPort.print('the database is up to date\n');
  return 0;
};

export const migrateCommand: Command = { help, run };
