import pg from 'pg';
import { afterThisFile } from './after-file.ts';
import { until } from './until.ts';

/** A number that the program does not use for an advisory lock. */
const gateLock = 4_017;

/**
 * A gate inside the database: statements that run `passSql` (PL/pgSQL) wait at it until `open`, so
 * that a test knows how many wait at one point at the same time.
 */
export const makeSqlGate = async (url: string) => {
  const keeper = new pg.Client({ connectionString: url });
  await keeper.connect();
  afterThisFile(() => keeper.end());
  await keeper.query('SELECT pg_advisory_lock($1)', [gateLock]);
  const untilWaiting = async (count: number): Promise<void> => {
    await until(`${count} statements wait at the gate`, async () => {
      const { rowCount } = await keeper.query(
        `SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = $1 AND NOT granted
           AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
        [gateLock],
      );
      return (rowCount ?? 0) >= count;
    });
  };
  return {
    // They wait for the test, not for a row, so the program's lock timeout must not apply.
    passSql: `PERFORM set_config('lock_timeout', '0', true);
      PERFORM pg_advisory_xact_lock_shared(${gateLock});`,
    /** Resolves when so many statements wait at the gate. */
    untilWaiting,
    /** Opens the gate for good, once so many statements wait at it. */
    openWhenWaiting: async (count: number): Promise<void> => {
      await untilWaiting(count);
      await keeper.query('SELECT pg_advisory_unlock($1)', [gateLock]);
    },
  };
};
