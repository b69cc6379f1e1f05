import { makeTestDatabase } from '@usher/tests/support/postgres.ts';
import { promiseBus } from './bus.contract.ts';
import { makeMemoryBus } from './bus.memory.ts';

promiseBus('the bus within one process', {
  makeDatabase: makeTestDatabase,
  openBus: makeMemoryBus,
});
