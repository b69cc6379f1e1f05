import { afterThisFile } from '@usher/tests/support/after-file.ts';
import { makeTestDatabase } from '@usher/tests/support/postgres.ts';
import { expect, test } from 'vitest';
import { checkInvariants } from '../../server/src/invariants.ts';
import type { CallKind } from './calls.ts';
import { openPlays } from './database.ts';
import { makeHistory, togetherShare } from './history.ts';
import { settleOutdated } from './outdated.ts';
import { playAll } from './play.ts';

/** About 10 s; `node tests/booking/run.ts --histories 10000` plays more. */
const histories = 120;
const pairedHistories = 40;

/** Every outcome that a caller can be told: a history that never gets there proves nothing. */
const outcomes: Readonly<Record<CallKind | 'lapse', readonly string[]>> = {
  take: [
    'held',
    'repeated',
    'taken',
    'blocked',
    'stranded',
    'none-free',
    'limit',
    'not-open',
    'closed',
    'repainted',
    'unknown-performance',
  ],
  release: ['released', 'not-found', 'ended'],
  extend: ['extended', 'extended-before', 'not-found', 'ended'],
  lapse: ['done'],
  place: ['placed', 'not-found', 'has-order', 'ended', 'seats-differ', 'repainted', 'reused'],
  cancel: ['cancelled', 'not-found', 'not-cancellable'],
  'open-attempt': ['opened', 'not-found', 'ended', 'not-payable'],
  begin: ['begun', 'not-found', 'amount-differs', 'under-way', 'reused', 'ended', 'not-payable'],
  settle: ['settled', 'unchanged'],
  'mark-unknown': ['done'],
  block: ['done', 'taken'],
  repaint: ['painted', 'fixed'],
};

function* listHistories(count: number, pairs: number) {
  for (let seed = 1; seed <= count; seed++) yield makeHistory(seed, pairs);
}

const openTestPlays = async () => {
  const { url } = await makeTestDatabase();
  const plays = await openPlays(url);
  afterThisFile(plays.close);
  return plays;
};

test('random histories: the database decides every call as the model does', async () => {
  const plays = await openTestPlays();
  const told = new Set<string>();
  const fault = await playAll(plays, listHistories(histories, 0), (step, results) => {
    for (const { outcome } of results) told.add(`${step.kind} ${outcome}`);
  });
  expect(fault).toBeNull();
  const all = Object.entries(outcomes).flatMap(([kind, each]) =>
    each.map((outcome) => `${kind} ${outcome}`),
  );
  expect([...told].sort()).toEqual(all.sort());
  expect((await checkInvariants(plays.db)).violations).toEqual([]);
});

test('random histories: of two steps at the same time, one is first', async () => {
  const plays = await openTestPlays();
  expect(await playAll(plays, listHistories(pairedHistories, togetherShare))).toBeNull();
  expect((await checkInvariants(plays.db)).violations).toEqual([]);
});

test.each(['APPROVED', 'DECLINED'] as const)(
  'an attempt that has lost its fence changes no seat when it is %s',
  async (answer) => {
    const plays = await openTestPlays();
    expect(await settleOutdated(plays, answer)).toEqual({
      outcomes: ['held', 'placed', 'begun'],
      seats: ['paying', 'paying'],
    });
  },
);
