import { checkInvariants } from '../../server/src/invariants.ts';
import { type Database, openDatabase } from '../../server/src/platform/postgres/sql.ts';
import { silentLog } from './log.ts';
import type { TestSandbox } from './sandbox.ts';
import { until } from './until.ts';

/** The work still in progress in a database; all zero when everything has finished. */
export const openEnds = async (db: Database): Promise<Record<string, number>> => {
  const [row] = await db.query<Record<string, number>>(
    `SELECT
       (SELECT count(*) FROM seats.holds WHERE state IN ('ACTIVE', 'PAYING')) AS holds,
       (SELECT count(*) FROM orders.orders
        WHERE state IN ('PENDING', 'PAYING', 'UNKNOWN')) AS orders,
       (SELECT count(*) FROM payments.attempts
        WHERE state IN ('SENT', 'ANSWERED')) AS attempts,
       (SELECT count(*) FROM platform.waiting_events) AS events`,
  );
  return row ?? {};
};

/** Waits until no work is in progress; after the limit it throws with what still is. */
export const settled = async (db: Database, limitMs: number): Promise<void> => {
  let left = '';
  await until(
    'everything has finished',
    async () => {
      const ends = await openEnds(db);
      left = JSON.stringify(ends);
      return Object.values(ends).every((count) => count === 0);
    },
    limitMs,
  ).catch((error: unknown) => {
    throw new Error(`still under way: ${left}`, { cause: error });
  });
};

/** Money by attempt: ours, and the provider's, which is the truth. */
export const money = async (db: Database, sandbox: TestSandbox) => {
  const rows = await db.query<{ attempt_id: string; net: number }>(
    `SELECT attempt_id, sum(CASE kind WHEN 'CAPTURE' THEN amount_minor
       ELSE -amount_minor END)::bigint AS net FROM payments.ledger
     GROUP BY attempt_id ORDER BY attempt_id`,
  );
  const theirs = [...(await sandbox.money())].filter(([, net]) => net !== 0).sort();
  return { ours: rows.map(({ attempt_id, net }) => [attempt_id, net]), theirs };
};

export const openAftermath = (url: string): Database =>
  openDatabase({ url, name: 'test', log: silentLog, poolMax: 2 });

export const violationsIn = async (db: Database) => {
  const { checked, violations } = await checkInvariants(db);
  if (checked.length < 8) throw new Error(`only ${checked.join(', ')} were checked`);
  return violations;
};
