import { z } from 'zod';
import type { HttpClient } from './http.ts';

/** What a buyer does in the payment window, and the provider's own book of what it took. */
export type Sandbox = {
  /** Types the card in; `slowMs` makes the bank slow for this payment. */
  authenticate(payment: {
    attemptId: string;
    amountMinor: number;
    orderName: string;
    outcome: 'approve' | 'decline';
    slowMs: number | null;
  }): Promise<{ outcome: 'authenticated'; paymentKey: string } | { outcome: 'unreachable' }>;
  /** Money held for each attempt; null when the sandbox cannot be asked. */
  money(): Promise<ReadonlyMap<string, number> | null>;
};

const authenticated = z.looseObject({ paymentKey: z.string() });
const ledger = z.looseObject({
  orders: z.array(z.looseObject({ orderId: z.string(), net: z.number() })),
});

/** The sandbox at an address, through its control plane. */
export const makeSandbox = (http: HttpClient, origin: string): Sandbox => {
  const ask = async (method: 'GET' | 'POST', path: string, body: unknown): Promise<unknown> => {
    const text = body === undefined ? null : JSON.stringify(body);
    const headers: Record<string, string> =
      text === null ? {} : { 'content-type': 'application/json' };
    const sent = await http.send({ origin, method, path: `/__ctl/${path}`, headers, body: text });
    if (sent.outcome === 'no-answer' || sent.reply.status !== 200) return null;
    return JSON.parse(sent.reply.body.toString());
  };
  return {
    authenticate: async ({ attemptId, amountMinor, orderName, outcome, slowMs }) => {
      if (slowMs !== null) {
        const match = { call: 'confirm', orderId: attemptId };
        await ask('POST', 'rules', { match, times: 1, action: 'delay', delayMs: slowMs });
      }
      const asked = { orderId: attemptId, amount: amountMinor, orderName, outcome };
      const parsed = authenticated.safeParse(await ask('POST', 'authenticate', asked));
      return parsed.success
        ? { outcome: 'authenticated', paymentKey: parsed.data.paymentKey }
        : { outcome: 'unreachable' };
    },
    money: async () => {
      const parsed = ledger.safeParse(await ask('GET', 'ledger/orders', undefined));
      return parsed.success
        ? new Map(parsed.data.orders.map(({ orderId, net }) => [orderId, net]))
        : null;
    },
  };
};
