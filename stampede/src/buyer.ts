import type { Buyer, Crowd, End } from './crowd.ts';
import { buy, type PayEnd } from './paying.ts';
import { makePerson, type Person } from './person.ts';
import { giveBack, lookAtShow, takeSeats, walkAway } from './seeking.ts';
import { leave, waitForTurn } from './waiting.ts';

/** One person's whole evening, until they have a ticket or give up. */
export const shop = async (crowd: Crowd, buyer: Buyer, startMs: number): Promise<void> => {
  const { room } = crowd;
  const comesAtMs = room === null ? startMs : Math.max(startMs, room.opensAtMs + buyer.comesMs);
  await crowd.wakes.sleep(comesAtMs - crowd.clock.monotonicMs());
  const person = makePerson(crowd, buyer, comesAtMs);
  buyer.doing = room === null ? 'looking' : 'waiting';
  const waited = room === null ? null : await waitForTurn(crowd, buyer, person, room);
  const end = waited ?? (await evening(crowd, buyer, person));
  if (room !== null && waited === null && !keepsPass(crowd, buyer, end))
    await leave(crowd, buyer, person);
  buyer.end = crowd.signal.aborted && end !== 'paid' ? 'stopped' : end;
  buyer.doing = 'gone';
};

/**
 * True if the pass was used up, or if its owner leaves silently, so that it expires. If it expires
 * later than this run waits, the page gives it back, as browsers do when a tab is closed.
 */
const keepsPass = ({ clock, patienceMs }: Crowd, { visit }: Buyer, end: End): boolean => {
  if (end !== 'walked away from the seats') return overEnds.has(end);
  return (visit.slots.at(-1)?.toMs ?? 0) - clock.monotonicMs() <= patienceMs;
};

const overEnds: ReadonlySet<End> = new Set([
  'paid',
  'payment not known yet',
  'the pass ended',
  'no answer from the server',
  'stopped',
] as const);

const evening = async (crowd: Crowd, buyer: Buyer, person: Person): Promise<End> => {
  buyer.doing = 'looking';
  const turnedAway = await lookAtShow(crowd, person);
  if (turnedAway !== null) return turnedAway.end;
  const taken = await takeSeats(crowd, buyer, person);
  if (taken.outcome === 'left') return taken.end;
  const { hold } = taken;
  buyer.doing = 'holding';
  await person.pause(2000, 10_000);
  if (buyer.temper.withHold === 'releases') {
    await giveBack(person, hold);
    return 'released the seats';
  }
  if (buyer.temper.withHold === 'walks away') {
    await walkAway(crowd, buyer, person, hold);
    return 'walked away from the seats';
  }
  buyer.doing = 'paying';
  const end = await buy(crowd, buyer, person, hold);
  if (end === 'closed for good') await walkAway(crowd, buyer, person, hold);
  return wordsFor[end];
};

const wordsFor: Record<PayEnd, End> = {
  paid: 'paid',
  declined: 'left the payment window',
  ended: 'seats lapsed before the payment',
  unknown: 'payment not known yet',
  'closed for good': 'left the payment window',
  'no answer': 'no answer from the server',
};
