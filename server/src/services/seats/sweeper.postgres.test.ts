import { openBooking } from '@usher/tests/support/booking.ts';
import { makeTestDatabase } from '@usher/tests/support/postgres.ts';
import { expect, test } from 'vitest';
import { checkInvariants } from '../../invariants.ts';
import { makeSeatStore } from './store.ts';

const roundMax = 100;

/** A sale, and a sweeper that was last there an hour ago. */
const openSweeper = async () => {
  const { url } = await makeTestDatabase();
  const b = await openBooking({ url });
  await b.db.query(`UPDATE seats.sweeper SET swept_until = clock_timestamp() - interval '1 hour'`);
  const hold = async (seatNo: number, program = b): Promise<string> => {
    const holdId = b.ids.make('hold');
    await program.takeSeats(b.ids.make('account'), [seatNo], holdId);
    return holdId;
  };
  /** Both as if the hold had been taken so much longer ago. */
  const setDue = async (holdId: string, due: string, deadline: string): Promise<void> => {
    await b.db.query(
      `UPDATE seats.holds SET due = clock_timestamp() + $2::interval,
         deadline = clock_timestamp() + $3::interval WHERE id = $1`,
      [holdId, due, deadline],
    );
  };
  const sweep = async (holdsMax = roundMax): Promise<number> =>
    (await makeSeatStore(b.db).lapse(holdsMax)).lapsed;
  return { url, b, hold, setDue, sweep };
};

test('a hold that lapses alone is swept, whatever is held', async () => {
  const { b, hold, setDue, sweep } = await openSweeper();
  await setDue(await hold(0), '-1 min', '-1 min');
  expect(await sweep()).toBe(1);
  await setDue(await hold(1), '-1 s', '-1 s');
  await hold(2);
  expect(await sweep()).toBe(1);
  expect((await checkInvariants(b.db)).violations).toEqual([]);
});

test('a sweep does not wait for a locked performance, and comes back to it', async () => {
  const { url, b, hold, setDue, sweep } = await openSweeper();
  const other = await openBooking({ url });
  await setDue(await hold(0), '-2 min', '-2 min');
  // Its time has been restarted, and its buyer is just doing something with it.
  await setDue(await hold(1), '-3 min', '1 min');
  await setDue(await hold(0, other), '-1 min', '-1 min');
  await b.db.transaction(async (tx) => {
    await tx.query('SELECT FROM seats.stock WHERE performance_id = $1 FOR UPDATE', [
      b.performanceId,
    ]);
    await tx.query(
      `SELECT FROM seats.holds h JOIN seats.stock s ON s.no = h.stock_no
       WHERE s.performance_id = $1 FOR UPDATE OF h`,
      [b.performanceId],
    );
    expect(await sweep()).toBe(1);
  });
  expect(await sweep()).toBe(1);
  expect((await checkInvariants(b.db)).violations).toEqual([]);
});

test('a hold whose time was restarted is due again at its new deadline', async () => {
  const { b, hold, setDue, sweep } = await openSweeper();
  const holdId = await hold(0);
  await setDue(holdId, '-1 min', '1 min');
  expect(await sweep()).toBe(0);
  const rows = await b.db.query(
    `SELECT state, due = deadline AS "isDueAtDeadline" FROM seats.holds WHERE id = $1`,
    [holdId],
  );
  expect(rows).toEqual([{ state: 'ACTIVE', isDueAtDeadline: true }]);
  expect((await checkInvariants(b.db)).violations).toEqual([]);
});

test('a round looks at some of the holds, the next ones at the others', async () => {
  const { b, hold, setDue, sweep } = await openSweeper();
  for (const seatNo of [0, 1, 2]) await setDue(await hold(seatNo), '-1 min', '-1 min');
  // All of them are due at the same instant.
  await b.db.query(`UPDATE seats.holds SET due = (SELECT min(due) FROM seats.holds)`);
  const rounds = [await sweep(2), await sweep(2), await sweep(2)];
  expect(rounds).toEqual([2, 1, 0]);
  expect((await checkInvariants(b.db)).violations).toEqual([]);
});
