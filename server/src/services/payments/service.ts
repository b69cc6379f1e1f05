import { makeBatcher } from '../../platform/batcher.ts';
import type { Clock } from '../../platform/clock.ts';
import { Failure } from '../../platform/failure.ts';
import type { Ids } from '../../platform/ids.ts';
import type { Log } from '../../platform/log.ts';
import type { Metrics } from '../../platform/metrics.ts';
import type { Provider } from './provider.ts';
import { type CallEnd, type FailPoint, makeProviderCalls } from './provider-call.ts';
import type { Capture } from './service.capture.ts';
import { makePatience } from './service.patience.ts';
import type { AttemptRow, BeginRequest, PaymentStore, StoredAnswer } from './store.ts';

export type ConfirmOutcome =
  | { outcome: 'paid'; orderId: string }
  | { outcome: 'under-way'; orderId: string; isUnknown: boolean }
  | { outcome: 'declined' | 'refused'; orderId: string; code: string }
  | { outcome: 'unsent'; orderId: string }
  | { outcome: 'not-found' | 'amount-differs' | 'ended' }
  /** The attempt is for another payment. */
  | { outcome: 'reused' }
  | { outcome: 'not-payable'; state: string };

/** When the program closes, the provider gets this long after the buyers were let go. */
const lastWaitMs = 500;

type PaymentsDeps = {
  store: PaymentStore;
  capture: Capture;
  provider: Pick<Provider, 'close'>;
  clock: Clock;
  ids: Ids;
  log: Log;
  metrics: Metrics;
  /** How long a buyer's request waits for the provider. */
  waitMs: number;
  /** The longest time that a call to the provider lasts. */
  timeoutMs: number;
  /** No other process can be working on an attempt: any open attempt at the start was abandoned. */
  isAlone: boolean;
  batchSizeMax: number;
  failPoint?: (point: FailPoint) => Promise<void>;
};

/** The response to a buyer about an attempt with a definite answer. */
const judgeAnswer = (
  orderId: string,
  refusal: StoredAnswer['refusal'],
  code: string | null,
): ConfirmOutcome => {
  if (refusal === null) return { outcome: 'paid', orderId };
  if (refusal === 'unsent') return { outcome: 'unsent', orderId };
  return { outcome: refusal, orderId, code: code ?? 'DECLINED' };
};

const judgeEnd = (orderId: string, end: CallEnd): ConfirmOutcome =>
  end.outcome === 'settled'
    ? judgeAnswer(orderId, end.answer.refusal, end.answer.code)
    : { outcome: 'under-way', orderId, isUnknown: true };

/** What a buyer asks for; `key` and `provider` of an attempt are ours. */
export type ConfirmRequest = Omit<BeginRequest, 'key' | 'provider'>;

/** The outcome of an attempt that was begun earlier by another request, tab or process. */
const judgeAttempt = (attempt: AttemptRow | null, isUnknown: boolean): ConfirmOutcome => {
  if (attempt === null) return { outcome: 'not-found' };
  const { orderId } = attempt;
  if (attempt.outcome === 'APPROVED') return { outcome: 'paid', orderId };
  if (attempt.outcome === 'DECLINED')
    return judgeAnswer(orderId, attempt.answer?.refusal ?? 'declined', attempt.providerCode);
  return { outcome: 'under-way', orderId, isUnknown };
};

const isSamePayment = (a: ConfirmRequest, b: ConfirmRequest): boolean =>
  a.paymentKey === b.paymentKey && a.amountMinor === b.amountMinor;

/**
 * Payments in progress in this process. Repeated clicks of a buyer on one attempt share its
 * outcome; a provider's webhook about it costs only a lookup in memory (most arrive while the
 * answer is being stored).
 */
