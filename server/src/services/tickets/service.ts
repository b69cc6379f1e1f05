import type { Category } from '@usher/domain/categories.ts';
import type { Money } from '@usher/domain/money.ts';
import type { LocalText } from '@usher/domain/text.ts';
import { assert } from '../../platform/failure.ts';
import type { Line, SideThread } from '../../platform/side-thread.ts';
import { makeTextSigner } from '../../platform/signed-token.ts';
import { calendarTask } from './calendar.ts';
import { type PrintedTickets, pdfTask, qrTask, type Ticket, unprintableTask } from './render.ts';
import type { StoredTicket, TicketsStore } from './store.ts';

/** What tickets need from the catalogue and from orders. */
export type TicketsDoors = {
  readonly catalogue: {
    show(showId: string): Promise<{
      readonly title: LocalText;
      readonly category: Category;
      readonly venueName: LocalText;
      readonly venueAddress: LocalText;
      readonly timeZone: string;
      /** Tickets show who bought them. */
      readonly namesBuyer: boolean;
      /** If it is known, a calendar entry ends with the show. */
      readonly runningTimeMinutes?: number;
    } | null>;
    performance(
      performanceId: string,
    ): Promise<{ readonly startsAtMs: number; readonly round: number } | null>;
  };
  readonly identity: {
    accounts(ids: readonly string[]): Promise<ReadonlyMap<string, { readonly name: string }>>;
  };
  readonly orders: {
    read(orderId: string): Promise<{
      readonly items: readonly {
        readonly seat: { readonly seatNo: number };
        readonly price: Money;
      }[];
    } | null>;
    readBuyer(orderId: string): Promise<string | null>;
    /** The order of a secret address; null: we did not create it. */
    findByLink(linkToken: string): string | null;
  };
};

/** A cancelled ticket is listed, but no longer rendered. */
export type Drawn<T> =
  | { readonly outcome: 'drawn'; readonly document: T }
  | { readonly outcome: 'unknown' }
  | { readonly outcome: 'cancelled' };

/** `U1.`, the ticket's id and 128 bits of HMAC in base 32: what a QR holds in its compact mode. */
const codePattern = /^U1\.([0-9A-HJKMNP-TV-Z]{26})([0-9A-V]{26})$/;

const makeCodes = (secret: string) => {
  const signer = makeTextSigner(secret, 'ticket-code');
  const boundTo = ({ id, performanceId, seatNo }: StoredTicket): string =>
    `${id} ${performanceId} ${seatNo}`;
  const toBase32 = (mac: string): string =>
    BigInt(`0x${Buffer.from(mac, 'base64url').toString('hex')}`)
      .toString(32)
      .padStart(26, '0')
      .toUpperCase();
  const fromBase32 = (text: string): string => {
    const value = [...text].reduce(
      (sum, digit) => sum * 32n + BigInt(Number.parseInt(digit, 32)),
      0n,
    );
    return Buffer.from(value.toString(16).padStart(32, '0'), 'hex').toString('base64url');
  };
  return {
    codeOf: (ticket: StoredTicket): string =>
      `U1.${ticket.id.slice('tkt_'.length).toUpperCase()}${toBase32(signer.mac(boundTo(ticket)))}`,
    idIn: (code: string): string | null => {
      const id = codePattern.exec(code)?.[1];
      return id === undefined ? null : `tkt_${id.toLowerCase()}`;
    },
    isCodeOf: (code: string, ticket: StoredTicket): boolean =>
      signer.matches(boundTo(ticket), fromBase32(codePattern.exec(code)?.[2] ?? '')),
  };
};

export type TicketsService = ReturnType<typeof makeTickets>;

