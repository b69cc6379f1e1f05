import { plantBug } from '@usher/tests/support/planted.ts';
import { makeTestDatabase } from '@usher/tests/support/postgres.ts';
import {
  buyOnce,
  type Card,
  type CrashCase,
  crashAt,
  type Plant,
  type Rig,
  repeatStep,
  type StepName,
  stepNames,
  wrapStep,
} from '@usher/tests/support/provider-call.ts';
import { openSandbox } from '@usher/tests/support/sandbox.ts';
import { assert, describe, expect, test } from 'vitest';
import type { ProviderRequest } from './provider.ts';
import type { Capture } from './service.capture.ts';
import type { BeginRequest } from './store.ts';

const { url } = await makeTestDatabase();
const sandbox = await openSandbox();
const sound: Rig = { url, sandbox };

/** The steps of a payment with a definite answer, and the outcome of a crash around each. */
const approved: readonly CrashCase[] = [
  // Nothing was begun: the order waits for its payment, which the first program makes after it
  // wakes up.
  { card: 'approve', step: 'begin', moment: 'before', end: 'PENDING', endAwake: 'PAID' },
  // Sent as far as anybody knows: the payment is completed instead of undone.
  { card: 'approve', step: 'begin', moment: 'after', end: 'PAID' },
  { card: 'approve', step: 'call', moment: 'before', end: 'PAID' },
  { card: 'approve', step: 'call', moment: 'after', end: 'PAID' },
  { card: 'approve', step: 'settle', moment: 'before', end: 'PAID' },
  { card: 'approve', step: 'settle', moment: 'after', end: 'PAID' },
  { card: 'approve', step: 'markAnswered', moment: 'before', settleFails: true, end: 'PAID' },
  { card: 'approve', step: 'markAnswered', moment: 'after', settleFails: true, end: 'PAID' },
];
const declined: readonly CrashCase[] = approved
  .filter(({ end }) => end === 'PAID')
  .map((crash) => ({ ...crash, card: 'decline', end: 'FAILED' }));
const lost: readonly CrashCase[] = [
  { card: 'lost', step: 'markUnknown', moment: 'before', end: 'PAID' },
  { card: 'lost', step: 'markUnknown', moment: 'after', end: 'PAID' },
];
const crashes = [...approved, ...declined, ...lost];
const titleOf = ({ card, step, moment }: CrashCase): string => `${card}, ${moment} ${step}`;

/** A recovery that does not see the attempts left at some steps. */
const blindTo =
  (...places: (keyof Capture['find'])[]) =>
  (capture: Capture): Capture => {
    const find = { ...capture.find };
    for (const place of places) find[place] = async () => [];
    return { ...capture, find };
  };

/** Requests the money before anything is begun. */
const chargesFirst: Plant = (capture, { provider }) =>
  wrapStep(capture, 'begin', async (commit, wish) => {
    const { attemptId, paymentKey, amountMinor } = wish as BeginRequest;
    await provider.confirm({ attemptId, paymentKey, amountMinor, currency: 'KRW', key: 'early' });
    return commit();
  });
/**
 * A client that does not reuse its key: the buyer authenticates twice, and each call uses another
 * key.
 */
const chargesAgain: Plant = (capture, { provider }) => {
  const authenticating = wrapStep(capture, 'begin', async (commit, wish) => {
    const { attemptId, amountMinor } = wish as BeginRequest;
    spareKeys.push(
      await sandbox.authenticate(attemptId, amountMinor),
      await sandbox.authenticate(attemptId, amountMinor),
    );
    return commit();
  });
  return wrapStep(authenticating, 'call', async (_, request) => {
    const paymentKey = spareKeys.pop() ?? 'none is left';
    return provider.confirm({ ...(request as ProviderRequest), paymentKey, key: paymentKey });
  });
};
const spareKeys: string[] = [];

type PlantedSql = { file: string; replacements: readonly { from: string; to: string }[] };
/** Drops a second guard: the moves that the database enforces would stop most planted bugs. */
const dropMoves = ['seats.holds', 'orders.orders', 'payments.attempts']
  .map((table) => `ALTER TABLE ${table} DISABLE TRIGGER refuse_move;`)
  .join('');
/** `drop`: SQL that removes further guards. `shows`: the fault that must be found. */
type Planted = { plant?: Plant; sql?: readonly PlantedSql[]; drop?: string; shows: string };
const openPlanted = async (bug: Omit<Planted, 'shows'>): Promise<Rig> => {
  const { plant, sql = [], drop = '' } = bug;
  const broken = await makeTestDatabase();
  for (const { file, replacements } of sql)
    await plantBug(broken.url, file, replacements, dropMoves + drop);
  return { url: broken.url, sandbox, ...(plant === undefined ? {} : { plant }) };
};

