import type { Order } from '@usher/contract/orders.ts';
import type { Checkout } from '@usher/contract/payments.ts';
import type { LadderName } from '@usher/domain/fee-ladder.ts';
import { won } from '@usher/domain/money.ts';
import type { LocalText } from '@usher/domain/text.ts';
import { assert } from '../../platform/failure.ts';
import type { OrderRow } from './store.ts';

/** What orders need to know about a show and a performance; the catalogue answers from memory. */
export type OrdersCatalogue = {
  show(showId: string): Promise<{
    id: string;
    title: LocalText;
    category: string;
    venueName: LocalText;
    timeZone: string;
    prices: ReadonlyMap<string, number>;
    bookingFeeMinor: number;
    ladder: LadderName;
  } | null>;
  performance(performanceId: string): Promise<{ startsAtMs: number } | null>;
  /** Reads a show again: the database knows better than what is in memory. */
  forget(showId: string): void;
};
/** Where the buyer's browser pays and where it comes back to. */
export type PaymentWindow = {
  clientKey: string;
  /** The sandbox's page; null with the real provider, whose own script opens its window. */
  checkoutPageUrl: string | null;
  publicUrl: string;
};

/** Orders and checkouts as API responses, with the catalogue's texts. */
export const makeOrderViews = (deps: {
  catalogue: OrdersCatalogue;
  /** Null in a process that reads orders but does not place them. */
  window: PaymentWindow | null;
  /** The end of the secret address at which an order can be read. */
  makeLinkToken: (orderId: string) => string;
}) => {
  const { catalogue, window, makeLinkToken } = deps;

  const viewOrder = async (row: OrderRow, withLink: boolean): Promise<Order> => {
    const show = await catalogue.show(row.showId);
    const performance = await catalogue.performance(row.performanceId);
    assert(show && performance, 'an order’s show and performance exist');
    return {
      id: row.id,
      state: row.state,
      holdId: row.holdId,
      showId: row.showId,
      performanceId: row.performanceId,
      showTitle: show.title,
      venueName: show.venueName,
      startsAt: new Date(performance.startsAtMs).toISOString(),
      timeZone: show.timeZone,
      items: row.items.map((item) => ({
        seat: item.seat,
        grade: item.grade,
        price: won(item.priceMinor),
        bookingFee: won(item.feeMinor),
      })),
      total: won(row.totalMinor),
      ladder: row.ladder,
      createdAt: row.createdAt.toISOString(),
      deadline: row.deadlineAt.toISOString(),
      paidAt: row.paidAt?.toISOString() ?? null,
      failureCode: row.failureCode,
      linkToken: withLink ? makeLinkToken(row.id) : null,
    };
  };

  /** What the payment window of an attempt needs. */
  const viewCheckout = async (attemptId: string, row: OrderRow): Promise<Checkout> => {
    const show = await catalogue.show(row.showId);
    assert(show, 'an order’s show exists');
    assert(window, 'where orders are placed the payment window is known');
    const more = row.items.length > 1 ? ` 외 ${row.items.length - 1}매` : '';
    const orderName = `${show.title.ko.slice(0, 80)}${more}`;
    const successUrl = `${window.publicUrl}/pay/success`;
    const failUrl = `${window.publicUrl}/pay/fail?attempt=${attemptId}`;
    const query = new URLSearchParams({
      clientKey: window.clientKey,
      orderId: attemptId,
      orderName,
      amount: String(row.totalMinor),
      currency: row.currency,
      successUrl,
      failUrl,
    });
    return {
      attemptId,
      provider: 'toss' as const,
      clientKey: window.clientKey,
      amount: won(row.totalMinor),
      orderName,
      checkoutUrl: window.checkoutPageUrl === null ? null : `${window.checkoutPageUrl}?${query}`,
      successUrl,
      failUrl,
    };
  };

  return { viewOrder, viewCheckout };
};
export type OrderViews = ReturnType<typeof makeOrderViews>;