export const makeTickets = (deps: {
  store: TicketsStore;
  doors: TicketsDoors;
  /** Draws the documents, so that a PDF of 10 ms delays no buyer. */
  sideThread: SideThread;
  /** The installation's secret; codes are signed with a key derived from it. */
  secret: string;
}) => {
  const { store, sideThread } = deps;
  const { catalogue, identity, orders } = deps.doors;
  const codes = makeCodes(deps.secret);

  const readFacts = async (ticket: StoredTicket) => {
    const show = await catalogue.show(ticket.showId);
    const performance = await catalogue.performance(ticket.performanceId);
    assert(show !== null && performance !== null, `${ticket.id}: its show is in the catalogue`);
    return { show, performance };
  };

  const readName = async (accountId: string): Promise<string | null> =>
    (await identity.accounts([accountId])).get(accountId)?.name ?? null;

  /** All from one order, so from one performance. */
  const view = async (stored: readonly StoredTicket[]): Promise<Ticket[]> => {
    const [first] = stored;
    if (first === undefined) return [];
    const { show, performance } = await readFacts(first);
    const buyerName = show.namesBuyer ? await readName(first.buyerId) : null;
    return stored.map((ticket) => ({
      id: ticket.id,
      orderId: ticket.orderId,
      performanceId: ticket.performanceId,
      state: ticket.state,
      showTitle: show.title,
      venueName: show.venueName,
      startsAt: new Date(performance.startsAtMs).toISOString(),
      timeZone: show.timeZone,
      buyerName,
      seat: ticket.seat,
      code: codes.codeOf(ticket),
      issuedAt: ticket.issuedAt.toISOString(),
    }));
  };

  const draw = async <T>(
    stored: readonly StoredTicket[],
    render: (tickets: PrintedTickets, runningTimeMinutes: number | undefined) => T | Promise<T>,
  ): Promise<Drawn<T>> => {
    const [first] = stored;
    if (first === undefined) return { outcome: 'unknown' };
    const { show, performance } = await readFacts(first);
    const order = await orders.read(first.orderId);
    assert(order !== null, `${first.id}: its order exists`);
    const views = await view(stored.filter(({ state }) => state === 'LIVE'));
    const [head, ...rest] = views.map((ticket) => {
      const item = order.items.find(({ seat }) => seat.seatNo === ticket.seat.seatNo);
      assert(item !== undefined, `${ticket.id}: its seat is in its order`);
      const { category, venueAddress } = show;
      const { round } = performance;
      return { ...ticket, category, venueAddress, round, price: item.price };
    });
    if (head === undefined) return { outcome: 'cancelled' };
    const document = await render([head, ...rest], show.runningTimeMinutes);
    return { outcome: 'drawn', document };
  };

  const drawPdf = async (tickets: PrintedTickets, line: Line): Promise<Buffer> => {
    const { buffer, byteOffset, byteLength } = await sideThread.run(pdfTask, tickets, line);
    return Buffer.from(buffer, byteOffset, byteLength);
  };
  const drawPdfNow = (tickets: PrintedTickets) => drawPdf(tickets, 'foreground');
  const drawCalendar = (
    tickets: PrintedTickets,
    runningTimeMinutes: number | undefined,
    line: Line,
  ) => sideThread.run(calendarTask, { tickets, runningTimeMinutes }, line);
  const drawQr = async (stored: StoredTicket | undefined): Promise<Drawn<string>> => {
    if (stored === undefined) return { outcome: 'unknown' };
    if (stored.state === 'CANCELLED') return { outcome: 'cancelled' };
    const document = await sideThread.run(qrTask, codes.codeOf(stored), 'foreground');
    return { outcome: 'drawn', document };
  };
  const one = async (buyerId: string, ticketId: string): Promise<StoredTicket[]> => {
    const stored = await store.ofBuyer(buyerId, ticketId);
    return stored === null ? [] : [stored];
  };

  return {
    /** The buyer's own tickets of an order, by seat; none before it is paid; null: not theirs. */
    ofOrder: async (buyerId: string, orderId: string): Promise<Ticket[] | null> => {
      const tickets = await view(await store.ofBuyersOrder(buyerId, orderId));
      if (tickets.length > 0) return tickets;
      return (await orders.readBuyer(orderId)) === buyerId ? [] : null;
    },
    ticket: async (buyerId: string, ticketId: string): Promise<Ticket | null> =>
      (await view(await one(buyerId, ticketId)))[0] ?? null,
    ticketQr: async (buyerId: string, ticketId: string): Promise<Drawn<string>> =>
      drawQr((await store.ofBuyer(buyerId, ticketId)) ?? undefined),
    ticketPdf: async (buyerId: string, ticketId: string): Promise<Drawn<Buffer>> =>
      draw(await one(buyerId, ticketId), drawPdfNow),
    orderPdf: async (buyerId: string, orderId: string): Promise<Drawn<Buffer>> =>
      draw(await store.ofBuyersOrder(buyerId, orderId), drawPdfNow),
    orderCalendar: async (buyerId: string, orderId: string): Promise<Drawn<string>> =>
      draw(await store.ofBuyersOrder(buyerId, orderId), (tickets, runningTimeMinutes) =>
        drawCalendar(tickets, runningTimeMinutes, 'foreground'),
      ),
    /** By the order's secret address; null: we did not create it. None before it is paid. */
    listByLink: async (linkToken: string): Promise<Ticket[] | null> => {
      const orderId = orders.findByLink(linkToken);
      return orderId === null ? null : view(await store.ofOrder(orderId));
    },
    qrByLink: async (linkToken: string, ticketId: string): Promise<Drawn<string>> => {
      const orderId = orders.findByLink(linkToken);
      const stored = orderId === null ? [] : await store.ofOrder(orderId);
      return drawQr(stored.find(({ id }) => id === ticketId));
    },
    pdfByLink: async (linkToken: string): Promise<Drawn<Buffer>> => {
      const orderId = orders.findByLink(linkToken);
      return draw(orderId === null ? [] : await store.ofOrder(orderId), drawPdfNow);
    },
    /** The characters of these texts that no font has: tickets show a box for each. */
    findUnprintable: (texts: readonly string[]): Promise<string[]> =>
      sideThread.run(unprintableTask, texts, 'foreground'),
    /** For the mail to the order's buyer: the caller has not checked who owns the order. */
    documentsForMail: async (orderId: string): Promise<Drawn<{ pdf: Buffer; calendar: string }>> =>
      draw(await store.ofOrder(orderId), async (tickets, runningTimeMinutes) => ({
        pdf: await drawPdf(tickets, 'background'),
        calendar: await drawCalendar(tickets, runningTimeMinutes, 'background'),
      })),
    /** The ticket of a code and whether it still admits; `forged`: we did not sign it. */
    verifyCode: async (
      code: string,
    ): Promise<
      | { outcome: 'live' | 'cancelled'; ticketId: string; performanceId: string }
      | { outcome: 'forged' }
    > => {
      const id = codes.idIn(code);
      const ticket = id === null ? null : await store.byId(id);
      if (ticket === null || !codes.isCodeOf(code, ticket)) return { outcome: 'forged' };
      const outcome = ticket.state === 'LIVE' ? 'live' : 'cancelled';
      return { outcome, ticketId: ticket.id, performanceId: ticket.performanceId };
    },
  };
};