describe('after a crash at any step money matches tickets, and waking up changes nothing:', () => {
  test('every step of the engine is covered, before and after it', () => {
    const tried = new Set(crashes.map(({ step, moment }) => `${step} ${moment}`));
    const steps = stepNames.flatMap((step) => [`${step} before`, `${step} after`]);
    expect([...tried].sort()).toEqual(steps.sort());
  });

  test.each(crashes.map((crash) => [titleOf(crash), crash] as const))('%s', async (_, crash) => {
    expect(await crashAt(sound, crash)).toEqual([]);
  });

  /** For each crash, a planted bug that it must reveal. */
  const planted: Record<string, Planted> = {
    'approve, before begin': { plant: chargesFirst, shows: 'charged is 304000 and not 0' },
    'approve, after begin': { plant: blindTo('silent'), shows: 'order is PAYING and not PAID' },
    'approve, before call': { plant: blindTo('unknown'), shows: 'order is UNKNOWN and not PAID' },
    'approve, after call': { plant: chargesAgain, shows: 'charged is 608000 and not 304000' },
    'approve, before settle': { plant: blindTo('silent'), shows: 'order is PAYING and not PAID' },
    'approve, after settle': {
      sql: [
        {
          file: 'payments/sql/settle.sql',
          replacements: [
            { from: "FROM ended e WHERE e.outcome = 'APPROVED'", to: 'FROM ended e WHERE false' },
          ],
        },
      ],
      shows: 'captured is 0 and not 304000',
    },
    'approve, before markAnswered': {
      plant: blindTo('silent'),
      shows: 'order is PAYING and not PAID',
    },
    'approve, after markAnswered': {
      plant: blindTo('answered'),
      shows: 'order is PAYING and not PAID',
    },
    'lost, before markUnknown': { plant: blindTo('silent'), shows: 'order is PAYING and not PAID' },
    'lost, after markUnknown': {
      plant: blindTo('unknown'),
      shows: 'order is UNKNOWN and not PAID',
    },
  };
  test('each crash of an approved payment, or of one without an answer, has a planted bug', () => {
    expect(Object.keys(planted)).toEqual([...approved, ...lost].map(titleOf));
  });
  test.each([...approved, ...lost].map((crash) => [titleOf(crash), crash] as const))(
    'planted bug is revealed by a crash: %s',
    async (title, crash) => {
      const bug = planted[title];
      assert(bug, 'each crash has one');
      expect(await crashAt(await openPlanted(bug), crash)).toContain(bug.shows);
    },
  );
});

describe('repeating a step, at once or late, does not change the outcome:', () => {
  const cardOf = (step: StepName): Card => (step === 'markUnknown' ? 'lost' : 'approve');
  test.each(stepNames)('%s', async (step) => {
    expect(await repeatStep(sound, step, cardOf(step))).toEqual([]);
  });

  /** The table itself refuses an attempt that is SETTLED and in another state. */
  const violatesCheck =
    'a repeat throws error: new row for relation "attempts" violates check constraint ' +
    '"attempts_settled"';
  /** Switches off each step's guard against repetition. */
  const planted: Record<StepName, Planted> = {
    begin: {
      sql: [
        {
          file: 'payments/sql/begin.sql',
          replacements: [
            { from: "WHERE o.state = 'PENDING' AND o.buyer_id", to: 'WHERE o.buyer_id' },
            {
              from: 'WHERE other.payment_key = ANY',
              to: 'WHERE false AND other.payment_key = ANY',
            },
          ],
        },
        {
          file: 'seats/sql/begin-paying.sql',
          replacements: [
            { from: "AND h.state = 'ACTIVE' AND h.deadline > clock_timestamp()", to: '' },
          ],
        },
      ],
      drop: `ALTER TABLE payments.attempts DROP CONSTRAINT IF EXISTS attempts_pkey,
        DROP CONSTRAINT IF EXISTS attempts_payment_key;`,
      shows: 'order is PAYING and not PAID',
    },
    call: { plant: chargesAgain, shows: 'charged is 608000 and not 304000' },
    markAnswered: {
      sql: [
        {
          file: 'payments/sql/mark-answered.sql',
          replacements: [{ from: "AND t.state = 'SENT'", to: '' }],
        },
      ],
      shows: violatesCheck,
    },
    settle: {
      sql: [
        {
          file: 'payments/sql/settle.sql',
          replacements: [
            { from: "WHERE t.state IN ('SENT', 'ANSWERED') ORDER BY", to: 'ORDER BY' },
          ],
        },
        {
          file: 'seats/sql/sell.sql',
          replacements: [{ from: "AND h.state = 'PAYING' RETURNING", to: 'RETURNING' }],
        },
      ],
      shows:
        'a repeat throws error: duplicate key value violates unique constraint "tickets_live_seat"',
    },
    markUnknown: {
      sql: [
        {
          file: 'payments/sql/mark-unknown.sql',
          replacements: [{ from: "AND t.state = 'SENT'", to: '' }],
        },
      ],
      drop: 'ALTER TABLE payments.attempts DROP CONSTRAINT IF EXISTS attempts_left;',
      shows: 'order is UNKNOWN and not PAID',
    },
  };
  test.each(stepNames)(
    'planted bug: without its guard a repeat of %s is detected',
    async (step) => {
      const bug = planted[step];
      expect(await repeatStep(await openPlanted(bug), step, cardOf(step))).toContain(bug.shows);
    },
  );
});

describe('SENT is committed before the provider is called', () => {
  /** The state of the attempt in the database at the moment of the provider call. */
  const statesAtCall = async (rig: Rig): Promise<string[]> => {
    const states: string[] = [];
    const watching: Plant = (capture, program) =>
      wrapStep(rig.plant?.(capture, program) ?? capture, 'call', async (commit) => {
        const rows = await program.db.query<{ state: string }>(
          'SELECT state FROM payments.attempts WHERE payment_key IS NOT NULL',
        );
        states.push(...rows.map(({ state }) => state));
        return commit();
      });
    await buyOnce({ ...rig, plant: watching });
    return states;
  };
  test('the attempt is SENT when the call is made', async () => {
    expect(await statesAtCall(await openPlanted({}))).toEqual(['SENT']);
  });
  test('planted bug: a call that does not wait for SENT is detected', async () => {
    const rig = await openPlanted({
      plant: (capture) =>
        wrapStep(capture, 'begin', async (_, wish) => ({
          outcome: 'begun',
          orderId: '',
          orderState: 'PAYING',
          performanceId: '',
          amountMinor: (wish as BeginRequest).amountMinor,
          currency: 'KRW',
        })),
    });
    expect(await statesAtCall(rig)).toEqual([]);
  });
});
