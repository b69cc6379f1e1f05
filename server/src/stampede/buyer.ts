import type { Buyer, Crowd, End } from './crowd.ts';
import { buy, type PayEnd } from './paying.ts';
import { makePerson } from './person.ts';
import { giveBack, lookAtShow, takeSeats, walkAway } from './seeking.ts';

/** One person's whole evening, from the moment the sale opens for them to the ticket or the end. */
export const shop = async (crowd: Crowd, buyer: Buyer, startMs: number): Promise<void> => {
  const end = await evening(crowd, buyer, startMs);
  buyer.end = crowd.signal.aborted && end !== 'paid' ? 'stopped' : end;
  buyer.doing = 'gone';
};

const evening = async (crowd: Crowd, buyer: Buyer, startMs: number): Promise<End> => {
  const person = makePerson(crowd, buyer, startMs);
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
