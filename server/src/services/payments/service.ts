import { makeBatcher } from '../../platform/batcher.ts';
import type { Clock } from '../../platform/clock.ts';
import { unreachable } from '../../platform/failure.ts';
import type { Ids } from '../../platform/ids.ts';
import type { Log } from '../../platform/log.ts';
import type { Metrics } from '../../platform/metrics.ts';
import type { Seats } from '../seats/index.ts';
import type { Provider, ProviderAnswer, ProviderRequest } from './provider.toss.ts';
import type { AttemptRow, BeginRequest, PaymentStore, Settlement, StoredAnswer } from './store.ts';

export type ConfirmOutcome =
  | { outcome: 'paid'; orderId: string }
  | { outcome: 'under-way'; orderId: string; isUnknown: boolean }
  | { outcome: 'declined' | 'refused'; orderId: string; code: string }
  | { outcome: 'unsent'; orderId: string }
  | { outcome: 'not-found' | 'amount-differs' | 'ended' }
  | { outcome: 'not-payable'; state: string };

/**
 * Named places between the steps of a payment, where a test or a chaos run may stop or kill the
 * program. In service nothing happens at them.
 */
export type FailPoint =
  | 'after-seats-locked'
  | 'after-sent-before-call'
  | 'after-charge-before-answered'
  | 'after-answered-before-settle'
  | 'after-settle';

/** Attempts found in a state that a living process leaves within milliseconds. */
const leftBehindMs = 30_000;
/** Pauses between questions about one unknown payment (booking.md): then every 60 s. */
const askAgainSeconds = [1, 2, 4, 8, 15, 30, 60];

/** Closing takes 10 s at most: buyers are answered after 4, the provider gets 0.5 s more. */
const hurryMs = 4000;
const lastWaitMs = 500;

const storedOf = (answer: ProviderAnswer): StoredAnswer | null => {
  switch (answer.kind) {
    case 'approved':
      return {
        outcome: 'APPROVED',
        code: null,
        transaction: answer.transaction,
        secret: answer.secret,
        refusal: null,
      };
    case 'declined':
    case 'refused':
    case 'unsent':
      return {
        outcome: 'DECLINED',
        code: answer.kind === 'unsent' ? 'PROVIDER_UNREACHABLE' : answer.code,
        transaction: null,
        secret: null,
        refusal: answer.kind,
      };
    case 'unknown':
      return null;
    default:
      return unreachable(answer);
  }
};

const outcomeOfAnswer = (
  orderId: string,
  refusal: StoredAnswer['refusal'],
  code: string | null,
): ConfirmOutcome => {
  if (refusal === null) return { outcome: 'paid', orderId };
  if (refusal === 'unsent') return { outcome: 'unsent', orderId };
  return { outcome: refusal, orderId, code: code ?? 'DECLINED' };
};

/** The seat maps of this process, which hear what a settlement changed. */
export type PaymentsSeats = Pick<Seats, 'applyAll'>;

type PaymentsDeps = {
  store: PaymentStore;
  provider: Provider;
  seats: PaymentsSeats;
  relayWake: () => void;
  clock: Clock;
  ids: Ids;
  log: Log;
  metrics: Metrics;
  waitMs: number;
  timeoutMs: number;
  /** No other process can be working on an attempt: what is found open at the start was left. */
  isAlone: boolean;
  batchSizeMax: number;
  failPoint?: (point: FailPoint) => Promise<void>;
};

/** The steps of a payment that are committed, each in batches of its own. */
const makeSteps = (deps: PaymentsDeps) => {
  const { store } = deps;
  const batches = { sizes: deps.metrics.batchSizes, sizeMax: deps.batchSizeMax };

  const beginner = makeBatcher({ name: 'begin-payments', ...batches, run: store.begin });
  const sender = makeBatcher({
    name: 'mark-sent',
    ...batches,
    run: async (attemptIds: readonly string[]) => {
      const sent = await store.markSent(attemptIds);
      return attemptIds.map((id) => sent.has(id));
    },
  });
  const answerer = makeBatcher({
    name: 'mark-answered',
    ...batches,
    run: async (answers: readonly { attemptId: string; answer: StoredAnswer }[]) => {
      await store.markAnswered(answers);
      return answers.map(() => undefined);
    },
  });
  const settler = makeBatcher({
    name: 'settle-payments',
    ...batches,
    run: async (settlements: readonly Settlement[]) => {
      const { deltas } = await store.settle(settlements, 'payments');
      deps.seats.applyAll(deltas);
      deps.relayWake();
      return settlements.map(() => undefined);
    },
  });
  const unknowner = makeBatcher({
    name: 'mark-unknown',
    ...batches,
    run: async (unknowns: readonly { attemptId: string; code: string }[]) => {
      await store.markUnknown(unknowns, 'payments');
      deps.relayWake();
      return unknowns.map(() => undefined);
    },
  });
  const finder = makeBatcher({
    name: 'find-payments',
    ...batches,
    run: store.attemptsByPaymentKey,
  });
  return { beginner, sender, answerer, settler, unknowner, finder };
};

