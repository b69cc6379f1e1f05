import { checkInvariants } from '../../server/src/invariants.ts';
import type { Cycle } from '../../server/src/platform/cycle.ts';
import type { Database } from '../../server/src/platform/postgres/sql.ts';
import { makeTossProvider } from '../../server/src/services/payments/provider.toss.ts';
import type { Provider } from '../../server/src/services/payments/provider.ts';
import { type Capture, makeCapture } from '../../server/src/services/payments/service.capture.ts';
import type { PaymentStore } from '../../server/src/services/payments/store.ts';
import { type Booking, type BookingOptions, openBooking } from './booking.ts';
import type { TestSandbox } from './sandbox.ts';

/**
 * What a call to a provider must survive, step by step: the steps are read from the engine's own
 * list, so a step that is added later is tested automatically.
 */

export type StepName = keyof Capture['steps'];
/** What the card does when it is charged. `lost`: charged, but the answer never arrives. */
export type Card = 'approve' | 'decline' | 'lost';
export type Moment = 'before' | 'after';

/** What a call is tested on: a database, a sandbox, and possibly a planted bug. */
export type Rig = { url: string; sandbox: TestSandbox; plant?: Plant };
export type Plant = (capture: Capture, program: { provider: Provider; db: Database }) => Capture;

/** The steps of a payment, only for their names: there is nothing behind them to commit to. */
const { steps } = makeCapture({
  store: {} as PaymentStore,
  cycle: { register: () => ({ add: async () => undefined }) } as unknown as Cycle,
  provider: {} as Provider,
  seats: { publish: () => undefined },
  relayWake: () => undefined,
});
const settleFailure = 'the settlement fails once';
/** The names, in the engine's order. */
export const stepNames = Object.keys(steps) as StepName[];

/** The first commit of a step fails and changes nothing. */
export const failFirst = (capture: Capture, name: StepName): Capture => {
  let isFirst = true;
  return wrapStep(capture, name, async (commit) => {
    if (!isFirst) return commit();
    isFirst = false;
    throw new Error(settleFailure);
  });
};

/** Wraps the commit of a step. The cast: steps differ in what they commit. */
export const wrapStep = (
  capture: Capture,
  name: StepName,
  around: (commit: () => Promise<unknown>, input: unknown) => Promise<unknown>,
): Capture => {
  const commit = capture.steps[name].commit as (input: unknown) => Promise<unknown>;
  const wrapped = {
    ...capture.steps[name],
    commit: (input: unknown) => around(() => commit(input), input),
  };
  return { ...capture, steps: { ...capture.steps, [name]: wrapped } };
};

const openProgram = (
  rig: Rig,
  options: Pick<BookingOptions, 'failPoint' | 'sale' | 'disturb' | 'waitMs'>,
): Promise<Booking> => {
  const { url, secretKey } = rig.sandbox;
  const provider = makeTossProvider({ url, secretKey, timeoutMs: 5000 });
  return openBooking({ waitMs: 50, ...options, url: rig.url, provider });
};
const plantNothing: Plant = (capture) => capture;

/** A buyer who has entered a card and has not returned to us yet. */
const openPurchase = async (rig: Rig, program: Booking, card: Card) => {
  const order = await program.order(program.ids.make('account'), [0, 1]);
  const { attemptId, total, buyerId } = order;
  const outcome = card === 'lost' ? 'approve' : card;
  const paymentKey = await rig.sandbox.authenticate(attemptId, total, outcome);
  if (card === 'lost')
    await rig.sandbox.rule({
      match: { call: 'confirm', paymentKey },
      times: 1,
      phase: 'after-commit',
      action: 'reset',
    });
  return { ...order, pay: () => program.pay(buyerId, attemptId, total, paymentKey) };
};
type Purchase = Awaited<ReturnType<typeof openPurchase>>;

export type End = 'PENDING' | 'PAID' | 'FAILED';
const attemptStates: Record<End, string | null> = {
  // It is written when its payment begins.
  PENDING: null,
  PAID: 'SETTLED',
  FAILED: 'SETTLED',
};

