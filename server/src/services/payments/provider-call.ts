import { makeBatcher } from '../../platform/batcher.ts';
import type { Clock } from '../../platform/clock.ts';
import { unreachable } from '../../platform/failure.ts';
import type { Log } from '../../platform/log.ts';
import type { Metrics } from '../../platform/metrics.ts';
import { type ProviderAnswer, type ProviderRequest, stillPending } from './provider.ts';
import type { AttemptRow, Settlement, StoredAnswer } from './store.ts';

/**
 * Calls to a payment provider that survive a crash at any moment. A call is one attempt; its steps
 * run in the order of `CallSteps`, each committed before the next one starts, so the database
 * always has enough to continue: `recover` does that, here or in another process.
 *
 * The engine has no rules about orders or seats. What a step commits, and how to find attempts that
 * were left between two steps, is data (`ProviderCall`).
 */

/**
 * Named fail points after each step, where a test or a chaos run may stop or kill the program. In
 * production they do nothing.
 */
export type FailPoint =
  | 'after-seats-locked'
  | 'after-sent-before-call'
  | 'after-charge-before-answered'
  | 'after-answered-before-settle'
  | 'after-settle'
  | 'after-unknown';

/** A step whose items are committed in batches. Must be idempotent for each item. */
type Step<Item, Result> = {
  /** Its name in `usher_batch_size` and in errors. */
  name: string;
  /** Commits all items or none; returns one result for each, in order. */
  commit(items: readonly Item[]): Promise<readonly Result[]>;
  failPoint: FailPoint;
};

type Answered = { attemptId: string; answer: StoredAnswer };
type Unknown = { attemptId: string; code: string };

/** In the order in which they run. */
type CallSteps<Wish, Begun> = {
  /** Checks that the call may be made and locks what it affects. */
  begin: Step<Wish, Begun>;
  /** SENT. False: another process has taken over the attempt. */
  markSent: Step<string, boolean>;
  /** The provider moves the money. Only its answer tells us the outcome. Never rejects. */
  call: {
    name: string;
    commit(request: ProviderRequest): Promise<ProviderAnswer>;
    failPoint: FailPoint;
  };
  /** ANSWERED: a definite answer is stored before it takes effect. */
  markAnswered: Step<Answered, void>;
  /** SETTLED: the answer takes effect. */
  settle: Step<Settlement, void>;
  /** Instead of the last two, if there is no definite answer. */
  markUnknown: Step<Unknown, void>;
};

export type ProviderCall<Wish, Begun> = {
  kind: 'CAPTURE';
  steps: CallSteps<Wish, Begun>;
  /** Asks the provider for the outcome of an attempt; moves no money, never rejects. */
  query(request: ProviderRequest): Promise<ProviderAnswer>;
  /**
   * Attempts between two steps for longer than `olderThanMs`, oldest first; the list is bounded.
   */
  find: {
    /** Begun but not sent: nothing can have reached the provider. */
    unsent(olderThanMs: number): Promise<readonly AttemptRow[]>;
    /** With a definite answer that has not taken effect. */
    answered(olderThanMs: number): Promise<readonly AttemptRow[]>;
    /** Sent, without any answer, and not marked as unknown. */
    silent(olderThanMs: number): Promise<readonly AttemptRow[]>;
    /** Marked as unknown. */
    unknown(limit: number): Promise<readonly AttemptRow[]>;
  };
};

/** `elsewhere`: another process has taken over the attempt; its outcome is in the database. */
export type CallEnd =
  | { outcome: 'settled'; answer: StoredAnswer }
  | { outcome: 'unknown' }
  | { outcome: 'elsewhere' };

