import {
  type Checkout,
  confirmPayment,
  openAttempt,
  readAttempt,
  tossWebhook,
} from '@usher/contract/payments.ts';
import { won } from '@usher/domain/money.ts';
import { refuse } from '../../platform/http/problem.ts';
import { answer, type Route, repeatHeaders, route } from '../../platform/http/route.ts';
import type { Ids } from '../../platform/ids.ts';
import type { Log } from '../../platform/log.ts';
import type { ConfirmOutcome, Payments } from './service.ts';
import type { AttemptRow } from './store.ts';

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
  createdAt: row.createdAt.toISOString(),
  settledAt: row.settledAt?.toISOString() ?? null,
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
  ids: Ids;
  log: Log;
}): Route[] => {
  const { payments, readCheckout, readOrder, ids, log } = deps;
  return [
    route(openAttempt, async ({ params, caller, idempotencyKey, traceId }) => {
      const attemptId = ids.fromParts('attempt', caller.accountId, idempotencyKey);
      const outcome = await payments.openAttempt({
        orderId: params.orderId,
        buyerId: caller.accountId,
        attemptId,
        key: ids.secret(),
        provider: 'toss',
        requestId: traceId,
      });
      switch (outcome) {
        case 'not-found':
          return refuse('NOT_FOUND');
        case 'ended':
          return refuse('HOLD_ENDED');
        case 'not-payable':
          return refuse('ORDER_NOT_PAYABLE', {
            extra: { state: (await readOrder(params.orderId))?.state },
          });
        case 'reused':
          return refuse('IDEMPOTENCY_KEY_REUSED');
        case 'opened':
          return answer(201, await readCheckout(attemptId, params.orderId));
        case 'repeated':
          return answer(201, await readCheckout(attemptId, params.orderId), repeatHeaders);
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
      const row = await payments.attempt(params.attemptId, caller.accountId);
      return row === null ? refuse('NOT_FOUND') : answer(200, viewAttempt(row));
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
