import { z } from 'zod';
import { type HttpClient, readText } from './http.ts';

/** The payment sandbox: its window, through its control API, and its ledger. */
export type Provider = {
  /** Enters the card; `slowMs` makes the bank slow for this payment. */
  authenticate(
    origin: string,
    payment: {
      attemptId: string;
      amountMinor: number;
      orderName: string;
      outcome: 'approve' | 'decline';
      slowMs: number | null;
    },
  ): Promise<{ outcome: 'authenticated'; paymentKey: string } | { outcome: 'unreachable' }>;
  /** Money held for each attempt, or why that cannot be known. */
  money(): Promise<
    { outcome: 'book'; byAttempt: ReadonlyMap<string, number> } | { outcome: 'none'; why: string }
  >;
};

const authenticated = z.looseObject({ paymentKey: z.string() });
const ledger = z.looseObject({
  orders: z.array(z.looseObject({ orderId: z.string(), net: z.number() })),
});
// Every sandbox numbers its rules from 1: only the order in a rule identifies it.
const rule = z.looseObject({
  id: z.string(),
  match: z.looseObject({ orderId: z.string().nullable() }),
});
const rules = z.looseObject({ rules: z.array(rule) });

/**
 * The sandbox keeps its ledger in memory: one that ended with the killed server has lost the
 * money that it took. So it gets a mark, a rule for an order called `mark` that never comes; if
 * that is gone at the end, the ledger proves nothing.
 */
export const makeProvider = (http: HttpClient, mark: string): Provider => {
  let known: { origin: string; isMarked: Promise<boolean> } | null = null;
  let hasMoved = false;

  const ask = async (
    origin: string,
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    body?: unknown,
  ): Promise<unknown> => {
    const text = body === undefined ? null : JSON.stringify(body);
    const headers: Record<string, string> =
      text === null ? {} : { 'content-type': 'application/json' };
    const sent = await http.send({ origin, method, path: `/__ctl/${path}`, headers, body: text });
    if (sent.outcome === 'no-answer' || sent.reply.status !== 200) return null;
    return JSON.parse(readText(sent.reply));
  };
  const addMark = async (origin: string): Promise<boolean> => {
    const wanted = { match: { orderId: mark }, action: 'delay', delayMs: 1 };
    return rule.safeParse(await ask(origin, 'POST', 'rules', wanted)).success;
  };
  const meet = async (origin: string): Promise<void> => {
    if (known?.origin !== origin) {
      hasMoved ||= known !== null;
      known = { origin, isMarked: addMark(origin) };
    }
    await known.isMarked;
  };

  return {
    authenticate: async (origin, { attemptId, amountMinor, orderName, outcome, slowMs }) => {
      await meet(origin);
      if (slowMs !== null) {
        const match = { call: 'confirm', orderId: attemptId };
        const delay = { match, times: 1, action: 'delay', delayMs: slowMs };
        await ask(origin, 'POST', 'rules', delay);
      }
      const asked = { orderId: attemptId, amount: amountMinor, orderName, outcome };
      const answer = authenticated.safeParse(await ask(origin, 'POST', 'authenticate', asked));
      return answer.success
        ? { outcome: 'authenticated', paymentKey: answer.data.paymentKey }
        : { outcome: 'unreachable' };
    },

    money: async () => {
      if (known === null) return { outcome: 'none', why: 'nobody got as far as paying' };
      const { origin } = known;
      const isMarked = await known.isMarked;
      const kept = rules.safeParse(await ask(origin, 'GET', 'rules'));
      const book = ledger.safeParse(await ask(origin, 'GET', 'ledger/orders'));
      if (!kept.success || !book.success)
        return { outcome: 'none', why: 'the payment sandbox does not respond' };
      const own = kept.data.rules.find(({ match }) => match.orderId === mark);
      if (hasMoved || !isMarked || own === undefined)
        return {
          outcome: 'none',
          why: 'the payment sandbox was restarted and lost its ledger',
        };
      await ask(origin, 'DELETE', `rules/${own.id}`);
      const byAttempt = new Map(book.data.orders.map(({ orderId, net }) => [orderId, net]));
      return { outcome: 'book', byAttempt };
    },
  };
};
