import type { Order } from '@usher/contract/orders.ts';
import { readOrder } from '@usher/contract/orders.ts';
import { readSeats } from '@usher/contract/seats.ts';
import { listTickets } from '@usher/contract/tickets.ts';
import { seatState, seatStateAt } from '@usher/domain/seat-bits.ts';
import type { Buyer, Crowd, OrderRecord } from './crowd.ts';
import { inParallel } from './parallel.ts';
import { makePerson } from './person.ts';
import type { Provider } from './provider.ts';

/** A promise that the buyers can check without the database. */
export type Check = { id: string; promise: string; breaches: string[] };

/** What the server says about an order at the end. */
export type FinalOrder = {
  buyer: number;
  record: OrderRecord;
  state: Order['state'];
  seatNos: number[];
  tickets: { id: string; seatNo: number; isLive: boolean }[];
};

const readersAtOnce = 32;
const unsettled: ReadonlySet<Order['state']> = new Set(['PAYING', 'UNKNOWN']);

/** Reads every order of the run once more. Throws if the server does not respond. */
export const readFinalOrders = async (
  crowd: Crowd,
  buyers: readonly Buyer[],
  onRead: () => void,
): Promise<FinalOrder[]> => {
  const owned = buyers.flatMap((buyer) => buyer.orders.map((record) => ({ buyer, record })));
  return inParallel(owned, readersAtOnce, async ({ buyer, record }) => {
    const person = makePerson(crowd, buyer, crowd.clock.monotonicMs());
    const params = { orderId: record.orderId };
    const order = await person.click(readOrder, { params }, { step: null });
    const tickets = await person.click(listTickets, { params }, { step: null });
    if (order.outcome !== 'answer' || tickets.outcome !== 'answer')
      throw new Error(`order ${record.orderId} could not be read at the end`);
    onRead();
    return {
      buyer: buyer.index,
      record,
      state: order.body.state,
      seatNos: order.body.items.map(({ seat }) => seat.seatNo),
      tickets: tickets.body.items.map(({ id, seat, state }) => ({
        id,
        seatNo: seat.seatNo,
        isLive: state === 'LIVE',
      })),
    };
  });
};

/** Seats for which people hold more than one live ticket. */
export const doubleSold = (orders: readonly FinalOrder[]): number[] => {
  const holders = new Map<number, number>();
  for (const ticket of liveTickets(orders))
    holders.set(ticket.seatNo, (holders.get(ticket.seatNo) ?? 0) + 1);
  return [...holders].filter(([, count]) => count > 1).map(([seatNo]) => seatNo);
};

export const liveTickets = (orders: readonly FinalOrder[]) =>
  orders.flatMap(({ tickets }) => tickets.filter(({ isLive }) => isLive));

/** The rules for orders and tickets that buyers can check. */
export const checkOrders = (orders: readonly FinalOrder[]): Check[] => {
  const paid = orders.filter(({ state }) => state === 'PAID');
  const numbers = (list: readonly { seatNo: number }[]): string =>
    list
      .map(({ seatNo }) => seatNo)
      .sort((a, b) => a - b)
      .join();
  return [
    {
      id: 'B1',
      promise: 'no two people hold a ticket for the same seat',
      breaches: doubleSold(orders).map((seatNo) => `seat ${seatNo}`),
    },
    {
      id: 'B2',
      promise: 'a paid order has a live ticket for each of its seats, any other order has none',
      breaches: orders
        .filter(({ state, seatNos, tickets }) => {
          const live = numbers(tickets.filter(({ isLive }) => isLive));
          return live !== (state === 'PAID' ? numbers(seatNos.map((seatNo) => ({ seatNo }))) : '');
        })
        .map(({ record, state }) => `${record.orderId} (${state})`),
    },
    {
      id: 'B3',
      promise: 'an order reported as paid is paid, as failed is not; tickets stay as shown',
      breaches: orders
        .filter(({ record, state, tickets }) => {
          if (record.told === 'no') return state === 'PAID' || unsettled.has(state);
          if (record.told === 'open') return false;
          return state !== 'PAID' || (record.tickets.length > 0 && !isSame(record, tickets));
        })
        .map(({ record, state }) => `${record.orderId}: told ${record.told}, is ${state}`),
    },
    {
      id: 'B4',
      promise: 'nobody has more than one paid order',
      breaches: repeated(paid.map(({ buyer }) => buyer)).map((buyer) => `buyer ${buyer}`),
    },
  ];
};

const isSame = (record: OrderRecord, tickets: FinalOrder['tickets']): boolean =>
  record.tickets
    .map(({ id }) => id)
    .sort()
    .join() ===
  tickets
    .map(({ id }) => id)
    .sort()
    .join();

const repeated = (values: readonly number[]): number[] => [
  ...new Set(values.filter((value, at) => values.indexOf(value) !== at)),
];

/** The public seat map shows exactly the seats with tickets as sold. */
export const checkSeatMap = async (
  crowd: Crowd,
  orders: readonly FinalOrder[],
): Promise<{ check: Check; sold: number; held: number }> => {
  const { performanceId, seatCount } = crowd.sale;
  const read = await crowd.caller.call(
    readSeats,
    { params: { performanceId } },
    { step: null, session: null, fromMs: crowd.clock.monotonicMs(), signal: crowd.signal },
  );
  if (read.outcome !== 'answer' || read.status !== 200)
    throw new Error('the seat map could not be read at the end');
  const ticketed = new Set(liveTickets(orders).map(({ seatNo }) => seatNo));
  const breaches: string[] = [];
  let sold = 0;
  let held = 0;
  for (let seatNo = 0; seatNo < seatCount; seatNo++) {
    const state = seatStateAt(read.body, seatNo);
    if (state === seatState.SOLD) sold += 1;
    if (state === seatState.HELD) held += 1;
    if ((state === seatState.SOLD) !== ticketed.has(seatNo)) breaches.push(`seat ${seatNo}`);
  }
  const promise = 'the seat map shows exactly the seats with tickets as sold';
  return { check: { id: 'B5', promise, breaches }, sold, held };
};

/** The provider took exactly the totals of the paid orders. */
export const checkMoney = (
  money: Awaited<ReturnType<Provider['money']>>,
  orders: readonly FinalOrder[],
): { checks: Check[]; notChecked: string[] } => {
  const promise = 'the provider’s ledger shows exactly the totals of the paid orders';
  if (money.outcome === 'none') return { checks: [], notChecked: [`B6 ${promise}: ${money.why}`] };
  const breaches = orders
    .filter(({ state }) => !unsettled.has(state))
    .flatMap(({ record, state }) => {
      const { attemptIds, orderId, totalMinor } = record;
      const taken = attemptIds.reduce((sum, id) => sum + (money.byAttempt.get(id) ?? 0), 0);
      const due = state === 'PAID' ? totalMinor : 0;
      return taken === due ? [] : [`${orderId} (${state}): took ${taken}, due ${due}`];
    });
  return { checks: [{ id: 'B6', promise, breaches }], notChecked: [] };
};