/** What is wrong after a purchase that should have ended as `end`; an empty list is good. */
const findFaults = async (
  rig: Rig,
  program: Booking,
  { orderId, attemptId, total }: Purchase,
  end: End,
): Promise<string[]> => {
  const [row] = await program.db.query<{
    order: string;
    attempt: string | null;
    captured: number;
  }>(
    `SELECT o.state AS "order", a.state AS attempt, coalesce((SELECT sum(l.amount_minor)
       FROM payments.ledger l WHERE l.attempt_id = $2), 0)::int AS captured
     FROM orders.orders o LEFT JOIN payments.attempts a ON a.id = $2
     WHERE o.id = $1`,
    [orderId, attemptId],
  );
  const charged = (await rig.sandbox.money()).get(attemptId) ?? 0;
  const { violations } = await checkInvariants(program.db);
  const expected = {
    order: end,
    attempt: attemptStates[end],
    captured: end === 'PAID' ? total : 0,
    charged: end === 'PAID' ? total : 0,
  };
  const found: Record<string, unknown> = { ...row, charged };
  return [
    ...Object.entries(expected)
      .filter(([what, value]) => found[what] !== value)
      .map(([what, value]) => `${what} is ${found[what]} and not ${value}`),
    ...violations.map(({ id, what, which }) => `${id}: ${what} ${which}`),
  ];
};

/** A gate: `reached` when a caller waits there, who continues after `open()`. */
export const makeGate = () => {
  let open = (): void => {};
  let arrive = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const reached = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  return {
    reached,
    open,
    pass: async (): Promise<void> => {
      arrive();
      await opened;
    },
  };
};

export type CrashCase = {
  card: Card;
  /** The first settlement fails: its answer is kept, for recovery. */
  settleFails?: true;
  step: StepName;
  moment: Moment;
  /** How the purchase has ended when the next program has recovered. */
  end: End;
  /** How it ends after the first program wakes up and continues; default: the same. */
  endAwake?: End;
};

/**
 * A program that stops at one point of a call, and another on the same database that recovers.
 * Then the first one, which was only suspended, wakes up and must change nothing. Returns what
 * is wrong.
 */
export const crashAt = async (rig: Rig, crash: CrashCase): Promise<string[]> => {
  const gate = makeGate();
  const { failPoint } = steps[crash.step];
  const plant = rig.plant ?? plantNothing;
  const crashed = await openProgram(rig, {
    failPoint: async (at) => {
      if (crash.moment === 'after' && at === failPoint) await gate.pass();
    },
    disturb: (capture, program) => {
      const failing = crash.settleFails ? failFirst(capture, 'settle') : capture;
      const stopping = wrapStep(failing, crash.step, async (commit) => {
        if (crash.moment === 'before') await gate.pass();
        return commit();
      });
      return plant(stopping, program);
    },
  });
  const purchase = await openPurchase(rig, crashed, crash.card);
  const paying = purchase.pay();
  const next = await openProgram(rig, { sale: crashed, disturb: plant });
  try {
    await gate.reached;
    await next.payments.recover(true);
    const faults = await findFaults(rig, next, purchase, crash.end);
    gate.open();
    await paying.catch((error: unknown) => {
      // The buyer who waits gets the failure; recovery settles the payment.
      if (!crash.settleFails || !String(error).includes(settleFailure))
        faults.push(`the payment throws ${error}`);
    });
    await crashed.close();
    return [...faults, ...(await findFaults(rig, next, purchase, crash.endAwake ?? crash.end))];
  } finally {
    gate.open();
    await crashed.close();
    await next.close();
  }
};

/** One purchase in which a step is committed twice at once, and once more after the end. */
export const repeatStep = async (rig: Rig, step: StepName, card: Card): Promise<string[]> => {
  const plant = rig.plant ?? plantNothing;
  const repeats: (() => Promise<unknown>)[] = [];
  const program = await openProgram(rig, {
    // Wait for the payment: recovery would take one in progress for abandoned.
    waitMs: 20_000,
    disturb: (capture, opened) => {
      const planted = plant(capture, opened);
      const failing = step === 'markAnswered' ? failFirst(planted, 'settle') : planted;
      return wrapStep(failing, step, async (commit) => {
        const first = await commit();
        repeats.push(commit);
        await commit();
        return first;
      });
    },
  });
  const faults: string[] = [];
  const note = (error: unknown): void => {
    if (step !== 'markAnswered' || !String(error).includes(settleFailure))
      faults.push(`a repeat throws ${error}`);
  };
  try {
    const purchase = await openPurchase(rig, program, card);
    await purchase.pay().catch(note);
    await program.payments.recover(true).catch(note);
    if (repeats.length === 0) faults.push(`${step} was never run`);
    for (const commit of repeats.splice(0)) await commit().catch(note);
    const end = card === 'decline' ? 'FAILED' : 'PAID';
    return [...faults, ...(await findFaults(rig, program, purchase, end))];
  } finally {
    await program.close();
  }
};

/** One undisturbed purchase. */
export const buyOnce = async (rig: Rig): Promise<void> => {
  const program = await openProgram(rig, { disturb: rig.plant ?? plantNothing });
  try {
    const purchase = await openPurchase(rig, program, 'approve');
    await purchase.pay();
  } finally {
    await program.close();
  }
};
