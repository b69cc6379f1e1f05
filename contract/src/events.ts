import { z } from 'zod';
import { category } from './catalogue.ts';
import { idOf, instant } from './primitives.ts';

/** Events between services, sent through the journal: ordered per show, delivered at least once. */
const orderEvent = z.strictObject({
  orderId: idOf('order'),
  performanceId: idOf('performance'),
  buyerId: idOf('account'),
  seats: z.int().min(1),
  at: instant,
});

export const events = {
  'order.placed': orderEvent,
  'order.paid': orderEvent.extend({ category, totalMinor: z.int() }),
  'order.failed': orderEvent.extend({ code: z.string() }),
  'order.unknown': orderEvent,
  'order.expired': orderEvent,
  'order.cancelled': orderEvent,
  /** The sale of a show opened; these accounts like the show and were not told before. */
  'sale.opened': z.strictObject({ accountIds: z.array(idOf('account')).min(1), at: instant }),
  /** A code is to be mailed to a person; it is not in here. Ordered by account, not by show. */
  'account.code-made': z.strictObject({
    accountId: idOf('account'),
    codeId: idOf('code'),
    at: instant,
  }),
  /** A person left for good: what is kept about them is erased. */
  'account.left': z.strictObject({ accountId: idOf('account'), at: instant }),
} as const;
