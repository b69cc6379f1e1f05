import { events } from '@usher/contract/events.ts';
import { assert } from '../../platform/failure.ts';
import type { Consumer, JournalEvent } from '../../platform/journal/relay.ts';
import type { MailKind, NotificationsStore, Telling } from './store.ts';

const ofOrders = {
  'order.paid': 'order-paid',
  'order.failed': 'order-failed',
  'order.unknown': 'order-unknown',
} as const satisfies Partial<Record<keyof typeof events, MailKind>>;

const isOfOrder = (type: string): type is keyof typeof ofOrders => type in ofOrders;

const listTellings = ({ type, showId, payload }: JournalEvent): Telling[] => {
  if (isOfOrder(type)) {
    const { orderId, buyerId } = events[type].parse(payload);
    return [{ kind: ofOrders[type], aboutId: orderId, recipientId: buyerId }];
  }
  if (type === 'account.code-made') {
    const { accountId, codeId } = events[type].parse(payload);
    return [{ kind: 'account-code', aboutId: codeId, recipientId: accountId }];
  }
  if (type === 'account.left') return [];
  assert(type === 'sale.opened', `${type} was asked for`);
  const { accountIds } = events[type].parse(payload);
  return accountIds.map((recipientId) => ({ kind: 'sale-opened', aboutId: showId, recipientId }));
};

const listLeft = ({ type, payload }: JournalEvent): string[] =>
  type === 'account.left' ? [events[type].parse(payload).accountId] : [];

/**
 * Notes who gets which mail; a job composes and sends it later, with the facts at that time. One
 * mail for each account, kind and subject, however often an event is delivered. What mails said to
 * people who left is erased.
 */
export const makeNotificationsConsumer = (
  store: Pick<NotificationsStore, 'tell' | 'erase'>,
): Consumer => ({
  name: 'notifications',
  types: [...Object.keys(ofOrders), 'sale.opened', 'account.code-made', 'account.left'],
  isRepeatable: true,
  handle: async (tx, batch) => {
    await store.tell(tx, batch.flatMap(listTellings));
    const left = batch.flatMap(listLeft);
    if (left.length > 0) await store.erase(tx, left);
  },
});