type Deps = {
  clock: Clock;
  log: Log;
  metrics: Metrics;
  batchSizeMax: number;
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

/** Unknown attempts that one round asks about concurrently. */
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

const toSettlement = ({ attemptId, answer }: Answered): Settlement => ({
  attemptId,
  outcome: answer.outcome,
  code: answer.code,
  transaction: answer.transaction,
});

const toRequest = (attempt: AttemptRow, paymentKey: string): ProviderRequest => ({
  paymentKey,
  attemptId: attempt.id,
  amountMinor: attempt.amountMinor,
  currency: attempt.currency,
  key: attempt.key,
});

/** The steps, callable with single items. */
const makeSteps = <Wish, Begun>({ steps }: ProviderCall<Wish, Begun>, deps: Deps) => {
  const reach = deps.failPoint ?? (async () => undefined);
  const closers: (() => Promise<void>)[] = [];

  const inBatches = <Item, Result>(step: Step<Item, Result>) => {
    const batcher = makeBatcher<Item, Result>({
      name: step.name,
      sizes: deps.metrics.batchSizes,
      sizeMax: deps.batchSizeMax,
      run: step.commit,
    });
    closers.push(batcher.close);
    return async (item: Item): Promise<Result> => {
      const result = await batcher.add(item);
      await reach(step.failPoint);
      return result;
    };
  };

  return {
    begin: inBatches(steps.begin),
    markSent: inBatches(steps.markSent),
    /** Not batched: no call waits for another's answer. */
    call: async (request: ProviderRequest): Promise<ProviderAnswer> => {
      const answer = await steps.call.commit(request);
      await reach(steps.call.failPoint);
      return answer;
    },
    markAnswered: inBatches(steps.markAnswered),
    settle: inBatches(steps.settle),
    markUnknown: inBatches(steps.markUnknown),
    /** Waits for the items that were added. */
    close: async (): Promise<void> => {
      for (const close of closers) await close();
    },
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
  const unknownNow = metrics.gauge('usher_payments_unknown', 'Payments of unknown outcome');

  const actOn = async (answered: Answered): Promise<void> => {
    await steps.markAnswered(answered);
    await steps.settle(toSettlement(answered));
    outcomes.inc({ outcome: answered.answer.outcome });
  };

  /** One after another, so that none shares a batch with one whose settlement fails. */
  let lastActed: Promise<void> = Promise.resolve();
  const actAlone = (answered: Answered): Promise<void> => {
    const acting = lastActed.then(() => actOn(answered));
    lastActed = acting.catch(() => {
      // The caller gets the error; the next one in line does not need it.
    });
    return acting;
  };

  /** Runs a call that was begun until it ends, or is `unknown`, where `recover` continues. */
  const run = async (request: ProviderRequest): Promise<CallEnd> => {
    const { attemptId } = request;
    // SENT is committed before the provider is called: a crash from here on means "unknown".
    if (!(await steps.markSent(attemptId))) return { outcome: 'elsewhere' };
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
    await actOn({ attemptId, answer: stored });
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
    await actAlone({ attemptId: attempt.id, answer: stored });
    return true;
  };
  const askAbout = (attempt: AttemptRow): Promise<void> =>
    rhythm.askInTurn(attempt.id, () => ask(attempt));

  /** A failed recovery of one attempt must not stop that of the others. */
  const recoverEach = async (
    attempts: readonly AttemptRow[],
    recoverOne: (attempt: AttemptRow) => Promise<void>,
  ): Promise<void> => {
    for (const attempt of attempts)
      await recoverOne(attempt).catch((error: unknown) =>
        log.error({ err: error, attemptId: attempt.id }, 'payment attempt recovery failed'),
      );
  };

  return {
    /**
     * Resolves after it is committed that the call may be made, or with the reason why it may not.
     */
    begin: steps.begin,
    run,
    /** Asks about a sent attempt, unless its pause has not passed yet. */
    askAbout,

    /** Resumes attempts that a crash left behind, then asks about attempts of unknown outcome. */
    recover: async (isStart: boolean): Promise<void> => {
      const isLeft = isStart && deps.isAlone;
      const betweenStepsMs = isLeft ? 0 : leftBehindMs;
      await recoverEach(await find.unsent(betweenStepsMs), ({ id }) =>
        steps.settle({ attemptId: id, outcome: 'NOT_SENT', code: 'NOT_SENT', transaction: null }),
      );
      await recoverEach(await find.answered(betweenStepsMs), async ({ id, answer }) => {
        if (answer !== null) await steps.settle(toSettlement({ attemptId: id, answer }));
      });
      const inCallMs = isLeft ? 0 : deps.timeoutMs + leftBehindMs;
      await recoverEach(await find.silent(inCallMs), ({ id }) =>
        steps.markUnknown({ attemptId: id, code: 'NO_ANSWER' }),
      );
      const unknown = await find.unknown(unknownMax);
      unknownNow.set(unknown.length);
      await Promise.all(unknown.map((attempt) => recoverEach([attempt], askAbout)));
    },

    /** Waits for the steps that are being committed; refuses new ones. */
    close: steps.close,
  };
};