const makeRunning = () => {
  const running = new Map<string, { request: ConfirmRequest; outcome: Promise<ConfirmOutcome> }>();
  const paymentKeys = new Set<string>();
  const markOf = (attemptId: string, buyerId: string): string => `${attemptId} ${buyerId}`;
  return {
    runOnce: (
      request: ConfirmRequest,
      pay: (request: ConfirmRequest) => Promise<ConfirmOutcome>,
    ): Promise<ConfirmOutcome> => {
      const mark = markOf(request.attemptId, request.buyerId);
      const first = running.get(mark);
      if (first !== undefined)
        return isSamePayment(first.request, request)
          ? first.outcome
          : Promise.resolve({ outcome: 'reused' });
      const outcome = pay(request).finally(() => {
        running.delete(mark);
        paymentKeys.delete(request.paymentKey);
      });
      running.set(mark, { request, outcome });
      paymentKeys.add(request.paymentKey);
      return outcome;
    },
    hasPayment: (paymentKey: string): boolean => paymentKeys.has(paymentKey),
    hasAttempt: ({ id, buyerId }: AttemptRow): boolean => running.has(markOf(id, buyerId)),
    waitForAll: (): Promise<unknown> =>
      Promise.allSettled([...running.values()].map(({ outcome }) => outcome)),
  };
};

export const makePayments = (deps: PaymentsDeps) => {
  const { store, clock, log } = deps;
  const calls = makeProviderCalls(deps.capture, deps);
  const patience = makePatience(clock, deps.waitMs);
  const running = makeRunning();
  const findByPaymentKey = makeBatcher({
    name: 'find-payments',
    sizes: deps.metrics.batchSizes,
    sizeMax: deps.batchSizeMax,
    run: store.attemptsByPaymentKey,
  });

  const pay = async (asked: ConfirmRequest): Promise<ConfirmOutcome> => {
    const request = { ...asked, key: deps.ids.secret(), provider: 'toss' };
    const begun = await calls.begin(request).catch((error: unknown) => {
      if (error instanceof Failure) throw error;
      // A bug, but one before any money moved: the buyer may try again.
      log.error({ err: error, attemptId: request.attemptId }, 'a payment could not be begun');
      throw new Failure('PAYMENT_NOT_BEGUN', 'the payment could not be begun', {
        retryable: true,
        cause: error,
      });
    });
    switch (begun.outcome) {
      case 'begun': {
        const end = await calls.run(
          {
            paymentKey: request.paymentKey,
            attemptId: request.attemptId,
            amountMinor: begun.amountMinor,
            currency: begun.currency,
            key: request.key,
          },
          begun.performanceId,
        );
        return judgeEnd(begun.orderId, end);
      }
      case 'under-way':
        return judgeAttempt(
          await store.attempt(request.attemptId, request.buyerId),
          begun.orderState === 'UNKNOWN',
        );
      case 'not-payable':
        return { outcome: 'not-payable', state: begun.orderState };
      default:
        return { outcome: begun.outcome };
    }
  };

  return {
    /**
     * Takes the money for an order, waiting at most `waitMs` for the provider; if it is not decided
     * by then, it continues in the background and the order shows the outcome.
     */
    confirm: async (request: ConfirmRequest): Promise<ConfirmOutcome> => {
      const outcome = running.runOnce(request, pay);
      const first = await patience.waitFor(outcome);
      if (first !== null) return first;
      outcome.catch((error: unknown) =>
        log.error(
          { err: error, attemptId: request.attemptId },
          'settling a payment failed after the provider responded',
        ),
      );
      return judgeAttempt(await store.attempt(request.attemptId, request.buyerId), false);
    },

    openAttempt: store.openAttempt,
    attempt: store.attempt,
    openedOrder: store.openedOrder,
    unknown: store.unknown,

    /** A hint that a payment changed: nothing in it is trusted, we ask the provider ourselves. */
    hint: async (paymentKey: string): Promise<void> => {
      if (running.hasPayment(paymentKey)) return;
      const attempt = await findByPaymentKey.add(paymentKey);
      if (attempt?.state === 'SENT' && !running.hasAttempt(attempt)) await calls.askAbout(attempt);
    },

    recover: calls.recover,

    /** The program is closing: buyers who wait for the provider soon get 202. */
    hurry: patience.hurry,
    close: async (): Promise<void> => {
      patience.letAllGo();
      const last = new AbortController();
      await Promise.race([running.waitForAll(), clock.sleep(lastWaitMs, last.signal)]);
      last.abort();
      await deps.provider.close();
      await running.waitForAll();
      await findByPaymentKey.close();
    },
  };
};
export type Payments = ReturnType<typeof makePayments>;