export const makePayments = (deps: PaymentsDeps) => {
  const { store, provider, clock, log, metrics } = deps;
  const failPoint = deps.failPoint ?? (async () => undefined);
  const outcomes = metrics.counter('usher_payments_total', 'Payment attempts, by outcome', [
    'outcome',
  ]);
  const unknownNow = metrics.gauge('usher_payments_unknown', 'Payments of unknown outcome');
  const steps = makeSteps(deps);
  const { beginner, sender, answerer, settler, unknowner, finder } = steps;

  /** Brings a definite answer to its end; each step is a committed transaction of its own. */
  const act = async (attemptId: string, answer: StoredAnswer): Promise<void> => {
    await answerer.add({ attemptId, answer });
    await failPoint('after-answered-before-settle');
    await settler.add({
      attemptId,
      outcome: answer.outcome,
      code: answer.code,
      transaction: answer.transaction,
    });
    outcomes.inc({ outcome: answer.outcome });
    await failPoint('after-settle');
  };

  const charge = async (orderId: string, request: ProviderRequest): Promise<ConfirmOutcome> => {
    const { attemptId } = request;
    await failPoint('after-seats-locked');
    // SENT is committed before the provider is called: a crash from here on means "unknown".
    if (!(await sender.add(attemptId))) return { outcome: 'under-way', orderId, isUnknown: false };
    await failPoint('after-sent-before-call');
    const answer = await provider.confirm(request);
    await failPoint('after-charge-before-answered');
    const stored = storedOf(answer);
    if (stored === null) {
      const code = answer.kind === 'unknown' ? answer.code : 'NO_ANSWER';
      log.warn({ attemptId, code }, 'the outcome of a payment is not known');
      await unknowner.add({ attemptId, code });
      outcomes.inc({ outcome: 'UNKNOWN' });
      return { outcome: 'under-way', orderId, isUnknown: true };
    }
    if (answer.kind === 'refused')
      log.error({ attemptId, code: answer.code }, 'the payment provider refuses our requests');
    await act(attemptId, stored);
    return outcomeOfAnswer(orderId, stored.refusal, stored.code);
  };

  /** What became of an attempt that was begun before: by another request, tab or process. */
  const outcomeOf = (attempt: AttemptRow): ConfirmOutcome => {
    const { orderId } = attempt;
    if (attempt.outcome === 'APPROVED') return { outcome: 'paid', orderId };
    if (attempt.outcome === 'DECLINED')
      return outcomeOfAnswer(orderId, attempt.answer?.refusal ?? 'declined', attempt.providerCode);
    return { outcome: 'under-way', orderId, isUnknown: false };
  };

  const pay = async (request: BeginRequest): Promise<ConfirmOutcome> => {
    const begun = await beginner.add(request);
    switch (begun.outcome) {
      case 'begun':
        return charge(begun.orderId, {
          paymentKey: request.paymentKey,
          attemptId: request.attemptId,
          amountMinor: begun.amountMinor,
          currency: begun.currency,
          key: begun.key,
        });
      case 'under-way': {
        const attempt = await store.attempt(request.attemptId, request.buyerId);
        return attempt === null ? { outcome: 'not-found' } : outcomeOf(attempt);
      }
      case 'not-payable':
        return { outcome: 'not-payable', state: begun.orderState };
      default:
        return { outcome: begun.outcome };
    }
  };

  /** One for each buyer who waits, and whether all are to be let go: the program is closing. */
  const waiting = new Set<AbortController>();
  const hurried = new AbortController();
  const letAllGo = (): void => {
    hurried.abort();
    for (const patience of waiting) patience.abort();
  };
  const running = new Map<string, Promise<ConfirmOutcome>>();
  const runningKeys = new Set<string>();
  const payOnce = (request: BeginRequest): Promise<ConfirmOutcome> => {
    const mark = `${request.attemptId} ${request.buyerId}`;
    const first = running.get(mark);
    if (first !== undefined) return first;
    const promise = pay(request).finally(() => {
      running.delete(mark);
      runningKeys.delete(request.paymentKey);
    });
    running.set(mark, promise);
    runningKeys.add(request.paymentKey);
    return promise;
  };

  const asking = new Map<string, { tries: number; atMs: number }>();
  /** Asks about one payment: first what became of it, then for the money again, by the same key. */
  const ask = async (attempt: AttemptRow): Promise<boolean> => {
    if (attempt.paymentKey === null) return false;
    const request: ProviderRequest = {
      paymentKey: attempt.paymentKey,
      attemptId: attempt.id,
      amountMinor: attempt.amountMinor,
      currency: attempt.currency,
      key: attempt.key,
    };
    let answer = await provider.query(request);
    if (answer.kind === 'unknown' && answer.code === 'STILL_PENDING')
      answer = await provider.confirm(request);
    // Only the first call could have been "unsent": here something was sent before.
    const stored = answer.kind === 'unsent' ? null : storedOf(answer);
    if (stored === null) return false;
    log.info({ attemptId: attempt.id, outcome: stored.outcome }, 'an unknown payment is known now');
    await act(attempt.id, stored);
    return true;
  };
  const askAbout = async (attempt: AttemptRow): Promise<void> => {
    const turn = asking.get(attempt.id) ?? { tries: 0, atMs: 0 };
    if (turn.atMs > clock.nowMs()) return;
    asking.set(attempt.id, { ...turn, atMs: Number.POSITIVE_INFINITY });
    try {
      if (await ask(attempt)) {
        asking.delete(attempt.id);
        return;
      }
    } finally {
      const seconds = askAgainSeconds[Math.min(turn.tries, askAgainSeconds.length - 1)] ?? 60;
      if (asking.has(attempt.id))
        asking.set(attempt.id, { tries: turn.tries + 1, atMs: clock.nowMs() + seconds * 1000 });
    }
  };

  return {
    /**
     * Takes the money for an order, waiting at most `waitMs` for the provider; what is not decided
     * by then goes on in the background and is seen on the order.
     */
    confirm: async (request: BeginRequest): Promise<ConfirmOutcome> => {
      const patience = new AbortController();
      waiting.add(patience);
      if (hurried.signal.aborted) patience.abort();
      const outcome = payOnce(request);
      const waited = clock.sleep(deps.waitMs, patience.signal).then(() => null);
      const first = await Promise.race([outcome, waited]).finally(() => {
        waiting.delete(patience);
        // With a reason of ours: the usual one is an error with a stack, 10 us a payment.
        patience.abort(null);
      });
      if (first !== null) return first;
      outcome.catch((error: unknown) =>
        log.error({ err: error, attemptId: request.attemptId }, 'a payment broke after its answer'),
      );
      const attempt = await store.attempt(request.attemptId, request.buyerId);
      return attempt === null ? { outcome: 'not-found' } : outcomeOf(attempt);
    },

    openAttempt: store.openAttempt,
    attempt: store.attempt,
    unknown: store.unknown,

    /**
     * A hint that a payment changed: nothing in it is believed, we ask the provider ourselves. Most
     * come while the provider's own answer is being written down here: they cost a look in memory.
     */
    hint: async (paymentKey: string): Promise<void> => {
      if (runningKeys.has(paymentKey)) return;
      const attempt = await finder.add(paymentKey);
      if (attempt?.state === 'SENT' && !running.has(`${attempt.id} ${attempt.buyerId}`))
        await askAbout(attempt);
    },

    /** Takes up what a crash left behind, and asks about payments of unknown outcome. */
    recover: async (isStart: boolean): Promise<void> => {
      const olderThanMs = isStart && deps.isAlone ? 0 : leftBehindMs;
      for (const attempt of await store.leftIn('SEATS_LOCKED', olderThanMs)) {
        const none = { code: 'NOT_SENT', transaction: null };
        await settler.add({ attemptId: attempt.id, outcome: 'NOT_SENT', ...none });
      }
      for (const { id, answer } of await store.leftIn('ANSWERED', olderThanMs))
        if (answer !== null)
          await settler.add({
            attemptId: id,
            outcome: answer.outcome,
            code: answer.code,
            transaction: answer.transaction,
          });
      const silentMs = isStart && deps.isAlone ? 0 : deps.timeoutMs + leftBehindMs;
      for (const attempt of await store.unansweredFor(silentMs))
        await unknowner.add({ attemptId: attempt.id, code: 'NO_ANSWER' });
      const unknown = await store.unknown(200);
      unknownNow.set(unknown.length);
      await Promise.all(unknown.map(askAbout));
    },

    /** The program is closing: buyers who wait for the provider are answered with 202 soon. */
    hurry: (): void => {
      void clock.sleep(hurryMs, hurried.signal).then(letAllGo);
    },
    close: async (): Promise<void> => {
      letAllGo();
      const patience = new AbortController();
      const last = clock.sleep(lastWaitMs, patience.signal);
      await Promise.race([Promise.allSettled(running.values()), last]);
      patience.abort();
      await provider.close();
      await Promise.allSettled(running.values());
      for (const batcher of Object.values(steps)) await batcher.close();
    },
  };
};
export type Payments = ReturnType<typeof makePayments>;
