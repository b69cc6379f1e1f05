import { describe, expect, test } from 'vitest';
import { manualClock } from '../../platform/clock.ts';
import { silentLog } from '../../platform/log.ts';
import { makeMetrics } from '../../platform/metrics.ts';
import type { ProviderAnswer } from './provider.ts';
import { makeProviderCalls, type ProviderCall } from './provider-call.ts';
import type { AttemptRow } from './store.ts';

const attempt = (id: string): AttemptRow => ({
  id,
  orderId: `order of ${id}`,
  performanceId: 'perf_one',
  buyerId: 'acc_buyer',
  state: 'SENT',
  outcome: null,
  amountMinor: 152_000,
  currency: 'KRW',
  providerCode: null,
  paymentKey: `payment of ${id}`,
  key: `key of ${id}`,
  answer: null,
  openedAt: new Date(0),
  settledAt: null,
});
const approved: ProviderAnswer = { kind: 'approved', transaction: 'tx', secret: null };
const answer = {
  outcome: 'APPROVED' as const,
  code: null,
  transaction: 'tx',
  secret: null,
  refusal: null,
};
const silence: ProviderAnswer = { kind: 'unknown', code: 'NO_ANSWER' };

/** An engine whose steps record what they commit, in a process that shares its database. */
const openEngine = (
  query: () => Promise<ProviderAnswer>,
  find: Partial<ProviderCall<string, string>['find']> = {},
) => {
  const clock = manualClock(0);
  const committed: string[] = [];
  const asked: number[] = [];
  const definition: ProviderCall<string, string> = {
    kind: 'CAPTURE',
    steps: {
      begin: { commit: async (wish) => wish, failPoint: 'after-sent-before-call' },
      call: { commit: async () => silence, failPoint: 'after-charge-before-settle' },
      settle: {
        commit: async ({ attemptId, answer: { outcome } }) => {
          if (attemptId === 'att_poison') throw new Error('this one is poisoned');
          committed.push(`${attemptId} ${outcome}`);
          return true;
        },
        failPoint: 'after-settle',
      },
      markAnswered: {
        commit: async ({ attemptId }) => void committed.push(`${attemptId} kept`),
        failPoint: 'after-answered',
      },
      markUnknown: { commit: async () => undefined, failPoint: 'after-unknown' },
    },
    query: async () => {
      asked.push(clock.nowMs() / 1000);
      return query();
    },
    find: {
      answered: find.answered ?? (async () => []),
      silent: find.silent ?? (async () => []),
      unknown: find.unknown ?? (async () => []),
    },
  };
  const metrics = makeMetrics();
  const calls = makeProviderCalls(definition, {
    clock,
    log: silentLog,
    metrics,
    timeoutMs: 60_000,
    isAlone: true,
  });
  return { clock, committed, asked, calls };
};

describe('an attempt of unknown outcome', () => {
  test('is asked about after 1, 2, 4, 8, 15, 30, 60, 60 s, whenever rounds run', async () => {
    const { clock, asked, calls } = openEngine(async () => silence, {
      unknown: async () => [attempt('att_silent')],
    });
    for (let second = 0; second <= 180; second++) {
      await calls.recover(false);
      await calls.recover(false);
      await clock.advance(1000);
    }
    expect(asked).toEqual([0, 1, 3, 7, 15, 30, 60, 120, 180]);
  });

  test('is asked about by one caller at a time, and settled once', async () => {
    let answer = (_: ProviderAnswer): void => {};
    const waiting = new Promise<ProviderAnswer>((resolve) => {
      answer = resolve;
    });
    const { asked, committed, calls } = openEngine(() => waiting);
    const both = [calls.askAbout(attempt('att_1')), calls.askAbout(attempt('att_1'))];
    answer(approved);
    await Promise.all(both);
    expect(asked).toHaveLength(1);
    expect(committed).toEqual(['att_1 APPROVED']);
  });

  test('keeps its pauses when a question fails', async () => {
    const { clock, asked, calls } = openEngine(
      async () => {
        throw new Error('a bug');
      },
      { unknown: async () => [attempt('att_1')] },
    );
    await calls.recover(false);
    await calls.recover(false);
    await clock.advance(1000);
    await calls.recover(false);
    expect(asked).toEqual([0, 1]);
  });

  test('is not settled by "unsent", because something was sent before', async () => {
    const { committed, calls } = openEngine(async () => ({ kind: 'unsent', code: 'ECONNREFUSED' }));
    await calls.askAbout(attempt('att_1'));
    expect(committed).toEqual([]);
  });
});

describe('recovery', () => {
  test('of one attempt that fails does not stop that of the others', async () => {
    const { committed, calls } = openEngine(async () => approved, {
      answered: async () => [
        { ...attempt('att_poison'), answer },
        { ...attempt('att_answered'), answer },
      ],
      unknown: async () => [attempt('att_poison'), attempt('att_unknown')],
    });
    await calls.recover(false);
    // The answer of the one that fails is kept each time.
    expect(committed).toEqual([
      'att_poison kept',
      'att_answered APPROVED',
      'att_poison kept',
      'att_unknown APPROVED',
    ]);
  });

  test('waits 30 s plus a call’s time, while another process may be at work', async () => {
    const ages: number[] = [];
    const note = async (olderThanMs: number) => {
      ages.push(olderThanMs);
      return [];
    };
    const { calls } = openEngine(async () => silence, {
      answered: note,
      silent: note,
    });
    await calls.recover(false);
    expect(ages.splice(0)).toEqual([30_000, 90_000]);
    await calls.recover(true);
    expect(ages).toEqual([0, 0]);
  });
});
