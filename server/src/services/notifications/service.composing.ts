import type { Locale, LocalText } from '@usher/domain/text.ts';
import { assert } from '../../platform/failure.ts';
import type { SideThread } from '../../platform/side-thread.ts';
import { type Attachment, mailTask, type OutgoingMail, type Sender } from './provider.ts';
import type { Letter, MailedCode, MailedOrder, Reader } from './render.ts';
import type { Stops } from './service.stopping.ts';
import type { WaitingMail } from './store.ts';

/** What mails need from other services. */
export type NotificationsDoors = {
  readonly orders: {
    read(orderId: string): Promise<(MailedOrder & { readonly state: string }) | null>;
    /** The secret address at which the order can be read without signing in. */
    makeLinkToken(orderId: string): string;
    /** The order of a secret address; null: we did not create it. */
    findByLink(linkToken: string): string | null;
  };
  readonly identity: {
    accounts(
      ids: readonly string[],
    ): Promise<
      ReadonlyMap<string, { email: string; name: string; locale: Locale; mayBeMailed: boolean }>
    >;
    /** A code that is mailed to `email`; null: it is no longer needed. */
    readCode(codeId: string): Promise<MailedCode | null>;
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

export type Composed =
  | { outcome: 'composed'; mail: OutgoingMail }
  /** The mail is no longer needed. */
  | { outcome: 'over'; reason: string };

/** Exactly one address, so that a header cannot read it as more; accounts hold no others. */
const isAddress = (text: string): boolean => /^[^\s<>",;:\\]+@[^\s<>",;:\\]+$/.test(text);

/** What a mail consists of; `address` if it does not go to that of the account. */
type Gathered = { letter: Letter; attachments: Attachment[]; address?: string };

const over = (reason: string): Composed => ({ outcome: 'over', reason });

/** Composes a mail from what is true when it is sent, not when it was asked for. */
export const makeComposer = (deps: {
  doors: NotificationsDoors;
  stops: Pick<Stops, 'isStopped' | 'makeToken'>;
  sideThread: SideThread;
  sender: Sender;
}) => {
  const { sender, sideThread, stops } = deps;
  const { orders, identity, catalogue, tickets } = deps.doors;

  const ofOrder = async (
    waiting: WaitingMail,
    kind: 'paid' | 'failed' | 'unknown',
    reader: Reader,
  ): Promise<{ letter: Letter; attachments: Attachment[] } | { over: string }> => {
    const order = await orders.read(waiting.aboutId);
    assert(order !== null, `${waiting.id}: its order exists`);
    if (kind === 'unknown' && order.state !== 'UNKNOWN')
      return { over: `the outcome is known by now: ${order.state}` };
    const url = `${sender.publicUrl}/o/${orders.makeLinkToken(order.id)}`;
    const letter: Letter = { about: 'order', kind, order, reader, url };
    if (kind !== 'paid') return { letter, attachments: [] };
    const drawn = await tickets.documentsForMail(order.id);
    assert(drawn.outcome !== 'unknown', `${order.id}: a paid order has tickets`);
    if (drawn.outcome === 'cancelled') return { over: 'the tickets were cancelled' };
    const { pdf, calendar } = drawn.document;
    const attachments: Attachment[] = [
      { filename: `${order.id}.pdf`, contentType: 'application/pdf', content: pdf },
      { filename: `${order.id}.ics`, contentType: 'text/calendar', content: calendar },
    ];
    return { letter, attachments };
  };

  const ofShow = async (waiting: WaitingMail, reader: Reader): ReturnType<typeof ofOrder> => {
    if (await stops.isStopped(waiting.recipientId))
      return { over: 'the recipient stopped these mails' };
    const show = await catalogue.show(waiting.aboutId);
    if (show === null) return { over: 'the show is gone' };
    const url = `${sender.publicUrl}/shows/${waiting.aboutId}`;
    const stopUrl = `${sender.publicUrl}/mails/openings/${stops.makeToken(waiting.recipientId)}`;
    return { letter: { about: 'show', show, reader, url, stopUrl }, attachments: [] };
  };

  /** Goes to the address that the code proves, which may not be the account's yet. */
  const composeCodeLetter = async (
    waiting: WaitingMail,
    reader: Reader,
  ): Promise<Gathered | { over: string }> => {
    const code = await identity.readCode(waiting.aboutId);
    if (code === null) return { over: 'the code was used or has ended' };
    const letter: Letter = { about: 'code', code, reader, url: sender.publicUrl };
    return { letter, attachments: [], address: code.email };
  };

  const gather = (waiting: WaitingMail, reader: Reader): Promise<Gathered | { over: string }> => {
    switch (waiting.kind) {
      case 'order-paid':
        return ofOrder(waiting, 'paid', reader);
      case 'order-failed':
        return ofOrder(waiting, 'failed', reader);
      case 'order-unknown':
        return ofOrder(waiting, 'unknown', reader);
      case 'sale-opened':
        return ofShow(waiting, reader);
      case 'account-code':
        return composeCodeLetter(waiting, reader);
    }
  };

  return async (waiting: WaitingMail): Promise<Composed> => {
    const account = (await identity.accounts([waiting.recipientId])).get(waiting.recipientId);
    if (account === undefined) return over('the account is gone');
    if (!account.mayBeMailed && waiting.kind !== 'account-code')
      return over('the address is not confirmed');
    const made = await gather(waiting, account);
    if ('over' in made) return over(made.over);
    const address = made.address ?? account.email;
    if (!isAddress(address)) return over('no mail address');
    // Until its owner proved that an address is theirs, nobody else's words go there.
    const name = account.mayBeMailed && made.address === undefined ? account.name : '';
    const to = { name, address };
    const { id, writtenAt, repeats } = waiting;
    const { letter, attachments } = made;
    const parts = { id, repeats, to, writtenAt, letter, attachments, sender };
    const mail = await sideThread.run(mailTask, parts, 'background');
    return { outcome: 'composed', mail };
  };
};
