import {
  cancelOrder,
  listOrders,
  placeOrder,
  readOrder,
  readOrderByLink,
} from '@usher/contract/orders.ts';
import { idOf } from '@usher/contract/primitives.ts';
import { z } from 'zod';
import { decodeCursor, encodeCursor, instantMs } from '../../platform/http/cursor.ts';
import { refuse } from '../../platform/http/problem.ts';
import {
  answer,
  type Route,
  type RouteRequest,
  repeatHeaders,
  route,
} from '../../platform/http/route.ts';
import type { Ids } from '../../platform/ids.ts';
import type { OrdersSeats } from './service.place.ts';
import type { Orders } from './service.ts';

/** The end of a page: the last order's creation time and its id. */
const afterOrder = z.tuple([instantMs, idOf('order')]);

export const ordersRoutes = (deps: {
  orders: Orders;
  seats: Pick<OrdersSeats, 'holdFacts'>;
  ids: Ids;
}): Route[] => {
  const { orders, seats, ids } = deps;
  /**
   * The same key names the same order, even if the first response was lost, and
   * whatever hold it is sent with: another one is refused.
   */
  const makeIds = ({ caller, idempotencyKey }: RouteRequest<typeof placeOrder>) => ({
    orderId: ids.fromParts('order', caller.accountId, idempotencyKey),
  });
  return [
    route(
      placeOrder,
      async (call) => {
        const result = await orders.place({
          ...makeIds(call),
          holdId: call.body.holdId,
          buyerId: call.caller.accountId,
          requestId: call.traceId,
        });
        switch (result.outcome) {
          case 'reused':
            return refuse('IDEMPOTENCY_KEY_REUSED');
          case 'not-found':
            return refuse('NOT_FOUND');
          case 'ended':
            return refuse('HOLD_ENDED');
          case 'has-order':
            return refuse('HOLD_HAS_ORDER', { extra: { orderId: result.orderId } });
          case 'placed':
            return answer(
              201,
              { order: result.order, checkout: result.checkout },
              result.isRepeat ? repeatHeaders : {},
            );
        }
      },
      {
        passFor: async ({ body, caller }) => {
          const hold = await seats.holdFacts(body.holdId, caller.accountId);
          return hold === null ? null : { showId: hold.showId, heldAtMs: hold.takenAtMs };
        },
        isRepeat: async (call) => (await orders.readBuyer(makeIds(call).orderId)) !== null,
      },
    ),

    route(listOrders, async ({ query, caller }) => {
      const cursor = decodeCursor(query.cursor, afterOrder);
      if ('refusal' in cursor) return cursor.refusal;
      const { after } = cursor;
      const items = await orders.list({
        buyerId: caller.accountId,
        from: query.from === undefined ? null : new Date(query.from),
        to: query.to === undefined ? null : new Date(query.to),
        after: after === null ? null : { createdAt: new Date(after[0]), id: after[1] },
        limit: query.limit + 1,
      });
      const page = items.slice(0, query.limit);
      const last = page.at(-1);
      const nextCursor =
        items.length > query.limit && last !== undefined
          ? encodeCursor([Date.parse(last.createdAt), last.id])
          : null;
      return answer(200, { items: page, nextCursor });
    }),

    route(readOrder, async ({ params, caller }) => {
      const order = await orders.readOwn(params.orderId, caller.accountId);
      return order === null ? refuse('NOT_FOUND') : answer(200, order);
    }),

    route(cancelOrder, async ({ params, caller, traceId }) => {
      const outcome = await orders.cancel(params.orderId, caller.accountId, traceId);
      if (outcome === 'not-found') return refuse('NOT_FOUND');
      const order = await orders.readOwn(params.orderId, caller.accountId);
      if (order === null) return refuse('NOT_FOUND');
      if (outcome === 'cancelled' || order.state === 'CANCELLED') return answer(200, order);
      return refuse('ORDER_NOT_CANCELLABLE', { extra: { state: order.state } });
    }),

    route(readOrderByLink, async ({ params }) => {
      const order = await orders.readByLink(params.linkToken);
      return order === null ? refuse('NOT_FOUND') : answer(200, order);
    }),
  ];
};
