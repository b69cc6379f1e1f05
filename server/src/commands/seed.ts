import { parseArgs } from 'node:util';
import { type App, openApp } from '../app.ts';
import { demoAccounts, seedDemo } from '../demo/seed.ts';
import { systemClock } from '../platform/clock.ts';
import { type Log, makeLog } from '../platform/log.ts';
import { migrate } from '../platform/postgres/migrate.ts';
import { processPort } from '../platform/process.ts';
import { configOrFaults } from './check-config.ts';
import { openSurroundings } from './surroundings.ts';

export { demoAccounts };

/** Fills the database with the demo, once; a database that has it is left as it is. */
export const seedOnce = async (app: App, log: Log): Promise<void> => {
  const outcome = await seedDemo({
    identity: app.services.identity,
    venues: app.services.venues,
    catalogue: app.services.catalogue,
    sellAll: app.sellAll,
    nowMs: systemClock.nowMs(),
  });
  log.info({ outcome }, 'demo data');
};
void parseArgs;
void openApp;
void makeLog;
void migrate;
void processPort;
void configOrFaults;
void openSurroundings;
