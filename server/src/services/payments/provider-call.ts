import type { Clock } from '../../platform/clock.ts';
import { unreachable } from '../../platform/failure.ts';
import type { Log } from '../../platform/log.ts';
import type { Metrics } from '../../platform/metrics.ts';
import { type ProviderAnswer, type ProviderRequest, stillPending } from './provider.ts';
import type { AttemptRow, Settlement, StoredAnswer, UnknownOutcome } from './store.ts';

/**
 * Calls to a payment provider that survive a crash at any moment. A call is one attempt with two
 * commits: SENT before the provider is called, and its answer together with all that follows from
 * it. So the database always has enough to continue: `recover` does that, here or in another
 * process. An attempt that is found SENT may have reached the provider or not; asking it, and
 * calling it again with the same key, completes the payment in both cases.
 *
 * The engine has no rules about orders or seats. What a step commits, and how to find attempts that
 * were left between two steps, is data (`ProviderCall`).
 */

/**
 * Named fail points after each step, where a test or a chaos run may stop or kill the program. In
 * production they do nothing.
 */
export type FailPoint =
  | 'after-sent-before-call'
  | 'after-charge-before-settle'
  | 'after-settle'
  | 'after-answered'
  | 'after-unknown';

/** A step of one call. Must be idempotent. */
type Step<Item, Result> = {
  /** Resolves when it is committed; steps of several calls are committed together. */
  commit(item: Item): Promise<Result>;
  failPoint: FailPoint;
};

/** In the order in which they run. */
type CallSteps<Wish, Begun> = {
  /** SENT: checks that the call may be made, and locks what it affects. */
  begin: Step<Wish, Begun>;
  /** The provider moves the money. Only its answer tells us the outcome. Never rejects. */
  call: Step<ProviderRequest, ProviderAnswer>;
  /** SETTLED: a definite answer is stored and takes effect. False: it was settled before. */
  settle: Step<Settlement, boolean>;
  /** ANSWERED: keeps the answer of a settlement that failed. */
  markAnswered: Step<Settlement, void>;
  /** Instead of `settle`, if there is no definite answer. */
  markUnknown: Step<UnknownOutcome, void>;
};

export type ProviderCall<Wish, Begun> = {
  kind: 'CAPTURE';
  steps: CallSteps<Wish, Begun>;
  /** Asks the provider for the outcome of an attempt; moves no money, never rejects. */
  query(request: ProviderRequest): Promise<ProviderAnswer>;
  /**
   * Attempts between two steps for longer than `olderThanMs`; each list is bounded.
   */
  find: {
    /** With a definite answer that has not taken effect. */
    answered(olderThanMs: number): Promise<readonly AttemptRow[]>;
    /** Ids of those sent, without any answer, and not marked as unknown. */
    silent(olderThanMs: number): Promise<readonly string[]>;
    /** Marked as unknown, by id, from the first one after `afterId`. */
    unknown(limit: number, afterId: string): Promise<readonly AttemptRow[]>;
  };
};

export type CallEnd = { outcome: 'settled'; answer: StoredAnswer } | { outcome: 'unknown' };

type Deps = {
  clock: Clock;
  log: Log;
  metrics: Metrics;
  /** The longest time that a call to the provider lasts. */
  timeoutMs: number;
  /** No other process can be working on an attempt: any open attempt at the start was abandoned. */
  isAlone: boolean;
  failPoint?: (point: FailPoint) => Promise<void>;
};

/**
 * A live process stays between two steps for milliseconds. After 30 s, the longest pause of a
 * stopped process that the chaos runs allow for, another process takes over the attempt; if the
 * first one wakes up later, its steps find the attempt in another state and change nothing.
 */
const leftBehindMs = 30_000;

/**
 * Pauses between two questions about one attempt of unknown outcome, in seconds; the last one
 * repeats. 1: an answer that was lost on its way is available at once, and the buyer is waiting.
 * Then doubled, so that a provider in trouble gets 7 questions in two minutes, not 120. 60: how
 * long a provider may work on one call (Toss asks its callers to wait that long); asking more often
 * would find the same call still running. The key of an attempt is valid for 15 days (Toss), far
 * longer than any of this.
 */
