import {
  type Checkout,
  confirmPayment,
  openAttempt,
  readAttempt,
  tossWebhook,
} from '@usher/contract/payments.ts';
import { makeAttemptId } from '@usher/domain/ids.ts';
import { won } from '@usher/domain/money.ts';
import { refuse } from '../../platform/http/problem.ts';
import { answer, type Route, route } from '../../platform/http/route.ts';
import type { Log } from '../../platform/log.ts';
import type { ConfirmOutcome, Payments } from './service.ts';
import type { AttemptRow, OpenedOrder } from './store.ts';

/** What the payment window needs for an attempt of an order. */
export type ReadCheckout = (attemptId: string, orderId: string) => Promise<Checkout>;

/** What a refused buyer needs to know about the order: its state, and the hold to order again. */
export type ReadOrder = (orderId: string) => Promise<{ state: string; holdId: string } | null>;

export const viewAttempt = (row: AttemptRow) => ({
  id: row.id,
  orderId: row.orderId,
  state: row.state,
  outcome: row.outcome,
  amount: won(row.amountMinor),
  providerCode: row.providerCode,
  createdAt: row.openedAt.toISOString(),
  settledAt: row.settledAt?.toISOString() ?? null,
});

/** An attempt that was opened and has not begun: nothing is known but its order. */
const viewOpened = (attemptId: string, opened: OpenedOrder) => ({
  id: attemptId,
  orderId: opened.orderId,
  state: opened.isSuperseded ? ('SETTLED' as const) : ('OPEN' as const),
  outcome: opened.isSuperseded ? ('SUPERSEDED' as const) : null,
  amount: won(opened.amountMinor),
  providerCode: null,
  createdAt: opened.openedAt.toISOString(),
  settledAt: null,
});

const answerFor = async (result: ConfirmOutcome, readOrder: ReadOrder) => {
  const again = async (orderId: string) => ({
    orderId,
    holdId: (await readOrder(orderId))?.holdId,
  });
  switch (result.outcome) {
    case 'paid':
      return answer(200, { orderId: result.orderId, orderState: 'PAID' as const });
    case 'under-way':
      return answer(202, {
        orderId: result.orderId,
        orderState: result.isUnknown ? ('UNKNOWN' as const) : ('PAYING' as const),
      });
    case 'declined':
      return refuse('PAYMENT_DECLINED', {
        extra: { ...(await again(result.orderId)), providerCode: result.code },
      });
    case 'refused':
      return refuse('PAYMENT_PROVIDER_REFUSED', { extra: await again(result.orderId) });
    case 'unsent':
      return refuse('PROVIDER_UNAVAILABLE', { extra: await again(result.orderId) });
    case 'not-found':
      return refuse('NOT_FOUND');
    case 'reused':
      return refuse('IDEMPOTENCY_KEY_REUSED');
    case 'amount-differs':
      return refuse('AMOUNT_MISMATCH');
    case 'ended':
      return refuse('HOLD_ENDED');
    case 'not-payable':
      return refuse('ORDER_NOT_PAYABLE', { extra: { state: result.state } });
  }
};

export const paymentsRoutes = (deps: {
  payments: Payments;
  readCheckout: ReadCheckout;
  readOrder: ReadOrder;
  log: Log;
}): Route[] => {
  const { payments, readCheckout, readOrder, log } = deps;
  return [
    route(openAttempt, async ({ params, caller }) => {
      const { orderId } = params;
      const opened = await payments.openAttempt(orderId, caller.accountId);
      switch (opened.outcome) {
        case 'not-found':
          return refuse('NOT_FOUND');
        case 'ended':
          return refuse('HOLD_ENDED');
        case 'not-payable':
          return refuse('ORDER_NOT_PAYABLE', {
            extra: { state: (await readOrder(orderId))?.state },
          });
        case 'opened':
          return answer(201, await readCheckout(makeAttemptId(orderId, opened.attemptNo), orderId));
      }
    }),

    route(confirmPayment, async ({ params, body, caller, traceId }) =>
      answerFor(
        await payments.confirm({
          attemptId: params.attemptId,
          buyerId: caller.accountId,
          amountMinor: body.amount,
          paymentKey: body.paymentKey,
          requestId: traceId,
        }),
        readOrder,
      ),
    ),

    route(readAttempt, async ({ params, caller }) => {
      const { attemptId } = params;
      const row = await payments.attempt(attemptId, caller.accountId);
      if (row !== null) return answer(200, viewAttempt(row));
      const opened = await payments.openedOrder(attemptId, caller.accountId);
      return opened === null ? refuse('NOT_FOUND') : answer(200, viewOpened(attemptId, opened));
    }),

    route(tossWebhook, async ({ body }) => {
      const paymentKey = body.data?.paymentKey;
      // The sender gets its 200 at once (it waits at most 10 s); the payment is looked up
      // afterwards.
      if (paymentKey !== undefined)
        payments
          .hint(paymentKey)
          .catch((error: unknown) => log.warn({ err: error }, 'webhook follow-up failed'));
      return answer(200, { received: true as const });
    }),
  ];
};
