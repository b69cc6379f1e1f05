import { makeLog } from '../platform/log.ts';
import { migrate } from '../platform/postgres/migrate.ts';
import { processPort } from '../platform/process.ts';
import { stateMachines } from '../state-machines.ts';
import { configOrFaults } from './check-config.ts';
import { openSurroundings } from './surroundings.ts';

export const runMigrate = async (): Promise<number> => {
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