const askAgainSeconds = [1, 2, 4, 8, 15, 30, 60] as const;

/**
 * Unknown attempts that one round asks about concurrently. The next round continues after them: as
 * many that nobody can answer for days do not keep it from the others.
 */
const unknownMax = 200;

/** The stored part of a definite answer; null if the answer is not definite. */
const toStoredAnswer = (answer: ProviderAnswer): StoredAnswer | null => {
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

const toRequest = (attempt: AttemptRow, paymentKey: string): ProviderRequest => ({
  paymentKey,
  attemptId: attempt.id,
  amountMinor: attempt.amountMinor,
  currency: attempt.currency,
  key: attempt.key,
});

/** The steps as functions that stop at their fail points. */
const makeSteps = <Wish, Begun>({ steps }: ProviderCall<Wish, Begun>, deps: Deps) => {
  const reach = deps.failPoint ?? (async () => undefined);
  const stopAfter =
    <Item, Result>({ commit, failPoint }: Step<Item, Result>) =>
    async (item: Item): Promise<Result> => {
      const result = await commit(item);
      await reach(failPoint);
      return result;
    };
  return {
    begin: stopAfter(steps.begin),
    call: stopAfter(steps.call),
    settle: stopAfter(steps.settle),
    markAnswered: stopAfter(steps.markAnswered),
    markUnknown: stopAfter(steps.markUnknown),
  };
};

/**
 * When each attempt may be asked about again. Only this process knows: another one asks at once,
 * which costs an extra question but no money.
 */
const makeAskingRhythm = (clock: Clock) => {
  const turns = new Map<string, { tries: number; atMs: number }>();
  return {
    /**
     * Runs `ask` if its pause has passed and nobody is asking; `ask` returns whether the attempt
     * has ended.
     */
    askInTurn: async (attemptId: string, ask: () => Promise<boolean>): Promise<void> => {
      const turn = turns.get(attemptId) ?? { tries: 0, atMs: 0 };
      if (turn.atMs > clock.nowMs()) return;
      turns.set(attemptId, { tries: turn.tries, atMs: Number.POSITIVE_INFINITY });
      let hasEnded = false;
      try {
        hasEnded = await ask();
      } finally {
        const seconds = askAgainSeconds[turn.tries] ?? 60;
        if (hasEnded) turns.delete(attemptId);
        else turns.set(attemptId, { tries: turn.tries + 1, atMs: clock.nowMs() + seconds * 1000 });
      }
    },
  };
};

/**
 * Answers the unknown attempts that the next round asks about. The walk begins again when it comes
 * to the end, and counts them.
 */
const makeUnknownWalk = (
  find: Pick<ProviderCall<never, never>['find'], 'unknown'>,
  metrics: Metrics,
) => {
  const unknownNow = metrics.gauge('usher_payments_unknown', 'Payments of unknown outcome');
  let afterId = '';
  let count = 0;
  return async (): Promise<readonly AttemptRow[]> => {
    const found = await find.unknown(unknownMax, afterId);
    count += found.length;
    const last = found.at(-1);
    if (last !== undefined && found.length === unknownMax) {
      afterId = last.id;
      return found;
    }
    unknownNow.set(count);
    afterId = '';
    count = 0;
    return found;
  };
};

/** One engine for one kind of call. */
export const makeProviderCalls = <Wish, Begun>(
  definition: ProviderCall<Wish, Begun>,
  deps: Deps,
) => {
  const { query, find } = definition;
  const { log, metrics } = deps;
  const steps = makeSteps(definition, deps);
  const rhythm = makeAskingRhythm(deps.clock);
  const outcomes = metrics.counter('usher_payments_total', 'Payment attempts, by outcome', [
    'outcome',
  ]);
  const findUnknown = makeUnknownWalk(find, metrics);

  /** A settlement that fails is not lost with this process: its answer is kept first. */
  const settle = async (settlement: Settlement): Promise<void> => {
    try {
      await steps.settle(settlement);
    } catch (error) {
      await steps.markAnswered(settlement);
      throw error;
    }
    outcomes.inc({ outcome: settlement.answer.outcome });
  };

  /** One after another, so that none shares a batch with one whose settlement fails. */
  let lastSettled: Promise<void> = Promise.resolve();
  const settleAlone = (settlement: Settlement): Promise<void> => {
    const settling = lastSettled.then(() => settle(settlement));
    lastSettled = settling.catch(() => {
      // The caller gets the error; the next one in line does not need it.
    });
    return settling;
  };

  /** Runs a call that was begun until it ends, or is `unknown`, where `recover` continues. */
  const run = async (request: ProviderRequest, performanceId: string): Promise<CallEnd> => {
    const { attemptId } = request;
    const answer = await steps.call(request);
    const stored = toStoredAnswer(answer);
    if (stored === null) {
      const code = answer.kind === 'unknown' ? answer.code : 'NO_ANSWER';
      log.warn({ attemptId, code }, 'payment outcome unknown');
      await steps.markUnknown({ attemptId, code });
      outcomes.inc({ outcome: 'UNKNOWN' });
      return { outcome: 'unknown' };
    }
    if (answer.kind === 'refused')
      log.error({ attemptId, code: answer.code }, 'payment provider rejected our request');
    await settle({ attemptId, performanceId, answer: stored });
    return { outcome: 'settled', answer: stored };
  };

  /**
   * Asks once: first for the outcome of the attempt, then for the money again, with the same key.
   */
  const ask = async (attempt: AttemptRow): Promise<boolean> => {
    if (attempt.paymentKey === null) return false;
    const request = toRequest(attempt, attempt.paymentKey);
    let answer = await query(request);
    if (answer.kind === 'unknown' && answer.code === stillPending)
      answer = await steps.call(request);
    // "Unsent" is definite only for the first call: here something was sent before.
    const stored = answer.kind === 'unsent' ? null : toStoredAnswer(answer);
    if (stored === null) return false;
    log.info({ attemptId: attempt.id, outcome: stored.outcome }, 'unknown payment resolved');
    const { id: attemptId, performanceId } = attempt;
    await settleAlone({ attemptId, performanceId, answer: stored });
    return true;
  };
  const askAbout = (attempt: AttemptRow): Promise<void> =>
    rhythm.askInTurn(attempt.id, () => ask(attempt));

  /** A failed recovery of one attempt must not stop that of the others. */
  const recoverOne = (attemptId: string, work: () => Promise<void>): Promise<void> =>
    work().catch((error: unknown) =>
      log.error({ err: error, attemptId }, 'payment attempt recovery failed'),
    );

  return {
    /**
     * Resolves after SENT is committed, or with the reason why the call may not be made.
     */
    begin: steps.begin,
    run,
    /** Asks about a sent attempt, unless its pause has not passed yet. */
    askAbout,

    /** Resumes attempts that a crash left behind, then asks about attempts of unknown outcome. */
    recover: async (isStart: boolean): Promise<void> => {
      const isLeft = isStart && deps.isAlone;
      const betweenStepsMs = isLeft ? 0 : leftBehindMs;
      for (const { id: attemptId, performanceId, answer } of await find.answered(betweenStepsMs))
        await recoverOne(attemptId, async () => {
          if (answer !== null && 'outcome' in answer)
            await settleAlone({ attemptId, performanceId, answer });
        });
      const inCallMs = isLeft ? 0 : deps.timeoutMs + leftBehindMs;
      for (const attemptId of await find.silent(inCallMs))
        await recoverOne(attemptId, () => steps.markUnknown({ attemptId, code: 'NO_ANSWER' }));
      const unknown = await findUnknown();
      await Promise.all(unknown.map((attempt) => recoverOne(attempt.id, () => askAbout(attempt))));
    },
  };
};
