import { setTimeout as sleep } from 'node:timers/promises';
import { placeOrder } from '@usher/contract/orders.ts';
import { confirmPayment } from '@usher/contract/payments.ts';
import { takeHold } from '@usher/contract/seats.ts';
import { codeOf, jsonOf, makeAsk, type Reply, type Send } from './ask.ts';
import { makeSaleTools, type Person } from './sale.ts';
import type { TestSandbox } from './sandbox.ts';

/** The last response that a buyer got about a purchase. */
export type Told = {
  orderId: string;
  attemptId: string;
  amountMinor: number;
  seatNos: readonly number[];
  performanceId: string;
  end: 'PAID' | 'DECLINED' | 'UNKNOWN' | 'ENDED' | 'ABANDONED';
};
type Whim = 'approve' | 'decline' | 'timeout' | 'lost' | 'leaves the hold' | 'leaves the order';

/** For each of twenty purchases; `timeout` is charged without an answer, `lost` is not charged. */
const whims: readonly Whim[] = [
  'leaves the hold',
  'leaves the order',
  'decline',
  'timeout',
  'lost',
  ...Array.from({ length: 15 }, () => 'approve'),
] as Whim[];
const againMs = 50;

/** Whether the program is up, for callers that wait for it. */
export const makeDoor = () => {
  let opened = Promise.withResolvers<void>();
  return {
    whenOpen: (): Promise<void> => opened.promise,
    open: (): void => opened.resolve(),
    shut: (): void => {
      opened = Promise.withResolvers<void>();
    },
  };
};
export type Door = ReturnType<typeof makeDoor>;

/**
 * Retries a call with the same key, as a good client does, until it is answered: if the connection
 * breaks, as soon as the program is back. Counts the failures.
 */
const makePatient = (send: Send, door: Door, troubles: Map<string, number>): Send => {
  const note = (what: string): void => void troubles.set(what, (troubles.get(what) ?? 0) + 1);
  return async (request) => {
    for (;;) {
      await door.whenOpen();
      let reply: Reply;
      try {
        reply = await send(request);
      } catch {
        note('no answer');
        await sleep(againMs);
        continue;
      }
      const isRunning = reply.status === 409 && codeOf(reply) === 'IDEMPOTENCY_KEY_RUNNING';
      if (reply.status < 500 && !isRunning) return reply;
      note(`${reply.status} ${codeOf(reply)}`);
      await sleep(againMs);
    }
  };
};

/**
 * Buyers who buy pair after pair in many performances until they are told to stop, whatever happens
 * to the program meanwhile.
 */
export const gatherCrowd = async (options: {
  send: Send;
  door: Door;
  sandbox: TestSandbox;
  performanceIds: readonly string[];
  seatCount: number;
  buyers: number;
}) => {
  const { door, sandbox, performanceIds, seatCount } = options;
  const troubles = new Map<string, number>();
  const asker = makeAsk(makePatient(options.send, door, troubles));
  const { ask } = asker;
  const tools = makeSaleTools(asker, sandbox);
  const told: Told[] = [];
  const unexpected: string[] = [];
  let isOver = false;
  let turn = 0;

  /** Each asks for another pair, so that buyers collide now and then. */
  const nextPair = (): number[] => {
    turn = (turn + 37) % (seatCount / 2);
    return [turn * 2, turn * 2 + 1];
  };
  const takePair = async (as: string, performanceId: string) => {
    const reply = await ask(takeHold, {
      as,
      params: { performanceId },
      body: { seats: nextPair() },
    });
    if (reply.status === 201) return String(jsonOf(reply)['id']);
    const code = codeOf(reply);
    if (!['SEATS_TAKEN', 'SEATS_ALREADY_YOURS', 'BUYER_LIMIT_REACHED'].includes(code))
      unexpected.push(`hold: ${code}`);
    return null;
  };
  const endOf = (reply: Reply): Told['end'] => {
    if (reply.status === 200) return 'PAID';
    if (reply.status === 202) return 'UNKNOWN';
    const code = codeOf(reply);
    if (code === 'PAYMENT_DECLINED') return 'DECLINED';
    // A crash between the lock of the seats and the call: nothing was sent, the order has failed.
    if (code !== 'HOLD_ENDED' && code !== 'ORDER_NOT_PAYABLE') unexpected.push(`pay: ${code}`);
    return 'ENDED';
  };

  const buyPair = async (as: string, performanceId: string, whim: Whim): Promise<void> => {
    const holdId = await takePair(as, performanceId);
    if (holdId === null || whim === 'leaves the hold') return;
    const placed = await ask(placeOrder, { as, body: { holdId } });
    if (placed.status !== 201) {
      if (codeOf(placed) !== 'HOLD_ENDED') unexpected.push(`order: ${codeOf(placed)}`);
      return;
    }
    const { order, checkout } = jsonOf(placed) as never as Awaited<ReturnType<typeof tools.order>>;
    const { attemptId, amount } = checkout;
    const record: Told = {
      orderId: order.id,
      attemptId,
      amountMinor: amount.amount,
      performanceId,
      seatNos: order.items.map(({ seat }) => seat.seatNo),
      end: 'ABANDONED',
    };
    told.push(record);
    if (whim === 'leaves the order') return;
    const paymentKey = await sandbox.authenticate(attemptId, amount.amount, whim);
    const body = { paymentKey, amount: amount.amount };
    record.end = endOf(await ask(confirmPayment, { as, params: { attemptId }, body }));
  };

  const live = async ({ token }: Person, index: number): Promise<void> => {
    for (let round = 0; !isOver && round < performanceIds.length * 2; round++) {
      const performanceId = performanceIds[(index + round) % performanceIds.length] ?? '';
      const whim = whims[(index * 7 + round) % whims.length] ?? 'approve';
      await buyPair(token, performanceId, whim);
    }
  };
  const people = await tools.newBuyers(options.buyers);
  const done = Promise.allSettled(people.map(live));
  return {
    told,
    troubles,
    /** Answers that no buyer should ever get. */
    unexpected,
    paid: (): number => told.filter(({ end }) => end === 'PAID').length,
    disperse: async (): Promise<void> => {
      isOver = true;
      const broken = (await done).filter((each) => each.status === 'rejected');
      if (broken.length > 0) throw new AggregateError(broken.map(({ reason }) => reason));
    },
  };
};
