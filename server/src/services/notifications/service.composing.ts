import type { Locale, LocalText } from '@usher/domain/text.ts';
import { assert } from '../../platform/failure.ts';
import {
  type ComposedMail,
  composeOrderMail,
  composeSaleOpened,
  type MailedOrder,
  type Reader,
} from './render.ts';
import type { WaitingMail } from './store.ts';

/** What mails need from other services. */
export type NotificationsDoors = {
  readonly orders: {
    read(orderId: string): Promise<(MailedOrder & { readonly state: string }) | null>;
    /** The secret address at which the order can be read without signing in. */
    makeLinkToken(orderId: string): string;
  };
  readonly identity: {
    accounts(
      ids: readonly string[],
    ): Promise<ReadonlyMap<string, { email: string; name: string; locale: Locale }>>;
  };
  readonly catalogue: {
    show(
      showId: string,
    ): Promise<{ readonly title: LocalText; readonly venueName: LocalText } | null>;
  };
  readonly tickets: {
    documentsForMail(
      orderId: string,
    ): Promise<
      | { outcome: 'drawn'; document: { pdf: Buffer; calendar: string } }
      | { outcome: 'unknown' }
      | { outcome: 'cancelled' }
    >;
  };
};

type Attachment = {
  readonly filename: string;
  readonly contentType: string;
  readonly content: Buffer | string;
};
export type OutgoingMail = ComposedMail & {
  readonly id: string;
  readonly to: { readonly name: string; readonly address: string };
  readonly writtenAt: Date;
  readonly attachments: readonly Attachment[];
};

export type Composed =
  | { outcome: 'composed'; mail: OutgoingMail }
  /** The mail is no longer needed. */
  | { outcome: 'over'; reason: string };

/** Exactly one address, so that a header cannot read it as more; accounts hold no others. */
const isAddress = (text: string): boolean => /^[^\s<>",;:\\]+@[^\s<>",;:\\]+$/.test(text);

const over = (reason: string): Composed => ({ outcome: 'over', reason });

/** Composes a mail from what is true when it is sent, not when it was asked for. */
export const makeComposer = (deps: { doors: NotificationsDoors; publicUrl: string }) => {
  const { orders, identity, catalogue, tickets } = deps.doors;

  const ofOrder = async (
    waiting: WaitingMail,
    kind: 'paid' | 'failed' | 'unknown',
    reader: Reader,
  ): Promise<{ content: ComposedMail; attachments: Attachment[] } | { over: string }> => {
    const order = await orders.read(waiting.aboutId);
    assert(order !== null, `${waiting.id}: its order exists`);
    if (kind === 'unknown' && order.state !== 'UNKNOWN')
      return { over: `the outcome is known by now: ${order.state}` };
    const url = `${deps.publicUrl}/o/${orders.makeLinkToken(order.id)}`;
    const content = composeOrderMail(kind, order, reader, url);
    if (kind !== 'paid') return { content, attachments: [] };
    const drawn = await tickets.documentsForMail(order.id);
    assert(drawn.outcome !== 'unknown', `${order.id}: a paid order has tickets`);
    if (drawn.outcome === 'cancelled') return { over: 'the tickets were cancelled' };
    const { pdf, calendar } = drawn.document;
    const attachments: Attachment[] = [
      { filename: `${order.id}.pdf`, contentType: 'application/pdf', content: pdf },
      { filename: `${order.id}.ics`, contentType: 'text/calendar', content: calendar },
    ];
    return { content, attachments };
  };

  const ofShow = async (waiting: WaitingMail, reader: Reader) => {
    const show = await catalogue.show(waiting.aboutId);
    if (show === null) return { over: 'the show is gone' };
    const url = `${deps.publicUrl}/shows/${waiting.aboutId}`;
    return { content: composeSaleOpened(show, reader, url), attachments: [] };
  };

  const parts = (waiting: WaitingMail, reader: Reader) => {
    switch (waiting.kind) {
      case 'order-paid':
        return ofOrder(waiting, 'paid', reader);
      case 'order-failed':
        return ofOrder(waiting, 'failed', reader);
      case 'order-unknown':
        return ofOrder(waiting, 'unknown', reader);
      case 'sale-opened':
        return ofShow(waiting, reader);
    }
  };

  return async (waiting: WaitingMail): Promise<Composed> => {
    const account = (await identity.accounts([waiting.recipientId])).get(waiting.recipientId);
    if (account === undefined) return over('the account is gone');
    if (!isAddress(account.email)) return over('no mail address');
    const made = await parts(waiting, account);
    if ('over' in made) return over(made.over);
    const to = { name: account.name, address: account.email };
    const { id, writtenAt } = waiting;
    const { content, attachments } = made;
    return { outcome: 'composed', mail: { ...content, id, to, writtenAt, attachments } };
  };
};
