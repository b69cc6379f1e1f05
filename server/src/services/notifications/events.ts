import { events } from '@usher/contract/events.ts';
import { assert } from '../../platform/failure.ts';
import type { Consumer } from '../../platform/outbox/relay.ts';
import type { MailKind, NotificationsStore } from './store.ts';

const heard = {
  'order.paid': 'order-paid',
  'order.failed': 'order-failed',
  'order.unknown': 'order-unknown',
} as const satisfies Partial<Record<keyof typeof events, MailKind>>;
type Heard = keyof typeof heard;

const isHeard = (type: string): type is Heard => type in heard;

/** Writes who is to be told of what; composing and sending is a job's, and asks the facts then. */
export const makeNotificationsConsumer = (tell: NotificationsStore['tell']): Consumer => ({
  name: 'notifications',
  types: Object.keys(heard),
  handle: (tx, batch) =>
    tell(
      tx,
      batch.map(({ type, payload }) => {
        assert(isHeard(type), `${type} was asked for`);
        const { orderId, buyerId } = events[type].parse(payload);
        return { kind: heard[type], aboutId: orderId, recipientId: buyerId };
      }),
    ),
});
