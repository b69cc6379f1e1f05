import type { Consumer } from '../../platform/journal/relay.ts';
import type { Sql } from '../../platform/postgres/sql.ts';
import type { OrderEnd } from './store.postgres.ts';

const ends: Readonly<Record<string, OrderEnd['kind']>> = {
  'order.paid': 'complete',
  'order.failed': 'unpin',
  'order.expired': 'unpin',
  'order.cancelled': 'unpin',
};

/**
 * What happened to an order is noted for the room in the event's transaction, so that it is noted
 * once. The room itself may be kept by another process (store.memory.ts), or be unreachable for a
 * while: any process that can reach it applies the note (jobs.ts).
 */
export const makeOrderEndsConsumer = (
  write: (sql: Sql, ends: readonly OrderEnd[]) => Promise<void>,
): Consumer => ({
  name: 'waiting-room-order-ends',
  types: Object.keys(ends),
  handle: (tx, events) =>
    write(
      tx,
      events.flatMap(({ id, showId, type, payload }) => {
        const kind = ends[type];
        const { orderId, buyerId } = payload as { orderId: string; buyerId: string };
        return kind === undefined ? [] : [{ eventId: id, showId, orderId, buyerId, kind }];
      }),
    ),
});
