import { openBooking } from '@usher/tests/support/booking.ts';
import { silentLog } from '@usher/tests/support/log.ts';
import { makeTestDatabase } from '@usher/tests/support/postgres.ts';
import { rewindBefore } from '@usher/tests/support/rewind.ts';
import { expect, test } from 'vitest';
import { checkInvariants } from '../../invariants.ts';
import { migrate } from '../../platform/postgres/migrate.ts';
import { stateMachines } from '../../state-machines.ts';

test('a migrated database knows how many seats were taken, and counts on from there', async () => {
  const { url } = await makeTestDatabase();
  const b = await openBooking({ url });
  const paid = await b.order('acc_paid', [0, 1]);
  await b.pay('acc_paid', paid.attemptId, paid.total);
  await b.takeSeats('acc_holds', [2, 3]);
  await rewindBefore(b.db, '000011_seats_taken');

  await migrate({ url, log: silentLog, machines: stateMachines });
  const taken = () => b.db.query('SELECT taken FROM seats.stock WHERE taken > 0');
  expect(await taken()).toEqual([{ taken: 4 }]);
  await b.takeSeats('acc_late', [4]);
  expect(await taken()).toEqual([{ taken: 5 }]);
  expect((await checkInvariants(b.db)).violations).toEqual([]);
});
