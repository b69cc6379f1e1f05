import type { events } from '@usher/contract/events.ts';
import type { z } from 'zod';
import { appendEvents } from '../../platform/journal/append.ts';
import type { Consumer } from '../../platform/journal/relay.ts';
import type { Sql } from '../../platform/postgres/sql.ts';
import type { CheckSoldOut } from './sold-out.ts';

/** The channel of show edits; the message is the show's id. */
export const catalogueChannel = 'catalogue_changed';

/** The journal has the instant in a column. */
type SaleOpened = Omit<z.input<(typeof events)['sale.opened']>, 'at'>;

/**
 * Writes the events that sales opened within `tx`, the transaction that marks these likes as
 * notified, so that each is notified exactly once. One event for each show.
 */
export const appendSaleOpened = async (
  tx: Sql,
  likes: readonly { accountId: string; showId: string }[],
  atMs: number,
): Promise<void> => {
  const opened = [...Map.groupBy(likes, (like) => like.showId)].map(([showId, ofShow]) => {
    const payload: SaleOpened = { accountIds: ofShow.map((like) => like.accountId) };
    return { atMs, showId, type: 'sale.opened', payload, requestId: null };
  });
  await appendEvents(tx, opened);
};

/** Checks whether a show is sold out after each move of one of its orders. */
export const makeSoldOutConsumer = (checkSoldOut: CheckSoldOut): Consumer => ({
  name: 'catalogue-sold-out',
  isRepeatable: true,
  types: ['order.placed', 'order.paid', 'order.failed', 'order.expired', 'order.cancelled'],
  handle: (tx, events) => checkSoldOut(tx, [...new Set(events.map((event) => event.showId))]),
});
