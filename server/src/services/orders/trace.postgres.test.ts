import { placeOrder } from '@usher/contract/orders.ts';
import { takeHold } from '@usher/contract/seats.ts';
import { openProgram } from '@usher/tests/support/program.ts';
import { expect, test } from 'vitest';

test('the event of an order carries the trace of the request that placed it', async () => {
  const program = await openProgram();
  const { performanceId } = await program.newSale(program.organiser);
  const { token: as } = await program.newBuyer();
  const hold = await program.must(takeHold, {
    as,
    params: { performanceId },
    body: { seats: [0] },
  });
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
  const headers = { traceparent: `00-${traceId}-00f067aa0ba902b7-01` };
  await program.must(placeOrder, { as, body: { holdId: hold.id }, headers });
  const events = await program.app.db.query(
    "SELECT request_id FROM platform.journal WHERE type = 'order.placed'",
  );
  expect(events).toEqual([{ request_id: traceId }]);
});
