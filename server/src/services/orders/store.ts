import type { LadderName } from '@usher/domain/fee-ladder.ts';
import type { SeatView } from '@usher/domain/layout.ts';
import type { OrderState } from '@usher/domain/order-states.ts';
import { callFunction, milliseconds } from '../../platform/postgres/batch.ts';
import type { Database } from '../../platform/postgres/sql.ts';
import type { Deltas } from '../seats/index.ts';

export type OrderItem = {
  seatNo: number;
  grade: string;
  seat: SeatView;
  priceMinor: number;
  feeMinor: number;
};

export type PlaceRequest = {
  orderId: string;
  holdId: string;
  buyerId: string;
  showId: string;
  performanceId: string;
  items: readonly OrderItem[];
  /** By which the grades of the items were looked up. */
  paintingVersion: string;
  totalMinor: number;
  currency: 'KRW';
  category: string;
  ladder: string;
  requestId: string;
};
export type PlaceResult =
  /** `isRepeat`: placed by an earlier request with the same id; it may have changed since. */
  | { outcome: 'placed'; isRepeat: boolean; deadlineAt: Date; createdAt: Date }
  | { outcome: 'not-found' | 'ended' | 'seats-differ' }
  /** The id has an order of another hold. */
  | { outcome: 'reused' }
  /** The seats were priced by another painting than the one that their hold was taken by. */
  | { outcome: 'repainted' }
  | { outcome: 'has-order'; openOrder: string | null };

type PlacedRow = {
  outcome: PlaceResult['outcome'] | 'repeated';
  deadline: string;
  createdAt: string;
  openOrder: string | null;
};
const readPlaced = ({ outcome, deadline, createdAt, openOrder }: PlacedRow): PlaceResult => {
  if (outcome === 'has-order') return { outcome, openOrder };
  if (outcome !== 'placed' && outcome !== 'repeated') return { outcome };
  return {
    outcome: 'placed',
    isRepeat: outcome === 'repeated',
    deadlineAt: new Date(deadline),
    createdAt: new Date(createdAt),
  };
};

/** As sql/place.sql expects it. Items are kept in the order of their seats. */
export const writePlace = ({ items, ...request }: PlaceRequest) => ({
  ...request,
  seatNos: items.map((item) => item.seatNo),
  items: items.toSorted((a, b) => a.seatNo - b.seatNo),
});

/** What sql/place.sql answers. */
export type PlaceAnswer = { readonly results: readonly PlacedRow[] };

/** The call of orders in the cycle of the process; its rank is explained in seats/store.ts. */
export const placeKind = {
  name: 'place-orders',
  functionName: 'orders.place',
  rank: 20,
  encode: (calls: readonly PlaceRequest[]): readonly unknown[] => calls.map(writePlace),
  decode: readPlaced,
};

export type OrderRow = {
  id: string;
  showId: string;
  performanceId: string;
  buyerId: string;
  holdId: string;
  state: OrderState;
  totalMinor: number;
  currency: 'KRW';
  ladder: LadderName;
  deadlineAt: Date;
  createdAt: Date;
  paidAt: Date | null;
  failureCode: string | null;
  /** The number of the attempt that may be paid. */
  attemptNo: number;
  items: OrderItem[];
};

type Row = {
  id: string;
  show_id: string;
  performance_id: string;
  buyer_id: string;
  hold_id: string;
  state: OrderState;
  total_minor: number;
  currency: 'KRW';
  ladder: OrderRow['ladder'];
  deadline: Date;
  created_at: Date;
  paid_at: Date | null;
  failure_code: string | null;
  attempt_no: number;
  items: OrderItem[];
};
const toOrder = (row: Row): OrderRow => ({
  id: row.id,
  showId: row.show_id,
  performanceId: row.performance_id,
  buyerId: row.buyer_id,
  holdId: row.hold_id,
  state: row.state,
  totalMinor: row.total_minor,
  currency: row.currency,
  ladder: row.ladder,
  deadlineAt: row.deadline,
  createdAt: row.created_at,
  paidAt: row.paid_at,
  failureCode: row.failure_code,
  attemptNo: row.attempt_no,
  items: row.items,
});
const selectOrders = `
  SELECT o.id, o.show_id, o.performance_id, o.buyer_id, o.hold_id, o.state, o.total_minor,
    o.currency, o.ladder, o.deadline, o.created_at, o.paid_at, o.failure_code, o.attempt_no,
    o.items
  FROM orders.orders o`;

export const makeOrderStore = (db: Database) => ({
  /** One statement for a batch; see sql/place.sql. */
  place: async (requests: readonly PlaceRequest[], ttlMs: number): Promise<PlaceResult[]> => {
    const { results } = await callFunction<PlaceAnswer>(db, 'orders.place', {
      calls: JSON.stringify(requests.map(writePlace)),
      ttl: milliseconds(ttlMs),
    });
    return results.map(readPlaced);
  },

  cancel: (
    orderId: string,
    buyerId: string,
    requestId: string,
  ): Promise<{ outcome: 'cancelled' | 'not-found' | 'not-cancellable'; deltas: Deltas }> =>
    callFunction(db, 'orders.cancel', {
      order_to_cancel: orderId,
      buyer: buyerId,
      request: requestId,
    }),

  /** In the order of the ids; null for those that do not exist. */
  read: async (orderIds: readonly string[]): Promise<(OrderRow | null)[]> => {
    const found = await db.query<Row>(`${selectOrders} WHERE o.id = ANY ($1)`, [orderIds]);
    const orders = new Map(found.map((row) => [row.id, toOrder(row)]));
    return orderIds.map((id) => orders.get(id) ?? null);
  },

  /** A buyer's orders, newest first, after the one with the given instant and id. */
  list: async (query: {
    buyerId: string;
    from: Date | null;
    to: Date | null;
    after: { createdAt: Date; id: string } | null;
    limit: number;
  }): Promise<OrderRow[]> => {
    const found = await db.query<Row>(
      `${selectOrders}
       WHERE o.buyer_id = $1
         AND ($2::timestamptz IS NULL OR o.created_at >= $2)
         AND ($3::timestamptz IS NULL OR o.created_at < $3)
         AND ($4::timestamptz IS NULL
           OR (date_trunc('milliseconds', o.created_at), o.id) < ($4, $5))
       ORDER BY date_trunc('milliseconds', o.created_at) DESC, o.id DESC LIMIT $6`,
      [
        query.buyerId,
        query.from,
        query.to,
        query.after?.createdAt ?? null,
        query.after?.id ?? null,
        query.limit,
      ],
    );
    return found.map(toOrder);
  },
});
export type OrderStore = ReturnType<typeof makeOrderStore>;
