import { readPerformance, readShow } from '@usher/contract/catalogue.ts';
import type { ProblemCode } from '@usher/contract/problems.ts';
import { type hold, readSeats, releaseHold, takeHold } from '@usher/contract/seats.ts';
import type { SeatBits } from '@usher/domain/seat-bits.ts';
import type { z } from 'zod';
import type { Buyer, Crowd, End } from './crowd.ts';
import type { Person } from './person.ts';
import { countSeats } from './seat-choice.ts';

export type Hold = z.infer<typeof hold>;
type Wish = { seats: number[] } | { bestAvailable: { grade: string; count: number } };
type Left = { outcome: 'left'; end: End };

/** Refusals of a hold after which a person looks at the map again. */
const lostRaces: ReadonlySet<ProblemCode> = new Set([
  'SEATS_TAKEN',
  'SEATS_BLOCKED',
  'NO_SEATS_FREE',
  'NO_ADJACENT_SEATS',
  'SEAT_LEFT_STRANDED',
]);
const left = (end: End): Left => ({ outcome: 'left', end });

/** Looks at the show as everybody does; the layout is cached forever and not requested again. */
export const lookAtShow = async (crowd: Crowd, person: Person): Promise<Left | null> => {
  const { showId, performanceId } = crowd.sale;
  const show = await person.click(readShow, { params: { showId } }, { step: 'read show' });
  if (show.outcome !== 'answer') return left('no answer from the server');
  const performance = await person.click(
    readPerformance,
    { params: { performanceId } },
    { step: 'read performance' },
  );
  return performance.outcome === 'answer' ? null : left('no answer from the server');
};

/** Reads the map and tries to hold seats, repeatedly, as long as this person is patient. */
export const takeSeats = async (
  crowd: Crowd,
  buyer: Buyer,
  person: Person,
): Promise<{ outcome: 'held'; hold: Hold } | Left> => {
  const { clock, sale } = crowd;
  const params = { performanceId: sale.performanceId };
  const untilMs = clock.monotonicMs() + crowd.patienceMs;
  let tries = 0;
  for (;;) {
    const seats = await person.click(readSeats, { params }, { step: 'read seat map' });
    if (seats.outcome !== 'answer' || seats.status !== 200)
      return left('no answer from the server');
    const bits = seats.body;
    const { free, held } = countSeats(bits, sale.seatCount);
    if (free === 0 && held === 0) return left('sold out');
    if (clock.monotonicMs() > untilMs) return left('nothing came back in time');
    if (free === 0) {
      // A thousand reads a second in all, however many people watch for returned seats.
      const everyMs = Math.max(1000, crowd.shoppersMax);
      await person.wait(everyMs / 2 + buyer.random.below(everyMs));
      continue;
    }
    await person.pause(1000, 8000);
    const taken = await person.click(
      takeHold,
      { params, body: chooseSeats(crowd, buyer, bits, tries) },
      { step: 'hold' },
    );
    if (taken.outcome === 'answer') return { outcome: 'held', hold: taken.body };
    if (taken.outcome === 'gave-up') return left('no answer from the server');
    if (taken.code === 'SHOW_SOLD_OUT') return left('sold out');
    if (taken.code === 'PASS_ENDED') return left('the pass ended');
    if (!lostRaces.has(taken.code)) return left('refused otherwise');
    tries += 1;
    if (tries >= buyer.temper.triesMax) return left('lost too many races');
    await person.pause(300, 2000);
  }
};

/** As many adjacent seats as wanted, or fewer if the map shows no such window. */
const chooseSeats = (crowd: Crowd, buyer: Buyer, bits: SeatBits, tries: number): Wish => {
  const { temper, random } = buyer;
  const { choice, grades } = crowd.sale;
  if (tries === 0 && temper.chooses === 'best available') {
    const grade = grades[random.below(grades.length)] ?? '';
    return { bestAvailable: { grade, count: temper.party } };
  }
  for (let count = temper.party; count > 1; count--) {
    const seats = choice.choose(bits, count, random);
    if (seats !== null) return { seats };
  }
  return { seats: choice.choose(bits, 1, random) ?? [0] };
};

/** Releases the seats; a hold that has expired meanwhile has released them already. */
export const giveBack = async (person: Person, hold: Hold): Promise<void> => {
  await person.click(releaseHold, { params: { holdId: hold.id } }, { step: 'release' });
};

/**
 * Leaves silently, so that the seats are released at their deadline; if that is later than this run
 * waits, the page releases them for the person, as browsers do when a tab is closed.
 */
export const walkAway = async (
  crowd: Crowd,
  buyer: Buyer,
  person: Person,
  hold: Hold,
): Promise<void> => {
  const leftMs = Date.parse(hold.deadline) - Date.parse(hold.now);
  if (leftMs > crowd.patienceMs) return giveBack(person, hold);
  // Placing the order may have restarted the hold's time once.
  buyer.leftHeldUntilMs = crowd.clock.nowMs() + leftMs;
};
