import { type Order, placeOrder, readOrder } from '@usher/contract/orders.ts';
import { type Checkout, confirmPayment, openAttempt } from '@usher/contract/payments.ts';
import { listTickets } from '@usher/contract/tickets.ts';
import type { Buyer, Crowd, OrderRecord } from './crowd.ts';
import type { Person } from './person.ts';
import type { Hold } from './seeking.ts';
import { endSlot } from './visit.ts';

/** How a purchase ended for the buyer. */
export type PayEnd = 'paid' | 'declined' | 'ended' | 'unknown' | 'closed for good' | 'no answer';
type Try = PayEnd | 'closed' | 'window broken';

/** A declined card, a closed window and a provider that moved; then a person has had enough. */
const roundsMax = 6;
const slowBankMs = 2000;
const lookAgainMs = 500;

/** Orders the seats of a hold and pays, retrying while it is possible, until it is decided. */
export const buy = async (
  crowd: Crowd,
  buyer: Buyer,
  person: Person,
  hold: Hold,
): Promise<PayEnd> => {
  let placed = await place(buyer, person, hold);
  for (let round = 0; typeof placed !== 'string'; round++) {
    const { record, checkout } = placed;
    const tried = await payOnce(crowd, buyer, person, record, checkout, round);
    if (tried === 'paid') await readTickets(person, record);
    if (round + 1 >= roundsMax && tried !== 'paid') return tried === 'unknown' ? tried : 'ended';
    if (tried === 'declined') {
      record.told = 'no';
      placed = await place(buyer, person, hold);
    } else if (tried === 'closed' || tried === 'window broken') {
      placed = await openAgain(person, record);
    } else {
      if (tried === 'ended') record.told = 'no';
      return tried;
    }
  }
  return placed;
};

type Placed = { record: OrderRecord; checkout: Checkout };

const place = async (buyer: Buyer, person: Person, hold: Hold): Promise<Placed | PayEnd> => {
  const placed = await person.click(placeOrder, { body: { holdId: hold.id } }, { step: 'order' });
  if (placed.outcome === 'gave-up') return 'no answer';
  if (placed.outcome === 'refused') return 'ended';
  const { order, checkout } = placed.body;
  const record: OrderRecord = {
    orderId: order.id,
    totalMinor: order.total.amount,
    attemptIds: [checkout.attemptId],
    told: 'open',
    tickets: [],
  };
  buyer.orders.push(record);
  return { record, checkout };
};

const openAgain = async (person: Person, record: OrderRecord): Promise<Placed | PayEnd> => {
  const opened = await person.click(
    openAttempt,
    { params: { orderId: record.orderId } },
    { step: 'open payment again' },
  );
  if (opened.outcome === 'gave-up') return 'no answer';
  if (opened.outcome === 'refused') return 'ended';
  record.attemptIds.push(opened.body.attemptId);
  return { record, checkout: opened.body };
};

/** One visit to the payment window and, if the card was entered, the return from it. */
const payOnce = async (
  crowd: Crowd,
  buyer: Buyer,
  person: Person,
  record: OrderRecord,
  checkout: Checkout,
  round: number,
): Promise<Try> => {
  const whim = round === 0 ? buyer.temper.inWindow : 'pays';
  await person.pause(2000, 10_000);
  if (whim === 'closes it for good') return 'closed for good';
  if (whim === 'closes it') return 'closed';
  const typed = await crowd.provider.authenticate(sandboxOf(checkout), {
    attemptId: checkout.attemptId,
    amountMinor: checkout.amount.amount,
    orderName: checkout.orderName,
    outcome: whim === 'card declined' ? 'decline' : 'approve',
    slowMs: whim === 'slow bank' ? slowBankMs : null,
  });
  if (typed.outcome === 'unreachable') {
    crowd.notes.retried('SANDBOX_UNREACHABLE');
    await person.wait(lookAgainMs);
    return 'window broken';
  }
  await person.wait(0);
  // Once it is paid, the pass has ended.
  endSlot(buyer.visit, crowd.clock.monotonicMs());
  const confirmed = await person.click(
    confirmPayment,
    {
      params: { attemptId: checkout.attemptId },
      body: { paymentKey: typed.paymentKey, amount: checkout.amount.amount },
    },
    { step: 'pay' },
  );
  if (confirmed.outcome === 'gave-up') return 'no answer';
  if (confirmed.outcome === 'answer') {
    if (confirmed.status === 202) return watchOrder(crowd, person, record);
    record.told = 'paid';
    return 'paid';
  }
  if (confirmed.code === 'PAYMENT_DECLINED' || confirmed.code === 'PROVIDER_UNAVAILABLE')
    return 'declined';
  if (confirmed.code === 'ORDER_NOT_PAYABLE') return watchOrder(crowd, person, record);
  return 'ended';
};

const sandboxOf = ({ checkoutUrl }: Checkout): string => {
  if (checkoutUrl === null)
    throw new Error(
      'this server takes real money: a stampede runs only where the payment sandbox is the provider',
    );
  return new URL(checkoutUrl).origin;
};

/** Reads the order until it is decided, as the result page does. */
const watchOrder = async (crowd: Crowd, person: Person, record: OrderRecord): Promise<PayEnd> => {
  const untilMs = crowd.clock.monotonicMs() + crowd.patienceMs;
  const params = { orderId: record.orderId };
  while (crowd.clock.monotonicMs() < untilMs) {
    const read = await person.click(readOrder, { params }, { step: 'read order' });
    if (read.outcome !== 'answer') return 'no answer';
    const end = endOf(read.body.state);
    if (end === 'paid') record.told = 'paid';
    if (end !== null) return end;
    await person.wait(lookAgainMs);
  }
  return 'unknown';
};

const endOf = (state: Order['state']): PayEnd | null => {
  switch (state) {
    case 'PAID':
    case 'PARTLY_REFUNDED':
      return 'paid';
    case 'FAILED':
      return 'declined';
    case 'EXPIRED':
    case 'CANCELLED':
    case 'REFUNDED':
      return 'ended';
    case 'PENDING':
    case 'PAYING':
    case 'UNKNOWN':
      return null;
  }
};

const readTickets = async (person: Person, record: OrderRecord): Promise<void> => {
  const read = await person.click(
    listTickets,
    { params: { orderId: record.orderId } },
    { step: 'read tickets' },
  );
  if (read.outcome === 'answer')
    record.tickets = read.body.items.map(({ id, seat }) => ({ id, seatNo: seat.seatNo }));
};
