import { countOnes, lowestOne, maskOf } from './bits.ts';
import type { RoomFacts } from './facts.ts';
import type { Presence } from './presence.ts';
import type { RoomControl, RoomTerms } from './words.ts';

/** One person in the bucket: the rate is in people a minute, the time in ms. */
export const personCredit = 60_000;

/** Two ticks of the rate, at least one person. */
const burstOf = (control: RoomControl, terms: RoomTerms): number =>
  Math.max(personCredit, control.ratePerMinute * 2 * terms.tickMs);

/** Control as time alone makes it: an override that ends, a lobby that opens, a room run dry. */
const byTime = (facts: RoomFacts, nowMs: number): void => {
  const { it } = facts;
  const turn = (change: Partial<RoomControl>): void =>
    facts.change({ ...it.control, ...change, rev: it.control.rev + 1 }, false);
  const { override, overrideUntilMs, phase, lobbyAtMs } = it.control;
  if (override !== 'none' && overrideUntilMs !== 0 && overrideUntilMs <= nowMs)
    turn({ override: 'none', overrideUntilMs: 0 });
  if (phase === 'idle' && lobbyAtMs <= nowMs) turn({ phase: 'lobby' });
  // Not before nobody waits: whoever vanished is counted as waiting for ever.
  const isRunDry = it.front >= it.tail && it.calls.called + it.calls.late + it.passes.count === 0;
  if (phase === 'draining' && isRunDry) turn({ phase: 'closed' });
};

/** How many may be called now; 0 while nobody may. */
const freeSlots = (facts: RoomFacts, credit: number, seatsLeft: number | null): number => {
  const { control, heldUntilMs, nowMs, passes, calls } = facts.it;
  const isReleasing = control.phase === 'open' || control.phase === 'draining';
  const isFree = control.override === 'none' && control.drawnAtMs > 0 && nowMs >= heldUntilMs;
  if (!isReleasing || !isFree || seatsLeft === null) return 0;
  const slots = Math.min(control.activeMax, seatsLeft) - passes.count - calls.called;
  return Math.max(0, Math.min(slots, Math.floor(credit / personCredit)));
};

/** The next ones who are present, and where the front is when they are called. */
const nextPresent = (
  facts: RoomFacts,
  presence: Presence,
  max: number,
  windowNumbers: number,
): { front: number; numbers: number[] } => {
  const { front, tail, admittedBits } = facts.it;
  const numbers: number[] = [];
  if (max <= 0) return { front, numbers };
  const [from, to] = [front + 1, Math.min(tail, front + windowNumbers)];
  for (let word = from >>> 5; word <= to >>> 5; word++) {
    let ones = presence.word(word) & ~admittedBits.word(word) & maskOf(word, from, to);
    for (let left = countOnes(ones); left > 0; left--) {
      const number = word * 32 + lowestOne(ones);
      numbers.push(number);
      if (numbers.length === max) return { front: number, numbers };
      ones &= ones - 1;
    }
  }
  // A run of absent people is passed over; they are late when they come back.
  return { front: Math.max(front, to), numbers };
};

/** What time brings, at most once a `tickMs`; answers whether it was due. */
export const playTick = (
  facts: RoomFacts,
  presence: Presence,
  terms: RoomTerms,
  seatsLeft: number | null,
): boolean => {
  const { it } = facts;
  const { nowMs } = it;
  const isFirst = it.lastTickMs === 0;
  const sinceMs = isFirst ? 0 : nowMs - it.lastTickMs;
  if (!isFirst && sinceMs < terms.tickMs) return false;
  byTime(facts, nowMs);
  facts.sweep(nowMs);
  presence.rotate(nowMs);
  // Both together: a record of the control carries them.
  const burst = burstOf(it.control, terms);
  it.credit = isFirst ? burst : Math.min(burst, it.credit + it.control.ratePerMinute * sinceMs);
  it.lastTickMs = nowMs;

  const slots = freeSlots(facts, it.credit, seatsLeft);
  const recalled = it.calls.firstLate(slots);
  const next = nextPresent(facts, presence, slots - recalled.length, terms.windowNumbers);
  if (recalled.length === 0 && next.front === it.front) return true;
  facts.release({
    atMs: nowMs,
    credit: it.credit - personCredit * (recalled.length + next.numbers.length),
    front: next.front,
    expiresAtMs: nowMs + terms.claimWindowMs,
    recalled,
    released: next.numbers,
  });
  return true;
};
