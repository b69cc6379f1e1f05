import type { House, Result, SeatState, Step } from './calls.ts';
import type { Plays } from './database.ts';

const house: House = [
  {
    id: 'performance-1',
    showId: 'show-1',
    stretches: [4],
    opensAt: -1,
    closesAt: 1000,
    buyerLimit: 4,
    refusesStranding: false,
    painting: '0000',
  },
];
const buyer = 'buyer-1';
const buyUpToPayment: readonly Exclude<Step, { kind: 'together' }>[] = [
  {
    kind: 'take',
    calls: [
      {
        hold: 'hold-1',
        buyer,
        performance: 'performance-1',
        windows: [[0, 1]],
        painting: '0000',
      },
    ],
  },
  {
    kind: 'place',
    calls: [
      {
        order: 'order-1',
        hold: 'hold-1',
        buyer,
        seats: [0, 1],
        painting: '0000',
      },
    ],
  },
  {
    kind: 'begin',
    calls: [{ attempt: 'order-1/1', buyer, amountMinor: 62_000, paymentKey: 'payment-1' }],
  },
];

/**
 * A payment begins, then another process begins to pay for the same hold, then the answer of the
 * first one arrives. No sequence of calls leads here, which is why histories do not have it: the
 * fence is there for what nobody has thought of. Answers the outcomes of the calls and what became
 * of the two seats.
 */
export const settleOutdated = async (
  plays: Plays,
  answer: 'APPROVED' | 'DECLINED',
): Promise<{ outcomes: string[]; seats: SeatState[] }> => {
  const player = await plays.start(house);
  const results: Result[] = [];
  for (const step of buyUpToPayment) results.push(...(await player.apply(step)).results);
  await player.outdate('hold-1');
  const code = answer === 'APPROVED' ? null : 'code-1';
  await player.apply({ kind: 'settle', calls: [{ attempt: 'order-1/1', answer, code }] });
  const { seats } = await player.view();
  return {
    outcomes: results.map(({ outcome }) => outcome),
    seats: seats.map(({ state }) => state),
  };
};
